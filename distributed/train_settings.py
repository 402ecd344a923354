"""How a training run is spread over a Ray cluster, checked before anything starts."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from core.errors import ConfigError
from core.settings_base import Settings
from core.training.launch import share_of_batch
from core.training.settings import Recipe
from core.training.shard import check_shardable
from distributed.places import absolute, is_uri

__all__ = ["ClusterTraining", "at_absolute_paths", "cluster_training", "parse_workers"]


class ClusterTraining(Settings):
    """Workers, and what happens when one is lost."""

    workers: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (2, 2)
    """Fewest and most; between them Ray takes as many as there is room for, also when nodes come and go."""
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1.0
    """CPUs, and threads, of each worker."""
    use_gpu: bool = False
    """Give each worker a GPU."""
    storage: str | None = None
    """Folder that all nodes see, or URI, for the checkpoints; null takes a folder beside the run's."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None
    """Of the run within `storage`; null takes that of the run's folder. The same name goes on with the same run."""
    max_failures: Annotated[int, Field(ge=-1)] = 3
    """Times that the run goes on from its last checkpoint after a worker failed; -1 always does. Nodes that are taken
    away with notice do not count."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """Each worker holds the whole model, or (full fine-tunes only) a part of it."""

    @model_validator(mode="after")
    def _fewest_first(self) -> "ClusterTraining":
        if self.workers[0] > self.workers[1]:
            raise ValueError(f"expected fewest and most workers, got {self.workers[0]} and {self.workers[1]}")
        return self

    def check(self, recipe: Recipe) -> None:
        """Hold it against the recipe.

        Raises:
            ConfigError: the batch cannot be divided among a number of workers that may come up, or the kind of
                training does not go with the strategy.
        """
        for workers in range(self.workers[0], self.workers[1] + 1):
            share_of_batch(recipe, workers)
        if self.strategy == "fsdp":
            check_shardable(recipe)


def cluster_training(**given: Any) -> ClusterTraining:
    """The settings, from a command's options.

    Raises:
        ConfigError: a value is out of range.
    """
    try:
        return ClusterTraining.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(_told(one["loc"], one["msg"], one["input"]) for one in error.errors())
        raise ConfigError(f"training on a cluster: {wrong}") from None


def _told(place: tuple[int | str, ...], message: str, given: Any) -> str:
    sentence = message.removeprefix("Value error, ")
    return f"{place[0]}: {sentence}, got {given!r}" if place else sentence


def parse_workers(text: str) -> tuple[int, int]:
    """`4` or `2-8` as fewest and most.

    Raises:
        ConfigError: it is neither.
    """
    match = re.fullmatch(r"(\d+)(?:\s*[-,]\s*(\d+))?", text.strip())
    if match is None:
        raise ConfigError(f"--num-workers: expected a number such as 4, or a range such as 2-8, got {text!r}")
    return int(match[1]), int(match[2] or match[1])


def at_absolute_paths(recipe: Recipe) -> Recipe:
    """The recipe with its paths from the root: workers have another current folder.

    Raises:
        ConfigError: a path is relative to a job's temporary copy.
    """
    train: dict[str, str] = {}
    for name in ("train_jsonl", "val_jsonl", "image_root"):
        path = getattr(recipe.train, name)
        if path is not None:
            train[name] = path if is_uri(path) else str(absolute(path, f"train.{name}"))
    changed: dict[str, Any] = {"train": recipe.train.model_copy(update=train)}
    if Path(recipe.base_model).is_dir():
        changed["base_model"] = str(absolute(recipe.base_model, "base_model"))
    if Path(recipe.clipscore.model).is_dir():
        model = str(absolute(recipe.clipscore.model, "clipscore.model"))
        changed["clipscore"] = recipe.clipscore.model_copy(update={"model": model})
    return recipe.model_copy(update=changed)
