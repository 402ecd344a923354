"""Run the pipeline's stages on photos with known truth, and score each (`montage evaluate stages`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.categorize import categorize
from core.embed import Embedder
from core.errors import InputError
from core.ingest import load_embeddings
from core.metrics.stages import (
    Truth,
    adjusted_rand_index,
    cluster_purity,
    label_scores,
    pair_scores,
)
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.result import EventResult, Progress
from core.settings import PipelineConfig
from core.store import Store

__all__ = ["evaluate_stages"]


def evaluate_stages(
    paths: Sequence[Path],
    truth: Truth,
    config: PipelineConfig,
    *,
    store: Store,
    embedder: Embedder,
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Score the stages on one event.

    Returns:
        `dedupe` precision, recall and F1 over pairs of photos in one group; `labels` the same, micro-averaged over
        truth's own labels and all readable photos, without the `topk` cut (null where truth has none); `cluster`
        purity and adjusted Rand index against topics (null where truth has none), silhouette and k; `posts`
        completeness, how many truly distinct photos are shown in posts, of as many as there are and
        `selection.k` has room for (less than 1 when duplicates take the room, or poor photos are left out).

    Raises:
        InputError: truth and photos have no file in common.
    """
    stages = tuple(s for s in config.pipeline if s in ("ingest", "dedupe_quality", "categorize", "cluster"))
    trimmed = config.model_copy(update={"pipeline": stages})
    result = run_pipeline(
        paths, EventDetails(name="evaluation"), trimmed, store=store, embedder=embedder, progress=progress
    )
    truth = truth.matched([photo.name for photo in result.photos])
    known = [i for i, photo in enumerate(result.photos) if photo.name in truth.group]
    if not known:
        raise InputError("the truth table names none of the photos; its 'file' is the path within the photo folder")
    return {
        "photos": len(known),
        "missing": sorted(set(truth.group) - {photo.name for photo in result.photos}),
        "model": embedder.name,
        "dedupe": _dedupe(result, truth, known),
        "labels": _labels(result, truth, known, trimmed, store, embedder),
        "cluster": _cluster(result, truth),
        "posts": {"completeness": _completeness(result, truth)},
    }


def _dedupe(result: EventResult, truth: Truth, known: Sequence[int]) -> dict[str, float]:
    kept = [result.selection.duplicate_of[i] for i in known]
    groups = [i if original is None else original for i, original in zip(known, kept, strict=True)]
    return pair_scores(groups, [truth.group[result.photos[i].name] for i in known])


def _labels(
    result: EventResult,
    truth: Truth,
    known: Sequence[int],
    config: PipelineConfig,
    store: Store,
    embedder: Embedder,
) -> dict[str, float] | None:
    if not truth.labels or not truth.label_list or "categorize" not in config.pipeline:
        return None
    photos = [result.photos[i] for i in known]
    settings = config.categorize.model_copy(update={"labels": truth.label_list})
    labels = categorize(load_embeddings(photos, config.ingest, store, embedder), settings, embedder, store)
    expected = [truth.labels[photo.name] for photo in photos]
    return label_scores(labels.scores, labels.threshold, truth.label_list, expected)


def _cluster(result: EventResult, truth: Truth) -> dict[str, Any]:
    members = [i for i in result.cluster_of if result.photos[i].name in truth.group]
    assignment = [result.cluster_of[i] for i in members]
    clusters = result.clusters
    scores: dict[str, Any] = {"purity": None, "ari": None}
    if truth.topic is not None and members:
        topics = [truth.topic[result.photos[i].name] for i in members]
        scores = {
            "purity": round(cluster_purity(assignment, topics), 6),
            "ari": round(adjusted_rand_index(assignment, topics), 6),
        }
    return {
        **scores,
        "silhouette": clusters.silhouette if clusters else None,
        "k": clusters.k if clusters else None,
    }


def _completeness(result: EventResult, truth: Truth) -> float:
    shown = {result.photos[i].name for post in result.posts for i in post.photos}
    distinct = {truth.group[photo.name] for photo in result.photos if photo.name in truth.group}
    room = min(len(distinct), result.config.selection.k or len(distinct))
    return round(min(1.0, len({truth.group[name] for name in shown if name in truth.group}) / room), 6)
