"""Mean ratings by captioner and scale, and the difference between the captioners."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.metrics.statistics import Interval, ItemStatistics, paired_permutation
from core.reviews.judgements import Judgement
from core.reviews.resampling import mean_interval
from core.reviews.schema import Scale

__all__ = ["Difference", "MeanRating", "mean_rating", "rating_difference"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanRating:
    """Mean rating of a captioner on a scale, 0-5."""

    captioner: str
    scale: Scale
    ratings: int
    mean: float | None
    interval: Interval | None
    """95 %; None under two posts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """First captioner's rating less the second's, by the same reviewers on the same posts."""

    scale: Scale
    pairs: int
    mean: float | None
    interval: Interval | None
    p_value: float | None
    """Paired permutation test over posts, two-sided; not corrected for the number of scales."""


def mean_rating(votes: Sequence[Judgement], captioner: str, scale: Scale, weights: Array) -> MeanRating:
    """Mean of a captioner's ratings on a scale.

    Args:
        weights: (resamples, votes).
    """
    values = _ratings(votes, captioner, scale)
    known = ~np.isnan(values)
    return MeanRating(
        captioner=captioner,
        scale=scale,
        ratings=int(known.sum()),
        mean=float(values[known].mean()) if known.any() else None,
        interval=mean_interval(values[known], weights[:, known]) if len(_posts(votes, known)) > 1 else None,
    )


def rating_difference(
    votes: Sequence[Judgement], captioners: tuple[str, str], scale: Scale, weights: Array, *, seed: int
) -> Difference:
    """Difference of two captioners on a scale, over the votes that rate both.

    Args:
        weights: (resamples, votes).
        seed: of the permutation test, which has as many permutations as there are resamples.
    """
    first, second = (_ratings(votes, name, scale) for name in captioners)
    known = ~np.isnan(first - second)
    posts, post = np.unique(_posts(votes, known, repeats=True), return_inverse=True)
    several = len(posts) > 1
    p_value = None
    if several:
        of_second, of_first = (
            ItemStatistics(rows=np.stack([np.bincount(post, x[known]), np.bincount(post)], axis=1))
            for x in (second, first)
        )
        p_value = paired_permutation(of_second, of_first, permutations=len(weights), seed=seed)
    difference = (first - second)[known]
    return Difference(
        scale=scale,
        pairs=int(known.sum()),
        mean=float(difference.mean()) if known.any() else None,
        interval=mean_interval(difference, weights[:, known]) if several else None,
        p_value=p_value,
    )


def _ratings(votes: Sequence[Judgement], captioner: str, scale: Scale) -> Array:
    """(votes,), NaN where there is none."""
    return np.array([vote.ratings.get((captioner, scale), np.nan) for vote in votes], dtype=np.float64)


def _posts(votes: Sequence[Judgement], known: npt.NDArray[np.bool_], *, repeats: bool = False) -> list[int]:
    posts = [vote.item.id for vote, counted in zip(votes, known, strict=True) if counted]
    return posts if repeats else list(set(posts))
