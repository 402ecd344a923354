"""A model that is to be evaluated, and how it is asked: the same on any machine that finds its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.config import assign, explain_refusal, parse_override, refuse_unknown
from core.errors import ConfigError
from core.settings import LoadSettings
from core.training.base_model import find_base_model
from core.training.bases import find_base
from core.training.evaluation import Evaluator
from core.training.features import FrozenFeatures, TrainingPhotos
from core.training.recipe import load_recipe
from core.training.settings import Recipe
from core.vlm.adapters import Adapter, open_adapter
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate

__all__ = ["CaptionTask", "evaluation_recipe"]


@dataclass(frozen=True, kw_only=True)
class CaptionTask:
    """A model and how it is asked; the same on any machine that finds its files."""

    model: str | None
    """As `montage describe` takes it; None takes what the adapter was trained on."""
    adapter: Path | None
    image_root: Path
    recipe: Recipe
    """Its sections `eval`, `clipscore`, `features` and `cleaning`; from `evaluation_recipe`."""
    prompt: str | None = None
    """None takes what the model was trained with."""

    @cached_property
    def opened(self) -> tuple[VisionLanguageModel, PromptTemplate]:
        """The model, its weights not loaded yet, and what it is asked.

        Raises:
            ConfigError, ModelError: it is not to be found, or the adapter does not fit.
        """
        adapter = None if self.adapter is None else open_adapter(self.adapter)
        if adapter is not None:
            checkpoint = find_base(adapter, self.model)
        elif self.model is not None:
            checkpoint, _ = find_base_model(self.model)
        else:
            raise ConfigError("name a model with --model, an adapter with --adapter, or both")
        settings = LoadSettings(
            device=self.recipe.train.device,
            dtype=self.recipe.train.dtype,
            quantization=self.recipe.quantization,
            batch_size=self.recipe.features.batch_size,
        )
        model = VisionLanguageModel(checkpoint, settings, adapter=adapter)
        return model, self._template(model, adapter)

    @cached_property
    def photos(self) -> TrainingPhotos:
        """Of the records."""
        return TrainingPhotos(root=self.image_root, scale=self.recipe.features.photo_scale)

    def evaluator(self, features: FrozenFeatures | None = None, **how: Any) -> Evaluator:
        """What asks the model, and what scores its answers."""
        return Evaluator(
            settings=self.recipe.eval,
            prompt=self.opened[1],
            photos=self.photos,
            features=features,
            max_caption_tokens=self.recipe.train.max_seq_len,
            batch_size=self.recipe.train.per_device_eval_batch_size,
            seed=self.recipe.train.seed,
            **how,
        )

    def _template(self, model: VisionLanguageModel, adapter: Adapter | None) -> PromptTemplate:
        if self.prompt is not None:
            return PromptTemplate(text=self.prompt)
        return CLUB_PROMPT if adapter is not None and adapter.prompt is None else model.prompt


def evaluation_recipe(model: str | None, adapter: Path | None, overrides: Sequence[str] = ()) -> Recipe:
    """How a model is evaluated: as the run that made the adapter did, else by the defaults.

    Args:
        overrides: `dotted.key=value` strings, such as `eval.num_beams=3`, applied last.

    Raises:
        ConfigError: an unknown key (with the nearest valid one), or a value of the wrong kind.
    """
    settings = None if adapter is None else adapter.resolve().parent / "settings.yaml"
    if settings is not None and settings.is_file():
        return load_recipe(str(settings), overrides=overrides).recipe
    given: dict[str, Any] = {"base_model": model or "of the adapter"}
    lines: dict[tuple[str, ...], str] = {}
    for override in overrides:
        key, value = parse_override(override)
        assign(given, key, value)
        lines[key] = f"--set {override}"
    refuse_unknown(given, Recipe, (), lines)
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        raise ConfigError(explain_refusal(error, lines)) from None
