"""How well a model writes, held against what people wrote: one call for a folder of weights and a file of records.

Where the answers come from is the caller's: from the model in this process, or from many workers.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.store import Store
from core.training.caption_task import CaptionTask
from core.training.cleaning import clean_records
from core.training.clip_fit import ClipJudge, open_clip_judge
from core.training.data import records_checksum
from core.training.evaluation import Answer
from core.training.features import FrozenFeatures, TrainingPhotos
from core.training.predictions import Evaluation
from core.training.problems import line_ranges
from core.training.record import Record
from core.training.records import read_records
from core.training.run_folder import provenance
from core.training.settings import Recipe
from core.vlm.model import VisionLanguageModel

__all__ = ["Answers", "Ask", "ask_here", "evaluate_captions"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What a model made of records."""

    answers: Mapping[int, Answer]
    """By the place of the record."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Photos that cannot be read, and why."""
    embeddings: Mapping[str, np.ndarray] = field(default_factory=dict)
    """CLIP's of the photos, where those that answered made them: float32 (d,)."""


Ask = Callable[[CaptionTask, Sequence[Record], Store, Progress], Answers]
"""Where answers come from."""


def evaluate_captions(
    task: CaptionTask,
    records: Path,
    *,
    store: Store,
    ask: Ask | None = None,
    training_captions: Sequence[str] | None = None,
    command: str = "",
    progress: Progress = lambda what, done, total: None,
) -> Evaluation:
    """Evaluate a model on records.

    Args:
        records: JSON lines; cleaned as in training.
        ask: where answers come from; None asks the model in this process.
        training_captions: what the model learnt from, to tell what it copies.
        command: that was given, for the record.

    Raises:
        InputError: there is no usable record.
        ConfigError, ModelError: see their messages.
    """
    begun = time.perf_counter()
    found, notices = _read(records, task)
    clip = open_clip_judge(task.recipe.clipscore, store, device=_clip_device(task.recipe))
    evaluator = task.evaluator(clip=clip, training_captions=training_captions, progress=progress)
    chosen = evaluator.subset(found)
    told = (ask or ask_here)(task, chosen, store, progress)
    kept = [i for i in range(len(chosen)) if chosen[i].image not in told.failed]
    if not kept:
        raise InputError(f"no record of {records} has a photo that can be read: {next(iter(told.failed.values()))}")
    if told.failed:
        named = "; ".join(list(told.failed.values())[:3])
        notices.append(f"photos that cannot be read, left out: {len(told.failed)} ({named})")
    looked_at = [chosen[i] for i in kept]
    if clip is not None and told.embeddings:
        evaluator = replace(evaluator, clip=_GatheredJudge(clip, told.embeddings))
    evaluation = evaluator.evaluation(
        task.opened[0],
        looked_at,
        [told.answers[i] for i in kept],
        step=_step(task.adapter),
        total=len(found),
        signature=_signature(task, records, looked_at, command),
    )
    seconds = time.perf_counter() - begun
    return replace(evaluation, notices=(*notices, *evaluation.notices), seconds=seconds)


def ask_here(task: CaptionTask, records: Sequence[Record], store: Store, progress: Progress) -> Answers:
    """Ask the model in this process; what its vision side makes of photos is kept in the store."""
    model, images = task.opened[0], list(dict.fromkeys(record.image for record in records))
    features: FrozenFeatures | None = None
    if task.recipe.features.enabled and store.root is not None:
        features = FrozenFeatures(model, task.photos, store)
        missing = features.missing(images)
        failed = features.compute(
            missing,
            batch_size=task.recipe.features.batch_size,
            progress=lambda done, total: progress("features", done, total),
        )
    else:
        failed = task.photos.unreadable(images, model)
    readable = [i for i, record in enumerate(records) if record.image not in failed]
    answers: list[Answer] = []
    if readable:
        answers = task.evaluator(features, progress=progress).answers(model, [records[i] for i in readable])
    return Answers(
        answers=dict(zip(readable, answers, strict=True)), failed={image: str(why) for image, why in failed.items()}
    )


class _GatheredJudge(ClipJudge):
    """A CLIP model that is given the photos' embeddings.

    Args:
        embeddings: by photo, float32 (d,).
    """

    def __init__(self, judge: ClipJudge, embeddings: Mapping[str, np.ndarray]) -> None:
        super().__init__(judge._embedder, judge._store)
        self._given = embeddings

    def embeddings(self, images: Sequence[str], photos: TrainingPhotos, model: VisionLanguageModel) -> np.ndarray:
        """As given: float32 (n, d)."""
        return np.stack([self._given[image] for image in images])


def _read(path: Path, task: CaptionTask) -> tuple[list[Record], list[str]]:
    """The records as training has them, and what the user should know of them."""
    read = read_records(path, task.image_root)
    notices = []
    if read.bad_lines:
        notices.append(f"{path}: {len(read.bad_lines)} lines are not used (lines {line_ranges(read.bad_lines)})")
    records = list(read.records)
    if task.recipe.train.clean_captions:
        cleaned = clean_records(records, task.recipe.cleaning)
        if cleaned.changed:
            notices.append(f"{path}: {len(cleaned.changed)} of {len(records)} captions were cleaned, as in training")
        if cleaned.emptied:
            notices.append(f"{path}: {len(cleaned.emptied)} captions have no word left and are left out")
        records = list(cleaned.records)
    if not records:
        raise InputError(f"{path} holds no usable record; `montage data check` says what is wrong with each line")
    return records, notices


def _signature(task: CaptionTask, path: Path, records: Sequence[Record], command: str) -> dict[str, Any]:
    model = task.opened[0]
    return {
        "model": model.name,
        "checksum": model.key,
        "records": path.name,
        "data_checksum": records_checksum(records, task.photos),
        **provenance(task.recipe, command=command),
    }


def _step(adapter: Path | None) -> int:
    """Steps that the weights in a run's `best/` or `last/` were trained for; 0 where that is not known."""
    if adapter is None:
        return 0
    try:
        about = json.loads((adapter.resolve().parent / "run.json").read_text(encoding="utf-8"))
        return int(about["best_step" if adapter.name == "best" else "steps"] or 0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _clip_device(recipe: Recipe) -> str:
    return "cpu" if recipe.train.device == "cpu" else "auto"
