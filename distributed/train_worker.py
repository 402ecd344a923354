"""What each worker of a training run does: core's trainer, its checkpoints given to Ray.

A checkpoint holds the run's whole folder as of that moment, so that nothing is lost with the node that wrote it. Each
worker has a folder of its own for the time being; only the first one's is more than its random state.
"""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError, MontageError, PhotoError
from core.store import Store, digest
from core.training.launch import is_main_process
from core.training.recipe import LoadedRecipe
from core.training.run import train
from core.training.weights import last_checkpoint

__all__ = ["WorkerTask", "train_worker"]

_CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerTask:
    """What all workers are told."""

    loaded: LoadedRecipe
    """With absolute paths."""
    store_root: Path
    command: str
    cpus: float
    sharded: bool
    """Each worker holds a part of the weights."""


def train_worker(config: dict[str, Any]) -> dict[str, Any]:
    """Train from the last checkpoint that Ray has, or from the beginning.

    Args:
        config: a `WorkerTask` as `task`.

    Returns:
        The fields of the `TrainingRun`.

    Raises:
        MontageError: with the name of the node.
    """
    import torch

    task: WorkerTask = config["task"]
    torch.set_num_threads(max(1, int(task.cpus)))
    with _scratch() as scratch:
        try:
            return _train(task, scratch)
        except MontageError as error:
            kind = InputError if isinstance(error, PhotoError) else type(error)  # that one does not travel
            raise kind(f"{error} (on {socket.gethostname()})") from error


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder of this worker's own; what one that was killed left in it goes first."""
    import ray.train

    context = ray.train.get_context()
    run = digest(context.get_storage().experiment_fs_path)[:12]
    folder = Path(tempfile.gettempdir()) / f"montage-train-{os.getuid()}-{run}-{context.get_world_rank()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _train(task: WorkerTask, scratch: Path) -> dict[str, Any]:
    import ray.train

    folder = scratch / "run"
    before = ray.train.get_checkpoint()
    if before is not None:
        before.to_directory(str(folder))

    def report(step: int, metrics: dict[str, float], checkpoint: Path | None) -> None:
        _report(scratch, {"step": step, **metrics}, folder, checkpoint)

    done = train(
        task.loaded,
        folder,
        store=Store(task.store_root),
        resume=before is not None,
        command=task.command,
        tell=_tell,
        report=report,
        shared_batch=True,
        sharded=task.sharded,
    )
    newest = last_checkpoint(folder / _CHECKPOINTS) or folder / _CHECKPOINTS / "none"
    last = {"step": done.steps, "epoch": done.epochs, **done.metrics}
    _report(scratch, last, folder, newest if is_main_process() else None)
    return asdict(done) | {"folder": "", "chosen": done.chosen.name}


def _report(scratch: Path, metrics: dict[str, Any], folder: Path, checkpoint: Path | None) -> None:
    """Give Ray the metrics and, with a checkpoint, what is this worker's of the run; Ray puts the parts together."""
    import ray.train

    if checkpoint is None:
        ray.train.report(metrics)
        return
    with tempfile.TemporaryDirectory(dir=scratch) as copy:
        if is_main_process():
            shutil.copytree(folder, copy, copy_function=os.link, ignore=_older_than(checkpoint), dirs_exist_ok=True)
        else:
            target = Path(copy) / checkpoint.relative_to(folder)
            target.mkdir(parents=True)
            for path in checkpoint.glob(f"rng_state_{ray.train.get_context().get_world_rank()}.pth"):
                os.link(path, target / path.name)
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(copy))


def _older_than(checkpoint: Path) -> Callable[[str, list[str]], set[str]]:
    """For `shutil.copytree`: what does not belong into Ray's checkpoint; files are linked, not copied once more."""

    def ignored(parent: str, names: list[str]) -> set[str]:
        stale = {name for name in names if name != checkpoint.name} if Path(parent) == checkpoint.parent else set()
        return stale | {name for name in names if name.startswith(".")}

    return ignored


def _tell(sentence: str) -> None:
    if is_main_process():
        print(sentence, file=sys.stderr, flush=True)
