"""How varied a set of captions is: distinct-n, its interval, and a paired test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.metrics.ngrams import ngram_ids
from core.metrics.statistics import Interval, swaps

__all__ = ["Diversity", "distinct", "diversity_difference", "diversity_permutation"]

Array = npt.NDArray[np.float64]
_Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True, slots=True)
class Diversity:
    """distinct-n of one set of captions."""

    texts: tuple[str, ...]
    """Words with spaces between."""
    order: int
    value: float
    """Different n-grams of all n-grams, 0-1; 0 where there is none."""
    left_out: Array
    """The value without each caption in turn, float64 (n,)."""

    @property
    def interval(self) -> Interval | None:
        """95 % by the jackknife; None under two captions.

        The bootstrap will not do: a resample holds captions twice, and so fewer different n-grams than any real set.
        """
        return _jackknife(self.value, self.left_out)


def distinct(texts: Sequence[str], order: int) -> Diversity:
    """distinct-n (Li et al. 2016) over all captions together: different n-grams by n-grams.

    It falls as captions are added, so compare only sets of the same size.
    """
    counts = _counts(texts, order)
    present = counts > 0
    holders = np.asarray(present.sum(axis=0)).ravel()
    alone = np.asarray(present[:, holders == 1].sum(axis=1)).ravel()  # n-grams that go with the caption
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    total = sizes.sum()
    return Diversity(
        texts=tuple(texts),
        order=order,
        value=float(_ratio(np.array(len(holders)), total)),
        left_out=_ratio(len(holders) - alone, total - sizes),
    )


def diversity_difference(a: Diversity, b: Diversity) -> Interval | None:
    """95 % interval of b's distinct-n less a's, by the jackknife over pairs of captions; None under two."""
    return _jackknife(b.value - a.value, b.left_out - a.left_out)


def diversity_permutation(a: Diversity, b: Diversity, *, permutations: int = 1000, seed: int = 0) -> float:
    """Two-sided p-value that the sets do not differ; as `core.metrics.statistics.paired_permutation`."""
    n = len(a.texts)
    counts = _counts([*a.texts, *b.texts], a.order)
    present, sizes = (counts > 0).astype(np.float32), np.asarray(counts.sum(axis=1)).ravel()
    observed, extreme = abs(b.value - a.value), 0
    for swapped in swaps(n, permutations=permutations, seed=seed):
        for part in np.array_split(swapped, max(1, len(swapped) * counts.shape[1] // 4_000_000)):  # 16 MB of n-grams
            of_a, of_b = np.hstack([1 - part, part]), np.hstack([part, 1 - part])
            first, second = (
                _ratio(((one.astype(np.float32) @ present) > 0).sum(axis=1), one @ sizes) for one in (of_a, of_b)
            )
            extreme += int((np.abs(second - first) >= observed - 1e-12).sum())
    return (1 + extreme) / (1 + permutations)


def _counts(texts: Sequence[str], order: int) -> Any:
    """Sparse (captions, n-grams): how often each n-gram stands in each caption."""
    from scipy.sparse import csr_array

    text, gram = list(ngram_ids(texts, order))[-1]
    shape = (len(texts), int(gram.max(initial=-1)) + 1)
    counts = csr_array((np.ones(len(gram)), (text, gram)), shape=shape)
    counts.sum_duplicates()
    return counts


def _ratio(part: Array, whole: Array) -> Array:
    whole = np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0)


def _jackknife(value: float, left_out: Array) -> Interval | None:
    n = len(left_out)
    if n < 2:
        return None
    error = float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))
    return value - _Z95 * error, value + _Z95 * error
