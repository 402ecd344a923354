"""Votes as they are analysed: by captioner instead of by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from core.reviews.desk import ReviewDesk
from core.reviews.links import known_review
from core.reviews.schema import Reviewer, Scale, Showing, Vote

__all__ = ["BOTH_BAD", "TIE", "JudgedItem", "JudgedReview", "Judgement", "read_judgements"]

TIE, BOTH_BAD = "tie", "both_bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedItem:
    """An item and its captions."""

    id: int
    post: int
    prompt: str
    written: Mapping[str, str]
    """By captioner, as it was written, without hashtags."""
    shown: Mapping[str, str]
    """As reviewers saw it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What one reviewer said of one item."""

    item: JudgedItem
    reviewer: str
    left: str
    """The captioner whose caption stood on the left."""
    preferred: str | None
    """A captioner, `tie` or `both_bad`; None where the item was skipped."""
    skip: str | None
    ratings: Mapping[tuple[str, Scale], int]
    """By captioner and scale."""
    at_s: float
    changes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedReview:
    """A review with all that was said in it."""

    id: str
    title: str
    event: str
    captioners: tuple[str, str]
    seed: int
    items: tuple[JudgedItem, ...]
    judgements: tuple[Judgement, ...]
    """In the order of posts and reviewers, skips among them."""

    @property
    def votes(self) -> tuple[Judgement, ...]:
        """Without skips."""
        return tuple(judgement for judgement in self.judgements if judgement.preferred is not None)


def read_judgements(desk: ReviewDesk, review_id: str) -> JudgedReview:
    """All votes of a review.

    Raises:
        InputError: there is no such review.
    """
    with desk.database.reading() as session:
        review = known_review(session, review_id)
        names = (review.first, review.second)
        items = {
            item.id: JudgedItem(
                id=item.id,
                post=item.post,
                prompt=item.prompt,
                written=dict(zip(names, (item.first_text, item.second_text), strict=True)),
                shown=dict(zip(names, (item.first_shown, item.second_shown), strict=True)),
            )
            for item in review.items
        }
        found = (
            select(Vote, Reviewer.name, Showing.swapped)
            .join(Reviewer, Reviewer.id == Vote.reviewer_id)
            .join(Showing, (Showing.reviewer_id == Vote.reviewer_id) & (Showing.item_id == Vote.item_id))
            .where(Reviewer.review_id == review.id)
            .order_by(Vote.item_id, Reviewer.id)
            .options(selectinload(Vote.ratings))
        )
        judgements = tuple(
            _judgement(vote, name, items[vote.item_id], names[::-1] if swapped else names)
            for vote, name, swapped in session.execute(found)
        )
        return JudgedReview(
            id=review.id,
            title=review.title,
            event=review.event,
            captioners=names,
            seed=review.seed,
            items=tuple(items.values()),
            judgements=judgements,
        )


def _judgement(vote: Vote, reviewer: str, item: JudgedItem, sides: tuple[str, str]) -> Judgement:
    by_side = {"left": sides[0], "right": sides[1]}
    return Judgement(
        item=item,
        reviewer=reviewer,
        left=sides[0],
        preferred=None if vote.choice is None else by_side.get(vote.choice, vote.choice),
        skip=vote.skip,
        ratings={(by_side[r.side], cast(Scale, r.scale)): r.value for r in vote.ratings},
        at_s=vote.at_s,
        changes=vote.changes,
    )
