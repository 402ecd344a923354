"""A model evaluated by many workers on Ray: `python -m distributed.evaluate`, `montage evaluate captions --ray`.

Workers bring back what the model answered; scores are computed once, over all answers, as in a single process.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError, MontageError
from core.store import Store
from core.training.caption_task import CaptionTask
from core.training.clip_fit import ClipJudge, open_clip_judge
from core.training.evaluate_model import Answers, Progress, ask_here
from core.training.evaluation import Answer
from core.training.record import Record
from distributed.batch_pool import PoolSettings, run_pool

__all__ = ["EvaluateWorker", "ask_workers", "same_everywhere"]

_PIECE_BATCHES = 8
"""Batches that a worker takes at a time."""


def same_everywhere(task: CaptionTask, pool: PoolSettings) -> CaptionTask:
    """The task with nothing left to the machine that a worker happens to run on."""
    device = "cuda" if pool.gpus_per_worker else "cpu"
    train = task.recipe.train.model_copy(update={"device": device})
    return replace(task, recipe=task.recipe.model_copy(update={"train": train}))


def ask_workers(
    task: CaptionTask, records: Sequence[Record], store: Store, progress: Progress, *, pool: PoolSettings
) -> Answers:
    """Answers from many workers; to be called while connected to Ray.

    Args:
        task: from `same_everywhere`.

    Raises:
        ModelError: a worker cannot use the model.
        ConfigError: the cluster has no room for a worker.
    """
    size = task.recipe.train.per_device_eval_batch_size * _PIECE_BATCHES
    pieces = [tuple(records[start : start + size]) for start in range(0, len(records), size)]
    job = _Job(
        task=replace(task),  # without what it has opened here
        model_key=task.opened[0].key,
        pieces=tuple(pieces),
        store=None if store.root is None else str(store.root),
    )
    answers: dict[int, Answer] = {}
    failed: dict[str, str] = {}
    vectors: dict[str, np.ndarray] = {}
    progress("evaluate", 0, len(records))
    for row in run_pool(EvaluateWorker, job, range(len(pieces)), pool):
        if row["error"]:
            raise ModelError(f"a worker could not evaluate: {row['error']}")
        told = json.loads(row["told"])
        first = row["piece"] * size
        answers |= {first + int(i): Answer(**{**one, "losses": tuple(one["losses"])}) for i, one in told["answers"]}
        failed |= told["failed"]
        vectors |= {image: np.array(one, dtype=np.float32) for image, one in told["embeddings"].items()}
        progress("evaluate", len(answers), len(records))
    return Answers(answers=answers, failed=failed, embeddings=vectors)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """What travels to every worker."""

    task: CaptionTask
    model_key: str
    pieces: tuple[tuple[Record, ...], ...]
    store: str | None


class EvaluateWorker:
    """Asks its model about some records at a time; the model is loaded at the first ones."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._store = Store(None if job.store is None else Path(job.store))
        self._clip: ClipJudge | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Answer the piece that a batch of one row names; an error that a user can act on becomes its row."""
        piece = int(batch["piece"][0])
        try:
            return {"piece": [piece], "told": [self._answers(piece)], "error": [""]}
        except MontageError as error:
            return {"piece": [piece], "told": [""], "error": [str(error)]}

    def _answers(self, piece: int) -> str:
        task = self._job.task
        if task.opened[0].key != self._job.model_key:
            raise ModelError(
                f"its {task.opened[0].name} is not the driver's; give all nodes the same files, in a shared folder "
                "for instance"
            )
        found = ask_here(task, self._job.pieces[piece], self._store, lambda what, done, total: None)
        images = list(dict.fromkeys(self._job.pieces[piece][i].image for i in found.answers))
        told = {
            "answers": [(i, asdict(answer)) for i, answer in found.answers.items()],
            "failed": dict(found.failed),
            "embeddings": self._embeddings(images),
        }
        return json.dumps(told)

    def _embeddings(self, images: Sequence[str]) -> dict[str, list[float]]:
        """CLIP's, so that the driver need not look at the photos."""
        task = self._job.task
        if self._clip is None and task.recipe.clipscore.enabled:
            self._clip = open_clip_judge(task.recipe.clipscore, self._store, device=task.recipe.train.device)
        if self._clip is None or not images:
            return {}
        vectors = self._clip.embeddings(images, task.photos, task.opened[0])
        return {image: vector.tolist() for image, vector in zip(images, vectors, strict=True)}


if __name__ == "__main__":
    from distributed.evaluate_command import main

    main()
