"""The model that a recipe begins with: its files for a run, its configuration alone for a dry run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError, ModelUnavailableError
from core.training.published import PUBLISHED
from core.vlm.checkpoint import Checkpoint
from core.vlm.family import Family
from core.vlm.names import find_named
from core.vlm.presets import FAMILIES, LEGACY_FLORENCE, PRESETS

__all__ = ["Shape", "empty_model", "find_base_model", "find_shape"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A model without weights."""

    name: str
    family: Family
    config: Mapping[str, Any]
    checkpoint: Checkpoint | None
    """Its files, where they are on this machine."""


def find_base_model(name: str) -> tuple[Checkpoint, str | None]:
    """Find or download a base, and a sentence for the user where there is one; a legacy Florence-2 by its native name.

    Raises:
        ModelUnavailableError, ModelError, ConfigError: as `core.vlm.names.find_named`.
    """
    return find_named(LEGACY_FLORENCE.get(name, name))


def find_shape(name: str) -> Shape:
    """A base's configuration: from its files where they are here, else as it was published; downloads no weights.

    Raises:
        ModelUnavailableError, ModelError, ConfigError: as `find_base_model`.
    """
    native = LEGACY_FLORENCE.get(name, name)
    repository = PRESETS[native].repository if native in PRESETS else native
    if repository in PUBLISHED:
        config = PUBLISHED[repository]
        family = next(f for f in FAMILIES.values() if f.model_type == config["model_type"])
        return Shape(name=repository, family=family, config=config, checkpoint=_cached(native))
    checkpoint, _ = find_base_model(native)
    return Shape(name=checkpoint.name, family=checkpoint.family, config=checkpoint.config, checkpoint=checkpoint)


def empty_model(shape: Shape) -> Any:
    """The model at full size on the meta device: shapes without numbers.

    Raises:
        ModelError: transformers does not take its configuration.
    """
    import torch
    import transformers

    from core.vlm.loading import quiet

    plain = {key: value for key, value in json.loads(json.dumps(shape.config)).items() if key != "model_type"}
    try:
        config = transformers.AutoConfig.for_model(shape.family.model_type, **plain)
        with torch.device("meta"), quiet():
            model = getattr(transformers, shape.family.model_class)(config)
    except (TypeError, ValueError, KeyError) as error:
        raise ModelError(f"{shape.name}: its config.json does not describe a model: {error}") from error
    if shape.config.get("text_config", {}).get("tie_word_embeddings") is False:
        # The published flan-t5 has a head of its own, which loading finds in the file.
        head = model.language_model.lm_head
        head.weight = torch.nn.Parameter(torch.empty_like(head.weight))
    return model


def _cached(name: str) -> Checkpoint | None:
    from core.vlm.checkpoint import cached_snapshot, open_checkpoint

    repository = PRESETS[name].repository if name in PRESETS else name
    folder: Path | None = cached_snapshot(repository)
    if folder is None:
        return None
    try:
        return open_checkpoint(folder, name=name)
    except (ModelError, ModelUnavailableError):
        return None
