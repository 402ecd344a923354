"""What a reviewer does: see an item, say which caption is better, stop and come back.

Every call names the link's token and the reviewer's cookie anew, so that nothing opens once the link is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.config import nearest
from core.errors import InputError
from core.reviews.desk import ReviewDesk
from core.reviews.reviewers import known_reviewer
from core.reviews.schema import (
    CHOICES,
    HIGHEST_RATING,
    SCALES,
    SIDES,
    SKIPS,
    Choice,
    Item,
    ItemPicture,
    Picture,
    Rating,
    ReplacedVote,
    Review,
    Reviewer,
    Scale,
    Showing,
    Side,
    Skip,
    Vote,
)

__all__ = ["Progress", "Said", "ShownItem", "ShownPicture", "next_item", "picture", "progress", "show", "vote"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A vote: a choice with ratings, or a skip.

    Raises:
        InputError: neither or both, or an unknown word or rating.
    """

    choice: Choice | None = None
    skip: Skip | None = None
    ratings: Mapping[tuple[Side, Scale], int] = field(default_factory=dict)
    """Whole numbers 0-5; what was not rated is absent."""

    def __post_init__(self) -> None:
        if (self.choice is None) == (self.skip is None):
            raise InputError(f"a vote is either a choice or a skip, got choice {self.choice!r} and skip {self.skip!r}")
        for what, word, known in (("choice", self.choice, CHOICES), ("skip", self.skip, SKIPS)):
            if word is not None and word not in known:
                raise InputError(f"{what}: expected {', '.join(known)}, got {word!r}; {nearest(str(word), known)}")
        if self.skip is not None and self.ratings:
            raise InputError("a skipped item has no ratings; give a choice, or leave the ratings out")
        for (side, scale), value in self.ratings.items():
            if side not in SIDES or scale not in SCALES:
                raise InputError(f"ratings are of {SIDES} by {SCALES}, got {(side, scale)!r}")
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST_RATING:
                raise InputError(f"{side} {scale}: expected a whole number from 0 to {HIGHEST_RATING}, got {value!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownPicture:
    """A photo of an item; `picture` gives its bytes."""

    digest: str
    alt_text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownItem:
    """An item as its reviewer sees it: nothing in it tells who wrote what."""

    item: int
    place: int
    """In this reviewer's order, from 1."""
    of: int
    left: str
    right: str
    pictures: tuple[ShownPicture, ...]
    said: Said | None
    """The vote so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a reviewer has come, in places of their own order."""

    title: str
    name: str
    voted: tuple[int, ...]
    skipped: tuple[int, ...]
    could_not_load: tuple[int, ...]
    """Worth another try."""
    open: tuple[int, ...]


def next_item(desk: ReviewDesk, token: str, cookie: str) -> ShownItem | None:
    """The first item without a vote in the reviewer's order; None where all have one.

    Raises:
        LinkError: the link does not open, or the cookie is not of one of its reviewers (`not_joined`).
    """
    with desk.database.reading() as session:
        reviewer = known_reviewer(session, desk, token, cookie)
        said = select(Vote.item_id).where(Vote.reviewer_id == reviewer.id)
        open_ = (
            select(Showing)
            .where(Showing.reviewer_id == reviewer.id, Showing.item_id.not_in(said))
            .order_by(Showing.place)
            .limit(1)
        )
        showing = session.scalar(open_)
        return None if showing is None else _shown(session, showing)


def show(desk: ReviewDesk, token: str, cookie: str, place: int) -> ShownItem:
    """The item at a place of the reviewer's order, with their vote so far, to look again or change it.

    Raises:
        LinkError: as for `next_item`.
        InputError: there is no such place.
    """
    with desk.database.reading() as session:
        reviewer = known_reviewer(session, desk, token, cookie)
        found = select(Showing).where(Showing.reviewer_id == reviewer.id, Showing.place == place)
        showing = session.scalar(found)
        if showing is None:
            raise InputError(f"this review has no item at place {place!r}")
        return _shown(session, showing)


def vote(desk: ReviewDesk, token: str, cookie: str, item: int, said: Said) -> None:
    """Keep a vote; a changed one replaces the earlier, which stays in the history. The same once more changes nothing.

    Raises:
        LinkError: as for `next_item`.
        InputError: the item is none of this review.
    """
    with desk.database.writing() as session:
        reviewer = known_reviewer(session, desk, token, cookie)
        # One person's votes queue here (PostgreSQL; SQLite has one writer), so that two tabs make one vote.
        session.execute(select(Reviewer.id).where(Reviewer.id == reviewer.id).with_for_update())
        if session.get(Showing, (reviewer.id, item)) is None:
            raise InputError(f"this review has no item {item!r}")
        earlier = session.scalar(select(Vote).where(Vote.reviewer_id == reviewer.id, Vote.item_id == item))
        if earlier is None:
            earlier = Vote(reviewer_id=reviewer.id, item_id=item, changes=0)
            session.add(earlier)
        elif _said(earlier) == said:
            return
        else:
            session.add(ReplacedVote(vote_id=earlier.id, said=_as_json(_said(earlier)), at_s=earlier.at_s))
            earlier.changes += 1
            earlier.ratings.clear()
            session.flush()
        earlier.choice, earlier.skip, earlier.at_s = said.choice, said.skip, desk.clock()
        earlier.ratings = [Rating(side=side, scale=scale, value=v) for (side, scale), v in said.ratings.items()]


def progress(desk: ReviewDesk, token: str, cookie: str) -> Progress:
    """How far the reviewer has come.

    Raises:
        LinkError: as for `next_item`.
    """
    with desk.database.reading() as session:
        reviewer = known_reviewer(session, desk, token, cookie)
        kinds: dict[str, tuple[int, ...]] = dict.fromkeys(("voted", *SKIPS, "open"), ())
        found = (
            select(Showing.place, Vote.id, Vote.skip)
            .outerjoin(Vote, (Vote.item_id == Showing.item_id) & (Vote.reviewer_id == Showing.reviewer_id))
            .where(Showing.reviewer_id == reviewer.id)
            .order_by(Showing.place)
        )
        for place, voted, skip in session.execute(found):
            kinds["open" if voted is None else skip or "voted"] += (place,)
        review = session.get_one(Review, reviewer.review_id)
        return Progress(title=review.title, name=reviewer.name, **kinds)


def picture(desk: ReviewDesk, token: str, cookie: str, digest: str) -> bytes:
    """The JPEG of a photo, without metadata.

    Raises:
        LinkError: as for `next_item`.
        InputError: the photo is none of this review.
    """
    with desk.database.reading() as session:
        reviewer = known_reviewer(session, desk, token, cookie)
        found = (
            select(Picture.jpeg)
            .join(ItemPicture, ItemPicture.digest == Picture.digest)
            .join(Item, Item.id == ItemPicture.item_id)
            .where(Item.review_id == reviewer.review_id, Picture.digest == digest)
        )
        jpeg = session.scalars(found).first()
        if jpeg is None:
            raise InputError("this review has no such photo")
        return jpeg


def _shown(session: Session, showing: Showing) -> ShownItem:
    item = session.get_one(Item, showing.item_id)
    vote = session.scalar(select(Vote).where(Vote.reviewer_id == showing.reviewer_id, Vote.item_id == item.id))
    of = session.query(Showing).where(Showing.reviewer_id == showing.reviewer_id).count()
    captions = [item.first_shown, item.second_shown]
    left, right = reversed(captions) if showing.swapped else captions
    return ShownItem(
        item=item.id,
        place=showing.place,
        of=of,
        left=left,
        right=right,
        pictures=tuple(ShownPicture(digest=p.digest, alt_text=p.alt_text) for p in item.pictures),
        said=None if vote is None else _said(vote),
    )


def _said(vote: Vote) -> Said:
    ratings = {(rating.side, rating.scale): rating.value for rating in vote.ratings}
    return Said(choice=vote.choice, skip=vote.skip, ratings=ratings)  # type: ignore[arg-type] # the table's checks


def _as_json(said: Said) -> dict[str, object]:
    ratings = {f"{side} {scale}": value for (side, scale), value in sorted(said.ratings.items())}
    return {"choice": said.choice, "skip": said.skip, "ratings": ratings}
