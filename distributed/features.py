"""Frozen features of a recipe's photos, computed once across the cluster by a pool of Ray Data actors.

The store is a folder that all nodes see; an entry is whole or absent, so that actors that die cost time and no more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.store import Store
from core.training.base_model import find_base_model
from core.training.data import training_data
from core.training.dataset import prompt_template
from core.training.features import FrozenFeatures, TrainingPhotos, why_features_are_off
from core.training.freeze import parts_to_train
from core.training.launch import load_settings
from core.training.learner import LearningModel
from core.training.settings import Recipe
from distributed.cluster import thread_variables

__all__ = ["FeaturePool", "FeaturesMade", "compute_features"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeaturePool:
    """Who computes."""

    actors: int
    cpus: float
    """Of each actor."""
    use_gpu: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FeaturesMade:
    """What a pool did."""

    computed: int
    found: int
    """Photos whose features were in the store."""
    failed: int
    """Photos that cannot be read; training says which and why."""


def compute_features(
    recipe: Recipe,
    store_root: Path,
    pool: FeaturePool,
    *,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> FeaturesMade | None:
    """Store the features that training will ask for; connected to Ray.

    Args:
        recipe: with absolute paths.
        store_root: a folder that all nodes see.
        progress: called with ("features", photos done, photos in all).

    Returns:
        None where the recipe's training does not use stored features.

    Raises:
        ConfigError, InputError, ModelError: as training does.
    """
    features = _features(recipe, store_root)
    if features is None:
        return None
    images = training_data(recipe).images
    # Another device may compute in another number format, and then other entries of the store are meant.
    unknown = images if pool.use_gpu else features.missing(images)
    counts = {"found": len(images) - len(unknown), "computed": 0, "failed": 0}
    if unknown:
        progress("features", 0, len(unknown))
        for done, what in enumerate(_encoded(recipe, store_root, pool, unknown), start=1):
            counts[what] += 1
            progress("features", done, len(unknown))
    return FeaturesMade(**counts)


def _encoded(recipe: Recipe, store_root: Path, pool: FeaturePool, images: list[str]) -> Iterator[str]:
    """For each photo, once it is stored, what became of it."""
    import ray

    per_batch = recipe.features.batch_size
    actors = max(1, min(pool.actors, -(-len(images) // per_batch)))
    ray.data.DataContext.get_current().enable_progress_bars = False
    photos = ray.data.from_items([{"image": image} for image in images], override_num_blocks=actors)
    results = photos.map_batches(
        _Encoder,
        fn_constructor_kwargs={"recipe": recipe, "store_root": store_root},
        batch_size=per_batch,
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=pool.cpus,
        num_gpus=1 if pool.use_gpu else 0,
        runtime_env={"env_vars": thread_variables(pool.cpus)},
    )
    for row in results.iter_rows():
        yield str(row["what"])


class _Encoder:
    """One actor: the vision side of the base, loaded once."""

    def __init__(self, recipe: Recipe, store_root: Path) -> None:
        self._size = recipe.features.batch_size
        features = _features(recipe, store_root)
        assert features is not None
        self._features = features

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        images = [str(image) for image in batch["image"]]
        missing = self._features.missing(images)
        failed = self._features.compute(missing, batch_size=self._size)
        what = dict.fromkeys(images, "found") | dict.fromkeys(missing, "computed") | dict.fromkeys(failed, "failed")
        return {"what": np.array([what[image] for image in images])}


def _features(recipe: Recipe, store_root: Path) -> FrozenFeatures | None:
    """As the run has them; None where it has none."""
    checkpoint, _ = find_base_model(recipe.base_model)
    if why_features_are_off(recipe, checkpoint.family, parts_to_train(recipe, checkpoint.family)) is not None:
        return None
    model = LearningModel(checkpoint, load_settings(recipe), prompt_template(recipe, checkpoint.prompt))
    root = Path(recipe.train.image_root or Path(str(recipe.train.train_jsonl)).parent)
    return FrozenFeatures(model, TrainingPhotos(root=root, scale=recipe.features.photo_scale), Store(store_root))
