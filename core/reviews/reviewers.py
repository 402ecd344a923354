"""Reviewers join a review and come back to it by a cookie that their browser keeps."""

import hashlib
import random
import secrets

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.captioners.mending import plain_characters
from core.errors import InputError
from core.reviews.desk import ReviewDesk
from core.reviews.links import check_link, open_link
from core.reviews.schema import Review, Reviewer, Showing
from core.reviews.tokens import LinkError

__all__ = ["join", "known_reviewer"]

_MOST_NAME_CHARS = 60
_MOST_REVIEWERS = 500
"""Whoever has an open link can join; a program that does so again and again must not fill the disk."""


def join(desk: ReviewDesk, token: str, name: str, *, password: str | None = None, client: str = "") -> str:
    """Begin to review: order and sides are drawn and kept.

    Returns:
        The reviewer's cookie, by which they come back; the database holds only its checksum.

    Raises:
        LinkError: the link does not open.
        InputError: no name, one that already reviews, or too many reviewers.
    """
    name = " ".join(plain_characters(name).split())
    if not 0 < len(name) <= _MOST_NAME_CHARS:
        raise InputError(f"a reviewer's name needs 1 to {_MOST_NAME_CHARS} characters, got {len(name)}")
    review_id = open_link(desk, token, password=password, client=client)
    cookie = secrets.token_urlsafe(24)
    reviewer = Reviewer(
        review_id=review_id, name=name, name_key=name.casefold(), cookie=_checksum(cookie), joined_at_s=desk.clock()
    )
    try:
        with desk.database.writing() as session:
            there = select(func.count()).where(Reviewer.review_id == review_id)
            if session.execute(there).scalar_one() >= _MOST_REVIEWERS:
                raise InputError(f"this review already has {_MOST_REVIEWERS} reviewers; ask the editor for another one")
            session.add(reviewer)
            session.flush()
            _draw_order(session, reviewer)
    except IntegrityError:
        raise InputError(
            f"{name!r} already takes part in this review. If that is you, go on in the browser you began with; if not, "
            "add an initial to your name"
        ) from None
    return cookie


def known_reviewer(session: Session, desk: ReviewDesk, token: str, cookie: str) -> Reviewer:
    """The row of the reviewer that a cookie stands for.

    Raises:
        LinkError: the link does not open, or the cookie is not of one of its reviewers (`not_joined`).
    """
    review_id = check_link(session, desk, token)
    found = select(Reviewer).where(Reviewer.cookie == _checksum(cookie), Reviewer.review_id == review_id)
    reviewer = session.scalar(found)
    if reviewer is None:
        raise LinkError("not_joined", "This browser has not joined the review yet. Say your name to begin.")
    return reviewer


def _draw_order(session: Session, reviewer: Reviewer) -> None:
    """A random order of the items, and half of them with the captions swapped."""
    review = session.get_one(Review, reviewer.review_id)
    items = [item.id for item in review.items]
    draw = random.Random(f"{review.seed}:{reviewer.id}")  # text seeds: the same on every machine
    draw.shuffle(items)
    swapped = [i % 2 == 0 for i in range(len(items))]
    if len(items) % 2:
        swapped[-1] = draw.random() < 0.5
    draw.shuffle(swapped)
    for place, (item, swap) in enumerate(zip(items, swapped, strict=True), start=1):
        session.add(Showing(reviewer_id=reviewer.id, item_id=item, place=place, swapped=swap))


def _checksum(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()[:40]
