"""The dedupe_quality stage: near-duplicates and bursts of an event, and which photos go on.

`core.dedupe` groups, `core.geometry` compares; this file brings them the stored views and applies the settings.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from core.dedupe import close_hashes, find_groups, similar_pairs
from core.embed import Embedder
from core.geometry import Comparison, compare
from core.ingest import Photo, load_view, photo_key
from core.selection import select_best
from core.settings import PipelineConfig
from core.store import Store, digest

__all__ = ["Selection", "dedupe_and_select"]

_VIEWS_IN_MEMORY = 4096
_VERSION = 2
_REPORT_EVERY = 200

Pairs = Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which photos go on, and why the others do not. Indices speak of the ingested photos."""

    selected: tuple[int, ...]
    """In the order of the ingested photos."""
    duplicate_of: tuple[int | None, ...]
    """For each photo the better one of its group; None where it is the best or alone."""
    burst: tuple[int | None, ...]
    """For each photo the number of its burst."""
    reasons: tuple[str | None, ...]
    """For each photo why it does not go on: duplicate, poor_quality, burst, not_selected."""
    measures: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def everything(n: int) -> "Selection":
        """All photos go on."""
        none: tuple[None, ...] = (None,) * n
        return Selection(selected=tuple(range(n)), duplicate_of=none, burst=none, reasons=none)

    def counts(self) -> dict[str, int]:
        """How many photos were kept, and how many left out for each reason."""
        named = ("duplicate", "poor_quality", "burst", "not_selected")
        left_out = {f"left_out_{reason}": self.reasons.count(reason) for reason in named}
        bursts = len({b for b in self.burst if b is not None})
        return {"photos": len(self.reasons), "kept": len(self.selected), **left_out, "bursts": bursts}


def dedupe_and_select(
    photos: Sequence[Photo],
    embeddings: np.ndarray | None,
    config: PipelineConfig,
    store: Store,
    embedder: Embedder,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Selection:
    """Find near-duplicates and bursts, and choose the photos that go on.

    Args:
        embeddings: float32 (n, d), unit length; None where the settings need none.
        progress: called with (pairs compared, candidate pairs found so far).
    """
    settings = config.dedupe
    threshold = embedder.calibration.clip_threshold if settings.clip_threshold is None else settings.clip_threshold
    key = digest(
        "groups",
        _VERSION,
        [photo_key(photo, config.ingest) for photo in photos],
        settings.model_dump(),
        threshold,
        embedder.key if settings.method != "phash" else None,
    )
    groups = store.json("groups", key, lambda: _find(photos, embeddings, config, store, threshold, progress))
    quality = np.array([photo.quality.score for photo in photos])
    reasons: list[str | None] = ["duplicate" if d is not None else None for d in groups["duplicate_of"]]
    _leave_out_poor(reasons, quality, config.selection.min_quality)
    if settings.bursts == "best":
        _leave_out_bursts(reasons, groups["burst"], quality)
    candidates = [i for i, reason in enumerate(reasons) if reason is None]
    if embeddings is not None:
        chosen = {candidates[i] for i in select_best(embeddings[candidates], quality[candidates], k=config.selection.k)}
        for i in candidates:
            reasons[i] = None if i in chosen else "not_selected"
    measures = {"candidate_pairs": groups["candidates"], "compared_pairs": groups["compared"]}
    if settings.method != "phash":
        measures["clip_threshold"] = threshold
    if settings.method != "clip":
        measures["near_dup_threshold"] = settings.near_dup_threshold
    return Selection(
        selected=tuple(i for i, reason in enumerate(reasons) if reason is None),
        duplicate_of=tuple(groups["duplicate_of"]),
        burst=tuple(groups["burst"]),
        reasons=tuple(reasons),
        measures=measures,
    )


def _find(
    photos: Sequence[Photo],
    embeddings: np.ndarray | None,
    config: PipelineConfig,
    store: Store,
    threshold: float,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    settings = config.dedupe
    found = compared = 0

    def candidates() -> Pairs:
        nonlocal found
        for source in pairs:
            for block in source:
                found += len(block[0])
                yield block

    @lru_cache(maxsize=_VIEWS_IN_MEMORY)
    def view(i: int) -> Any:
        return load_view(photos[i], config.ingest, store)

    def compare_pair(i: int, j: int) -> Comparison:
        nonlocal compared
        compared += 1
        if compared % _REPORT_EVERY == 0:
            progress(compared, found)
        if photos[i].pixel_hash == photos[j].pixel_hash:
            return Comparison(relation="duplicate", inliers=0, agreement=1.0, overlap=1.0)
        comparison = compare(view(i), view(j))
        if settings.verify == "geometry" and comparison.inliers == 0:  # judged by whole pixels only
            return replace(comparison, relation="different")
        return comparison

    pairs: list[Pairs] = [_identical(photos)]
    if settings.method in ("clip", "both") and embeddings is not None:
        pairs.append(similar_pairs(embeddings, threshold=threshold))
    if settings.method in ("phash", "both"):
        hashes = np.array([photo.perceptual_hash for photo in photos], dtype=np.uint64)
        pairs.append(close_hashes(hashes, max_distance=settings.near_dup_threshold))
    with threadpool_limits(limits=1, user_api="blas"):  # products this small are 7 to 13 times slower in threads
        groups = find_groups(
            candidates=candidates(),
            n=len(photos),
            compare=None if settings.verify == "none" else compare_pair,
            quality=np.array([photo.quality.score for photo in photos]),
            pixels=np.array([photo.pixels for photo in photos]),
            tie_break=[photo.pixel_hash for photo in photos],
            captured_at_s=np.array([photo.header.captured_at_s for photo in photos]),
            burst_gap_s=settings.burst_gap_s,
        )
    return {
        "duplicate_of": list(groups.duplicate_of),
        "burst": list(groups.burst),
        "candidates": groups.candidates,
        "compared": groups.compared,
    }


def _identical(photos: Sequence[Photo]) -> Pairs:
    """Copies of one file are duplicates whatever the method, even where geometry finds nothing to hold on to."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(p.pixel_hash, i), i) for i, p in enumerate(photos)]
    pairs = [(i, j) for i, j in pairs if i != j]
    if pairs:
        i, j = np.array(pairs).T
        yield i, j, np.ones(len(pairs), dtype=np.float32)


def _leave_out_poor(reasons: list[str | None], quality: np.ndarray, least: float) -> None:
    """Poor photos go, but never all of them: one is better than an event without posts."""
    free = [i for i, reason in enumerate(reasons) if reason is None]
    poor = [i for i in free if quality[i] < least]
    if len(poor) == len(free):
        poor.remove(max(poor, key=lambda i: (quality[i], -i)))
    for i in poor:
        reasons[i] = "poor_quality"


def _leave_out_bursts(reasons: list[str | None], burst: Sequence[int | None], quality: np.ndarray) -> None:
    best: dict[int, int] = {}
    for i, number in enumerate(burst):
        if number is not None and reasons[i] is None and (number not in best or quality[i] > quality[best[number]]):
            best[number] = i
    for i, number in enumerate(burst):
        if number is not None and reasons[i] is None and best[number] != i:
            reasons[i] = "burst"
