"""Bootstrap over votes that draws posts and reviewers at once (Owen 2007, the pigeonhole bootstrap).

Votes on one post are alike, and so are votes of one person: drawing single votes would make intervals too narrow.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.metrics.statistics import Interval, resample_weights
from core.reviews.judgements import Judgement

__all__ = ["mean_interval", "percentiles", "vote_weights"]

Array = npt.NDArray[np.float64]


def vote_weights(votes: Sequence[Judgement], *, resamples: int, seed: int) -> Array:
    """How often each vote counts, (resamples, votes); all are votes of the one reviewer where there is but one."""
    weights = np.ones((resamples, len(votes)))
    if not votes:
        return weights
    for offset, units in enumerate(([vote.item.id for vote in votes], [vote.reviewer for vote in votes])):
        known, index = np.unique(np.array(units), return_inverse=True)
        # Two different streams, or the draws of posts and of reviewers would go together.
        chunks = resample_weights(len(known), resamples=resamples, seed=2 * seed + offset)
        weights *= np.concatenate(list(chunks))[:, index]
    return weights


def mean_interval(values: Array, weights: Array) -> Interval | None:
    """95 % interval of the mean of values (n,) with weights (resamples, n)."""
    totals = weights.sum(axis=1)
    drawn = totals > 0
    return percentiles((weights[drawn] @ values) / totals[drawn])


def percentiles(scores: Array) -> Interval:
    """95 % interval of resampled scores."""
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)
