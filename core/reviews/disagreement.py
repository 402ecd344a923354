"""What reviewers said of each post, the most disputed first."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from core.reviews.judgements import JudgedItem, JudgedReview, Judgement

__all__ = ["ItemResult", "item_results"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemResult:
    """A post."""

    post: int
    captions: dict[str, str]
    """As reviewers saw them, by captioner."""
    said: dict[str, str]
    """By reviewer: a captioner, `tie`, `both_bad`, or the kind of skip."""
    counts: dict[str, int]
    """Votes for each of these, without skips."""
    disagreement: float | None
    """Share of pairs of reviewers whose votes differ; None under two votes."""
    widest: int | None
    """Largest distance between two reviewers' ratings of the same caption on the same scale; None under two."""
    widest_on: str | None
    """Captioner and scale of it."""
    means: dict[str, float]
    """Mean of all ratings of each captioner's caption."""


def item_results(judged: JudgedReview) -> tuple[ItemResult, ...]:
    """Every item of a review, the most disputed first, then by post."""
    found = [_item(item, judged) for item in judged.items]
    return tuple(sorted(found, key=lambda r: (-(r.disagreement or 0), -(r.widest or 0), r.post)))


def _item(item: JudgedItem, judged: JudgedReview) -> ItemResult:
    here = [judgement for judgement in judged.judgements if judgement.item.id == item.id]
    votes = [judgement.preferred for judgement in here if judgement.preferred is not None]
    pairs = list(combinations(votes, 2))
    widest, widest_on = _widest(here)
    ratings = {name: [v for j in here for (c, _), v in j.ratings.items() if c == name] for name in judged.captioners}
    return ItemResult(
        post=item.post,
        captions=dict(item.shown),
        said={judgement.reviewer: judgement.preferred or judgement.skip or "" for judgement in here},
        counts=dict(Counter(votes)),
        disagreement=sum(a != b for a, b in pairs) / len(pairs) if pairs else None,
        widest=widest,
        widest_on=widest_on,
        means={name: sum(values) / len(values) for name, values in ratings.items() if values},
    )


def _widest(here: list[Judgement]) -> tuple[int | None, str | None]:
    given: dict[tuple[str, str], list[int]] = {}
    for judgement in here:
        for key, value in judgement.ratings.items():
            given.setdefault(key, []).append(value)
    ranges = {key: max(values) - min(values) for key, values in given.items() if len(values) > 1}
    if not ranges:
        return None, None
    captioner, scale = max(ranges, key=lambda key: (ranges[key], key))
    return ranges[captioner, scale], f"{captioner}, {scale}"
