"""What a sweep does once before its trials: read the data, look at all photos, list decodings and groupings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.store import Store
from core.training.base_model import find_base_model
from core.training.clip_fit import ClipJudge
from core.training.features import why_features_are_off
from core.training.freeze import parts_to_train
from core.training.launch import load_settings
from core.vlm.model import VisionLanguageModel
from distributed.sweep_data import SweepData, look_at_photos, open_data
from distributed.sweep_keys import SCORING_CODE, TRAINING_CODE, code_version
from distributed.sweep_load import LoadedSweep
from distributed.sweep_scores import find_embedder
from distributed.sweep_settings import ClipSettings
from distributed.sweep_shared import Sweep
from distributed.sweep_told import Told
from distributed.sweep_variants import decodings_of, groupings_of

__all__ = ["Prepared", "look", "prepare"]

OnCluster = Callable[..., Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A sweep that can begin."""

    sweep: Sweep
    base: dict[str, str]
    """`name` and `checksum` of the model that is trained."""
    counts: dict[str, int]
    """`photos` that are wanted from the store, and `photos_found` there."""


def prepare(
    loaded: LoadedSweep, results: Path, store: Path, name: str, command: str, on_cluster: OnCluster, told: Told
) -> Prepared:
    """Read the records and look at every photo once; what trials need is then in the store.

    Args:
        on_cluster: runs a function where a trial would run.

    Raises:
        ConfigError, InputError, ModelError: see their messages.
    """
    settings = loaded.settings
    checkpoint, notice = find_base_model(loaded.recipe.recipe.base_model)
    _, about_clip = find_embedder(settings.clip)
    for sentence in (notice, about_clip):
        if sentence:
            told.say(f"Note: {sentence}")
    told.say("Preparing")
    data = open_data(loaded.recipe.recipe, settings.data, results / "data", progress=told.stage)
    data, counts = on_cluster(settings, look, data, settings.clip, store)
    sweep = Sweep(
        name=name,
        settings=settings,
        data=data,
        checksums=data.checksums,
        decodings=tuple(decodings_of(settings.param_space.decoding, settings.budget.decodings, seed=settings.seed)),
        groupings=tuple(groupings_of(settings.param_space.clustering, settings.budget.groupings, seed=settings.seed)),
        base_key=checkpoint.key,
        training_code=code_version(TRAINING_CODE),
        scoring_code=code_version(SCORING_CODE),
        store_root=store,
        cache_root=results / "trials",
        command=command,
    )
    return Prepared(sweep=sweep, base={"name": checkpoint.name, "checksum": checkpoint.key}, counts=counts)


def look(data: SweepData, clip: ClipSettings, store_root: Path) -> tuple[SweepData, dict[str, int]]:
    """Look at all photos; where they are looked at is where the features of a trial are computed, too."""
    store = Store(store_root)
    checkpoint, _ = find_base_model(data.recipe.base_model)
    model = VisionLanguageModel(checkpoint, load_settings(data.recipe))
    embedder, _ = find_embedder(clip)
    off = why_features_are_off(data.recipe, checkpoint.family, parts_to_train(data.recipe, checkpoint.family))
    data = look_at_photos(data, model, ClipJudge(embedder, store), store, features=off is None)
    kinds = ("features", "embedding", "strength")
    found = sum(store.found.get(kind, 0) for kind in kinds)
    return data, {"photos": found + sum(store.computed.get(kind, 0) for kind in kinds), "photos_found": found}
