"""Which captioner reviewers prefer, length and side being equal."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.metrics.statistics import Interval, rate_interval
from core.reviews.bradley_terry import Comparisons, fit_bradley_terry
from core.reviews.judgements import BOTH_BAD, TIE, JudgedReview, Judgement
from core.reviews.resampling import mean_interval, percentiles

__all__ = ["Preference", "preference"]


_HALF = {TIE: 0.5, BOTH_BAD: 0.5}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """Votes and what Bradley-Terry makes of them; intervals are 95 %, None under two posts."""

    wins: dict[str, int]
    """Votes for each captioner."""
    ties: int
    both_bad: int
    share: float | None = None
    """Votes for the first captioner among all, ties and "both bad" half: of captions as they are, long or short."""
    share_interval: Interval | None = None
    win_rate: float | None = None
    """By Bradley-Terry: how often the first captioner would be preferred at equal length, on either side."""
    win_rate_interval: Interval | None = None
    length_effect: float | None = None
    """Log-odds of winning for a caption twice as long; above 0, reviewers favour long ones."""
    length_effect_interval: Interval | None = None
    side_effect: float | None = None
    """Log-odds of winning on the left between equals."""
    side_effect_interval: Interval | None = None
    left_share: float | None = None
    """Of the votes for one side, those for the left; 0.5 shows no bias."""
    left_share_interval: Interval | None = None


def preference(judged: JudgedReview, weights: npt.NDArray[np.float64], *, seed: int) -> Preference:
    """The preference between a review's captioners.

    A tie counts as half a win for each. "Both bad" says that neither is better, so it counts as a tie too; how many
    there are is told beside. Skips do not count.

    Args:
        weights: (resamples, votes).
        seed: of the prior's part in the intervals.
    """
    votes, (first, second) = judged.votes, judged.captioners
    said = [vote.preferred for vote in votes]
    wins = {name: said.count(name) for name in judged.captioners}
    ties, both_bad = said.count(TIE), said.count(BOTH_BAD)
    if not votes:
        return Preference(wins=wins, ties=ties, both_bad=both_bad)
    compared = _comparisons(votes, judged.captioners)
    fitted, resampled = fit_bradley_terry(compared), fit_bradley_terry(compared, weights, seed=seed)
    outcome = np.array([_HALF.get(vote.preferred or "", float(vote.preferred == first)) for vote in votes])
    several = len({vote.item.id for vote in votes}) > 1
    sided = [vote.preferred == vote.left for vote in votes if vote.preferred in judged.captioners]
    return Preference(
        wins=wins,
        ties=ties,
        both_bad=both_bad,
        share=float(outcome.mean()),
        share_interval=mean_interval(outcome, weights) if several else None,
        win_rate=float(fitted.win_rate(first, second)[0]),
        win_rate_interval=percentiles(resampled.win_rate(first, second)) if several else None,
        length_effect=float(fitted.length[0]),
        length_effect_interval=percentiles(resampled.length) if several else None,
        side_effect=float(fitted.side[0]),
        side_effect_interval=percentiles(resampled.side) if several else None,
        left_share=float(np.mean(sided)) if sided else None,
        left_share_interval=rate_interval(sided),
    )


def _comparisons(votes: tuple[Judgement, ...], captioners: tuple[str, str]) -> Comparisons:
    left = [vote.left for vote in votes]
    right = [captioners[1 - captioners.index(name)] for name in left]
    return Comparisons(
        left=left,
        right=right,
        outcome=np.array([_HALF.get(vote.preferred or "", float(vote.preferred == vote.left)) for vote in votes]),
        longer=np.array(
            [
                math.log2(len(vote.item.shown[a]) / len(vote.item.shown[b]))
                for vote, a, b in zip(votes, left, right, strict=True)
            ]
        ),
    )
