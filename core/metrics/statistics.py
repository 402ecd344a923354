"""Intervals and tests for scores of a set of captions. Every function is seeded and resamples whole items.

A corpus score is often no mean of item scores (BLEU divides sums of counts). So a metric gives each item's statistics
and says how their sums combine; a resample then needs only new sums.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "FEW_ITEMS",
    "Interval",
    "ItemStatistics",
    "bootstrap_intervals",
    "paired_bootstrap",
    "paired_permutation",
    "rate_interval",
    "resample_weights",
    "swaps",
]

Array = npt.NDArray[np.float64]
Interval = tuple[float, float]
"""Low and high end, 95 % unless said otherwise."""

FEW_ITEMS = 10
"""Below this many items an interval or a test is too rough to go by."""

_CHUNK_CELLS = 2_000_000
"""Resamples x items held at once: 16 MB."""


def mean_of_sums(sums: Array) -> Array:
    """The mean, from sums (..., 2) of values and of ones."""
    with np.errstate(invalid="ignore"):  # NaN where no item that was drawn has a value
        return np.asarray(sums[..., 0] / sums[..., 1], dtype=np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemStatistics:
    """What each item adds to a score.

    Args:
        rows: float64 (n, k).
        combine: turns sums (..., k) into scores (...).
    """

    rows: Array
    combine: Callable[[Array], Array] = mean_of_sums

    @classmethod
    def mean(cls, values: npt.ArrayLike) -> "ItemStatistics":
        """Those of a score that is the mean of the items' own (n,); an item whose value is NaN is not counted."""
        column = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(column)
        return cls(rows=np.stack([np.where(known, column, 0.0), known.astype(np.float64)], axis=1))

    @property
    def value(self) -> float:
        """The score of all items."""
        return float(self.combine(self.rows.sum(axis=0)))


def resample_weights(n: int, *, resamples: int, seed: int) -> Iterator[Array]:
    """How often each item is drawn, in chunks (about 2e6 / n, n); the same for the same n and seed."""
    generator = np.random.default_rng(seed)
    for size in _chunks(resamples, n):
        drawn = generator.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def swaps(n: int, *, permutations: int, seed: int) -> Iterator[Array]:
    """For each item 1 where the two systems change places, else 0, in chunks (about 2e6 / n, n)."""
    generator = np.random.default_rng(seed)
    for size in _chunks(permutations, n):
        yield generator.integers(2, size=(size, n)).astype(np.float64)


def bootstrap_intervals(
    measured: Sequence[ItemStatistics], *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> list[Interval | None]:
    """Percentile bootstrap intervals (Efron 1979) of several scores of the same items, over the same draws.

    Returns:
        An interval for each; None where there are fewer than two items.
    """
    _check(resamples, level)
    if not measured or len(measured[0].rows) < 2:
        return [None] * len(measured)
    return [_percentiles(scores, level) for scores in _resampled(measured, resamples, seed)]


def rate_interval(values: npt.ArrayLike) -> Interval | None:
    """95 % Wilson interval of the share of ones in 0s and 1s (n,); None under two.

    The bootstrap would give 0 to 0 where none of a few captions leaks, as if none could.
    """
    from scipy.stats import binomtest

    flags = np.asarray(values)
    if len(flags) < 2:
        return None
    found = binomtest(int(flags.sum()), len(flags)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def paired_bootstrap(
    a: ItemStatistics, b: ItemStatistics, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval | None:
    """Interval of score b less score a, both over the same draws of items (Koehn 2004); None under two items."""
    _check(resamples, level)
    _check_pair(a, b)
    if len(a.rows) < 2:
        return None
    of_a, of_b = _resampled([a, b], resamples, seed)
    return _percentiles(of_b - of_a, level)


def paired_permutation(a: ItemStatistics, b: ItemStatistics, *, permutations: int = 1000, seed: int = 0) -> float:
    """Two-sided p-value that the systems do not differ: each item's two captions change places at random.

    Approximate randomisation (Noreen 1989), p = (1 + as extreme) / (1 + permutations), so never 0.
    """
    _check_pair(a, b)
    step, total_a, total_b = b.rows - a.rows, a.rows.sum(axis=0), b.rows.sum(axis=0)
    observed = abs(float(b.combine(total_b) - a.combine(total_a)))
    extreme = 0
    for swapped in swaps(len(a.rows), permutations=permutations, seed=seed):
        moved = swapped @ step
        differences = b.combine(total_b - moved) - a.combine(total_a + moved)
        extreme += int((~(np.abs(differences) < observed - 1e-12)).sum())  # NaN counts against a difference
    return (1 + extreme) / (1 + permutations)


def _resampled(measured: Sequence[ItemStatistics], resamples: int, seed: int) -> list[Array]:
    """Scores of each over the resamples, (resamples,)."""
    widths = np.cumsum([one.rows.shape[1] for one in measured])[:-1]
    rows = np.concatenate([one.rows for one in measured], axis=1)
    weights = resample_weights(len(rows), resamples=resamples, seed=seed)
    sums = np.concatenate([chunk @ rows for chunk in weights])
    return [one.combine(part) for one, part in zip(measured, np.split(sums, widths, axis=1), strict=True)]


def _percentiles(scores: Array, level: float) -> Interval:
    low, high = np.nanpercentile(scores, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _chunks(total: int, n: int) -> Iterator[int]:
    most = max(1, _CHUNK_CELLS // max(n, 1))
    yield from (min(most, total - start) for start in range(0, total, most))


def _check(resamples: int, level: float) -> None:
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"expected resamples >= 1 and a level between 0 and 1, got {resamples} and {level}")


def _check_pair(a: ItemStatistics, b: ItemStatistics) -> None:
    if a.rows.shape != b.rows.shape:
        raise ValueError(f"a paired test needs the same items; their statistics are {a.rows.shape} and {b.rows.shape}")
