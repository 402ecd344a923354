"""The tables of reviews. Times are seconds since 1970, UTC; a change of a table needs a migration beside it.

reviews ─┬─ links ── password_attempts
         ├─ items ── item_pictures ── pictures
         └─ reviewers ─┬─ showings (item)
                       └─ votes (item) ─┬─ ratings
                                        └─ replaced_votes
"""

from typing import Any, Literal

from sqlalchemy import JSON, CheckConstraint, ForeignKey, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import Double

__all__ = [
    "CHOICES",
    "HIGHEST_RATING",
    "SCALES",
    "SIDES",
    "SKIPS",
    "Base",
    "Choice",
    "Item",
    "ItemPicture",
    "Link",
    "PasswordAttempt",
    "Picture",
    "Rating",
    "ReplacedVote",
    "Review",
    "Reviewer",
    "Scale",
    "Showing",
    "Side",
    "Skip",
    "Vote",
]

Side = Literal["left", "right"]
Choice = Literal["left", "right", "tie", "both_bad"]
Skip = Literal["skipped", "could_not_load"]
Scale = Literal["relevance", "mood", "correctness"]

SIDES: tuple[Side, ...] = ("left", "right")
CHOICES: tuple[Choice, ...] = ("left", "right", "tie", "both_bad")
SKIPS: tuple[Skip, ...] = ("skipped", "could_not_load")
SCALES: tuple[Scale, ...] = ("relevance", "mood", "correctness")
"""Correctness is freedom from error."""
HIGHEST_RATING = 5
"""Ratings are whole numbers from 0."""

_Key = String(40)


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


class Base(DeclarativeBase):
    """All tables; constraints are named alike on every database, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {float: Double(), str: Text()}  # noqa: RUF012 - SQLAlchemy's own way


class Review(Base):
    """Two captioners' captions of an event's posts, to be compared."""

    __tablename__ = "reviews"

    id: Mapped[str] = mapped_column(_Key, primary_key=True)
    title: Mapped[str]
    event: Mapped[str]
    first: Mapped[str]
    """A captioner, as the record names it."""
    second: Mapped[str]
    seed: Mapped[int]
    """Decides the order of items and sides, with the reviewer's number."""
    created_at_s: Mapped[float]
    revoked_at_s: Mapped[float | None]
    notes: Mapped[list[str]] = mapped_column(JSON)
    """Sentences on the posts that were left out."""

    items: Mapped[list["Item"]] = relationship(order_by="Item.post", viewonly=True)
    links: Mapped[list["Link"]] = relationship(order_by="Link.created_at_s", viewonly=True)
    reviewers: Mapped[list["Reviewer"]] = relationship(order_by="Reviewer.id", viewonly=True)


class Item(Base):
    """A post with its two captions, `first` and `second` in the order of the review's captioners."""

    __tablename__ = "items"
    __table_args__ = (UniqueConstraint("review_id", "post"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"))
    post: Mapped[int]
    """Its number in the record."""
    prompt: Mapped[str]
    """What a model is asked for such a caption."""
    first_text: Mapped[str]
    """As it was written, without hashtags."""
    second_text: Mapped[str]
    first_shown: Mapped[str]
    """As reviewers see it."""
    second_shown: Mapped[str]

    pictures: Mapped[list["ItemPicture"]] = relationship(order_by="ItemPicture.number", viewonly=True)


class Picture(Base):
    """A photo as reviewers see it: a JPEG without any metadata, once however many items show it."""

    __tablename__ = "pictures"

    digest: Mapped[str] = mapped_column(_Key, primary_key=True)
    """Checksum of the bytes."""
    jpeg: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class ItemPicture(Base):
    """A photo of an item."""

    __tablename__ = "item_pictures"

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """Place in the post, from 1."""
    digest: Mapped[str] = mapped_column(ForeignKey("pictures.digest"))
    alt_text: Mapped[str]


class Link(Base):
    """A link that opens a review."""

    __tablename__ = "links"

    id: Mapped[str] = mapped_column(_Key, primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"))
    created_at_s: Mapped[float]
    expires_at_s: Mapped[float]
    revoked_at_s: Mapped[float | None]
    password: Mapped[str | None]
    """Salted hash."""


class PasswordAttempt(Base):
    """A password that was tried on a link; those that were right are removed again."""

    __tablename__ = "password_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("links.id"), index=True)
    client: Mapped[str] = mapped_column(_Key)
    """Keyed checksum of where it came from."""
    at_s: Mapped[float]


class Reviewer(Base):
    """A person who reviews."""

    __tablename__ = "reviewers"
    __table_args__ = (UniqueConstraint("review_id", "name_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"))
    name: Mapped[str]
    name_key: Mapped[str]
    """The name without regard to capitals and spaces."""
    cookie: Mapped[str] = mapped_column(_Key, unique=True)
    """Checksum of the secret that the reviewer's browser keeps."""
    joined_at_s: Mapped[float]


class Showing(Base):
    """Where an item comes in a reviewer's order, and which caption stands on which side."""

    __tablename__ = "showings"
    __table_args__ = (UniqueConstraint("reviewer_id", "place"),)

    reviewer_id: Mapped[int] = mapped_column(ForeignKey("reviewers.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    place: Mapped[int]
    """From 1."""
    swapped: Mapped[bool]
    """Whether the second captioner's caption stands on the left."""


class Vote(Base):
    """What a reviewer said of an item, or why nothing."""

    __tablename__ = "votes"
    __table_args__ = (
        UniqueConstraint("reviewer_id", "item_id"),
        CheckConstraint(_one_of("choice", CHOICES), name="choice"),
        CheckConstraint(_one_of("skip", SKIPS), name="skip"),
        CheckConstraint("(choice IS NULL) <> (skip IS NULL)", name="choice_or_skip"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("reviewers.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    choice: Mapped[str | None] = mapped_column(String(12))
    skip: Mapped[str | None] = mapped_column(String(16))
    at_s: Mapped[float]
    changes: Mapped[int]
    """How often it was changed."""

    ratings: Mapped[list["Rating"]] = relationship(cascade="all, delete-orphan")


class Rating(Base):
    """A rating of one side's caption."""

    __tablename__ = "ratings"
    __table_args__ = (
        CheckConstraint(_one_of("side", SIDES), name="side"),
        CheckConstraint(_one_of("scale", SCALES), name="scale"),
        CheckConstraint(f"value BETWEEN 0 AND {HIGHEST_RATING}", name="value"),
    )

    vote_id: Mapped[int] = mapped_column(ForeignKey("votes.id"), primary_key=True)
    side: Mapped[str] = mapped_column(String(8), primary_key=True)
    scale: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[int]


class ReplacedVote(Base):
    """What a vote said before it was changed."""

    __tablename__ = "replaced_votes"

    id: Mapped[int] = mapped_column(primary_key=True)
    vote_id: Mapped[int] = mapped_column(ForeignKey("votes.id"), index=True)
    said: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Choice, skip and ratings."""
    at_s: Mapped[float]
    """When it was said."""
