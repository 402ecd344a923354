"""Krippendorff's alpha: how far reviewers agree beyond chance; 1 is perfect, 0 what chance would give."""

import warnings
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import krippendorff
import numpy as np
import numpy.typing as npt

from core.metrics.statistics import Interval

__all__ = ["Agreement", "krippendorff_alpha"]

Level = Literal["nominal", "ordinal", "interval"]

_RELIABLE, _TENTATIVE = 0.8, 0.667
_LEAST_DEFINED = 0.8
"""Share of resamples that must have an alpha for an interval to be given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Agreement on one question."""

    level: Level
    alpha: float | None
    interval: Interval | None
    """95 %, bootstrap over what was judged."""
    units: int
    """Judged by two or more."""
    reading: str
    """What the value means, or why there is none."""


def krippendorff_alpha(
    said: Iterable[tuple[Hashable, int]], *, values: Sequence[int], level: Level, resamples: int = 1000, seed: int = 0
) -> Agreement:
    """Agreement on what several reviewers said.

    Args:
        said: what was judged and the value that somebody gave it, once for each reviewer.
        values: all that can be given, in their order.
        level: nominal, ordinal or interval.
    """
    column = {value: i for i, value in enumerate(values)}
    rows: dict[Hashable, npt.NDArray[np.int64]] = {}
    for unit, value in said:
        rows.setdefault(unit, np.zeros(len(values), dtype=np.int64))[column[value]] += 1
    pairable = [row for row in rows.values() if row.sum() >= 2]
    if not pairable:
        return _without(level, 0, "nothing was judged by two reviewers")
    counts = np.stack(pairable)
    alpha = _alpha(counts, values, level)
    if alpha is None:
        return _without(level, len(counts), "undefined: everybody said the same everywhere")
    return Agreement(
        level=level,
        alpha=alpha,
        interval=_interval(counts, values, level, resamples, seed),
        units=len(counts),
        reading=_reading(alpha),
    )


def _alpha(counts: npt.NDArray[np.int64], values: Sequence[int], level: Level) -> float | None:
    if (counts.sum(axis=0) > 0).sum() < 2:
        return None
    with warnings.catch_warnings():  # values that nobody gave make the library divide 0 by 0 on the way
        warnings.simplefilter("ignore", RuntimeWarning)
        found = krippendorff.alpha(value_counts=counts, value_domain=list(values), level_of_measurement=level)
    return float(found) if np.isfinite(found) else None


def _interval(
    counts: npt.NDArray[np.int64], values: Sequence[int], level: Level, resamples: int, seed: int
) -> Interval | None:
    if len(counts) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(len(counts), size=(resamples, len(counts)))
    alphas = [alpha for rows in drawn if (alpha := _alpha(counts[rows], values, level)) is not None]
    if len(alphas) < _LEAST_DEFINED * resamples:
        return None
    low, high = np.percentile(alphas, [2.5, 97.5])
    return float(low), float(high)


def _reading(alpha: float) -> str:
    """Krippendorff's own bounds (Content Analysis, 2004, 11.4.2)."""
    if alpha >= _RELIABLE:
        return "reliable"
    return (
        "tentative conclusions only" if alpha >= _TENTATIVE else "reviewers do not agree enough to rely on this alone"
    )


def _without(level: Level, units: int, reason: str) -> Agreement:
    return Agreement(level=level, alpha=None, interval=None, units=units, reading=reason)
