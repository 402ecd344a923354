"""Lists reviews with their links and how far each reviewer has come, for the editor."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.reviews.desk import ReviewDesk
from core.reviews.links import known_review
from core.reviews.schema import Review, Vote

__all__ = ["LinkOverview", "ReviewOverview", "ReviewerOverview", "list_reviews", "review_overview"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkOverview:
    """A link, without its token, which is shown once when it is made."""

    id: str
    expires_at_s: float
    state: str
    """open, expired or revoked."""
    password: bool
    """Whether it asks for one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewerOverview:
    """How far a reviewer has come; the counts add up to the review's items."""

    name: str
    voted: int
    skipped: int
    could_not_load: int
    open: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewOverview:
    """A review."""

    id: str
    title: str
    event: str
    captioners: tuple[str, str]
    created_at_s: float
    revoked: bool
    items: int
    notes: tuple[str, ...]
    links: tuple[LinkOverview, ...]
    reviewers: tuple[ReviewerOverview, ...]

    @property
    def votes(self) -> int:
        """Of all reviewers, without skips."""
        return sum(reviewer.voted for reviewer in self.reviewers)


def list_reviews(desk: ReviewDesk) -> tuple[ReviewOverview, ...]:
    """All reviews, the newest first."""
    with desk.database.reading() as session:
        reviews = session.scalars(select(Review).order_by(Review.created_at_s.desc(), Review.id))
        return tuple(_overview(session, review, desk.clock()) for review in reviews)


def review_overview(desk: ReviewDesk, review_id: str) -> ReviewOverview:
    """One review.

    Raises:
        InputError: there is no such review.
    """
    with desk.database.reading() as session:
        return _overview(session, known_review(session, review_id), desk.clock())


def _overview(session: Session, review: Review, now_s: float) -> ReviewOverview:
    counted = (
        select(Vote.reviewer_id, Vote.skip, func.count())
        .where(Vote.reviewer_id.in_([reviewer.id for reviewer in review.reviewers]))
        .group_by(Vote.reviewer_id, Vote.skip)
    )
    counts = {(reviewer, skip): n for reviewer, skip, n in session.execute(counted)}
    items = len(review.items)
    reviewers = []
    for reviewer in review.reviewers:
        voted, skipped, broken = (counts.get((reviewer.id, kind), 0) for kind in (None, "skipped", "could_not_load"))
        left = items - voted - skipped - broken
        reviewers.append(
            ReviewerOverview(name=reviewer.name, voted=voted, skipped=skipped, could_not_load=broken, open=left)
        )
    return ReviewOverview(
        id=review.id,
        title=review.title,
        event=review.event,
        captioners=(review.first, review.second),
        created_at_s=review.created_at_s,
        revoked=review.revoked_at_s is not None,
        items=items,
        notes=tuple(review.notes),
        links=tuple(
            LinkOverview(
                id=link.id,
                expires_at_s=link.expires_at_s,
                state="revoked"
                if review.revoked_at_s is not None or link.revoked_at_s is not None
                else "expired"
                if now_s >= link.expires_at_s
                else "open",
                password=link.password is not None,
            )
            for link in review.links
        ),
        reviewers=tuple(reviewers),
    )
