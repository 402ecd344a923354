"""`montage train --ray`: the same command, its work done by a Ray cluster."""

from pathlib import Path
from typing import Any

from core.training.recipe import LoadedRecipe
from core.training.run import Progress, Tell, TrainingRun

__all__ = ["ON_RAY", "ray_training"]

ON_RAY = "On a Ray cluster"
"""Heading of the options in the command's help."""


def ray_training(
    loaded: LoadedRecipe,
    out: Path | None,
    *,
    store: Path | None,
    address: str | None,
    resume: bool,
    command: str,
    progress: Progress,
    tell: Tell,
    workers: str,
    **cluster: Any,
) -> TrainingRun:
    """Check the options, and train as `python -m distributed.train` does.

    Args:
        workers: as `--num-workers` takes it.
        cluster: further fields of `distributed.train_settings.ClusterTraining`.

    Raises:
        MontageError: as `distributed.train.train_recipe`.
    """
    from distributed.train import run_folder, train_recipe  # imports Ray, which takes a while
    from distributed.train_settings import cluster_training, parse_workers

    return train_recipe(
        loaded,
        run_folder(out, loaded),
        cluster_training(workers=parse_workers(workers), **cluster),
        store=store,
        address=address,
        resume=resume,
        command=command,
        progress=progress,
        tell=tell,
    )
