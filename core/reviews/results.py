"""What the votes of a review say, with intervals, and what they are too few to say."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from core.metrics.statistics import FEW_ITEMS, Interval
from core.reviews.agreement import Agreement, krippendorff_alpha
from core.reviews.disagreement import ItemResult, item_results
from core.reviews.judgements import BOTH_BAD, TIE, JudgedReview
from core.reviews.preference import Preference, preference
from core.reviews.ratings import Difference, MeanRating, mean_rating, rating_difference
from core.reviews.resampling import vote_weights
from core.reviews.schema import HIGHEST_RATING, SCALES
from core.store import digest

__all__ = ["FEW_REVIEWERS", "FEW_VOTES", "Results", "review_results"]

FEW_VOTES, FEW_REVIEWERS = 30, 3
_PREFERENCE = "preference"


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """Everything, for the editor."""

    review: str
    title: str
    event: str
    captioners: tuple[str, str]
    items: int
    reviewers: int
    """Who voted at least once."""
    votes: int
    skipped: int
    could_not_load: int
    means: tuple[MeanRating, ...]
    differences: tuple[Difference, ...]
    preference: Preference
    agreement: dict[str, Agreement]
    """On each scale, and on the preference."""
    by_item: tuple[ItemResult, ...]
    """The most disputed first."""
    verdict: str
    """One sentence."""
    notes: tuple[str, ...]
    """Sentences that must be read with the figures."""
    signature: dict[str, str | int]
    """What determines these figures: checksum of the votes, resamples, seed."""


def review_results(judged: JudgedReview, *, resamples: int = 1000, seed: int = 0) -> Results:
    """Analyse a review. The same votes, resamples and seed give the same figures.

    Intervals are 95 %, by a bootstrap that draws posts and reviewers at once, so that they speak of other posts and
    other reviewers too; where one person voted, of that person only.

    Raises:
        ValueError: fewer than 100 resamples.
    """
    if resamples < 100:
        raise ValueError(f"an interval needs at least 100 resamples, got {resamples}")
    votes, skips = judged.votes, [judgement.skip for judgement in judged.judgements]
    weights = vote_weights(votes, resamples=resamples, seed=seed)
    preferred = preference(judged, weights, seed=seed)
    return Results(
        review=judged.id,
        title=judged.title,
        event=judged.event,
        captioners=judged.captioners,
        items=len(judged.items),
        reviewers=len({vote.reviewer for vote in votes}),
        votes=len(votes),
        skipped=skips.count("skipped"),
        could_not_load=skips.count("could_not_load"),
        means=tuple(mean_rating(votes, name, scale, weights) for name in judged.captioners for scale in SCALES),
        differences=tuple(rating_difference(votes, judged.captioners, scale, weights, seed=seed) for scale in SCALES),
        preference=preferred,
        agreement=_agreement(judged, resamples, seed),
        by_item=item_results(judged),
        verdict=_verdict(judged, preferred),
        notes=tuple(_notes(judged, preferred)),
        signature={"votes": _checksum(judged), "resamples": resamples, "seed": seed},
    )


def _agreement(judged: JudgedReview, resamples: int, seed: int) -> dict[str, Agreement]:
    found: dict[str, Agreement] = {}
    for scale in SCALES:
        said = [
            ((vote.item.id, name), vote.ratings[name, scale])
            for vote in judged.votes
            for name in judged.captioners
            if (name, scale) in vote.ratings
        ]
        values = range(HIGHEST_RATING + 1)
        found[scale] = krippendorff_alpha(said, values=values, level="ordinal", resamples=resamples, seed=seed)
    kinds = (*judged.captioners, TIE, BOTH_BAD)
    choices = [(vote.item.id, kinds.index(vote.preferred or "")) for vote in judged.votes]
    found[_PREFERENCE] = krippendorff_alpha(
        choices, values=range(len(kinds)), level="nominal", resamples=resamples, seed=seed
    )
    return found


def _verdict(judged: JudgedReview, preferred: Preference) -> str:
    first, second = judged.captioners
    if preferred.win_rate is None:
        return "No votes yet."
    if preferred.win_rate_interval is None or _is_few(judged):
        return "Too few votes to say which captioner is preferred."
    as_shown = _better(judged, preferred.share_interval)
    at_equal_length = _better(judged, preferred.win_rate_interval)
    if as_shown is None and at_equal_length is None:
        return f"No preference shown between {first} and {second}."
    if as_shown == at_equal_length:
        return f"{as_shown} is preferred to {second if as_shown == first else first}."
    if at_equal_length is None:
        return f"{as_shown} is preferred, but its lead may be owed to the length of its captions."
    return f"{at_equal_length} is preferred at equal length only; as the captions are, no such preference is shown."


def _better(judged: JudgedReview, interval: Interval | None) -> str | None:
    """The captioner that an interval of the first one's share shows to be better; None where it holds one half."""
    if interval is None or interval[0] <= 0.5 <= interval[1]:
        return None
    return judged.captioners[0 if interval[0] > 0.5 else 1]


def _is_few(judged: JudgedReview) -> bool:
    posts = {vote.item.id for vote in judged.votes}
    return len(judged.votes) < FEW_VOTES or len(posts) < FEW_ITEMS


def _notes(judged: JudgedReview, preferred: Preference) -> Iterator[str]:
    votes, posts = judged.votes, {vote.item.id for vote in judged.votes}
    people = len({vote.reviewer for vote in votes})
    if not votes:
        return
    if len(votes) < FEW_VOTES:
        yield f"{_count(len(votes), 'vote')}: too few to conclude from (fewer than {FEW_VOTES})."
    if len(posts) < FEW_ITEMS:
        yield f"{_count(len(posts), 'post')} judged: too few for intervals to go by (fewer than {FEW_ITEMS})."
    if people < FEW_REVIEWERS:
        yield f"{_count(people, 'reviewer')}: others may see it otherwise (fewer than {FEW_REVIEWERS})."
    if preferred.both_bad * 4 >= len(votes):
        yield f"Both captions were called bad in {preferred.both_bad} of {len(votes)} votes."
    share = preferred.left_share_interval
    if share is not None and not share[0] <= 0.5 <= share[1]:
        side = "left" if share[0] > 0.5 else "right"
        yield f"Reviewers favour the {side} caption; the win rate is corrected for it."
    longer = [math.log2(len(x.shown[judged.captioners[0]]) / len(x.shown[judged.captioners[1]])) for x in judged.items]
    if len(longer) > 1 and (min(longer) > 0 or max(longer) < 0):
        name = judged.captioners[0 if min(longer) > 0 else 1]
        yield f"Captions of {name} are always the longer ones: captioner and length cannot be told apart well."


def _checksum(judged: JudgedReview) -> str:
    said = [
        [
            vote.item.id,
            vote.reviewer,
            vote.left,
            vote.preferred,
            vote.skip,
            sorted([*k, v] for k, v in vote.ratings.items()),
        ]
        for vote in judged.judgements
    ]
    return digest(judged.id, list(judged.captioners), said)[:12]


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
