"""Reviews as the editor handles them: made from a written event, read, listed, revoked."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.config import nearest
from core.errors import InputError, PhotoError
from core.photos import decode_photo, to_srgb
from core.record import EventRecord, PostRecord
from core.reviews.blind import GiveAways, blind_text
from core.reviews.desk import ReviewDesk
from core.reviews.links import known_review
from core.reviews.schema import Item, ItemPicture, Picture, Review
from core.reviews.tokens import new_id
from core.store import digest
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate

__all__ = ["ItemTexts", "Made", "make_review", "read_event", "read_texts", "revoke_review"]

_LONGEST_SIDE_PX = 1080
_JPEG_QUALITY = 85
_MAX_PIXELS = 40_000_000
_MOST_TITLE_CHARS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A new review."""

    id: str
    items: int
    notes: tuple[str, ...]
    """Sentences on posts that were left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemTexts:
    """The captions of an item, for the editor's eyes: as written and as reviewers see them."""

    item: int
    post: int
    written: Mapping[str, str]
    """By captioner."""
    shown: Mapping[str, str]


def read_event(folder: Path) -> EventRecord:
    """The record of a folder that `montage caption` wrote.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    path = folder / "posts.json"
    try:
        return EventRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder} is no folder of `montage caption --out`: cannot read {path}: {error.strerror or error}"
        ) from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise InputError(f"{path} is not a record written by `montage caption`: {where}: {problem['msg']}") from None


def make_review(
    desk: ReviewDesk,
    folder: Path,
    captioners: tuple[str, str],
    *,
    record: EventRecord | None = None,
    title: str | None = None,
    seed: int = 0,
) -> Made:
    """Make a review of two captioners from a written event; it keeps copies of the photos and needs the folder no more.

    Posts are left out, with a note, where a captioner wrote nothing of its own or reviewers would read the same twice.

    Args:
        folder: what `montage caption --out` wrote.
        captioners: two of those that the record holds.
        record: of the folder; None reads it.
        title: that reviewers see; None takes the event's name.
        seed: decides the order of items and sides, 0 to 2**31 - 1.

    Raises:
        InputError: the folder is no result, the captioners are not two of its own, no post can be compared, or a photo
            cannot be read.
    """
    if not 0 <= seed < 2**31:
        raise InputError(f"the seed of a review must be between 0 and 2**31 - 1, got {seed}")
    record = record or read_event(folder)
    _check_captioners(captioners, record)
    away = GiveAways.of(record)
    review = Review(
        id=new_id(),
        title=" ".join((title or record.event.name).split())[:_MOST_TITLE_CHARS],
        event=record.event.name,
        first=captioners[0],
        second=captioners[1],
        seed=seed,
        created_at_s=desk.clock(),
        notes=[],
    )
    items = []
    for post in record.posts:
        item = _item(post, review, record, away)
        if isinstance(item, str):
            review.notes.append(f"Left out, post {post.post}: {item}.")
        else:
            items.append((item, post, _pictures(folder, post)))
    if not items:
        raise InputError(f"no post of {record.event.name!r} can be compared. {' '.join(review.notes)}".strip())
    with desk.database.writing() as session:
        session.add(review)
        session.flush()
        for item, post, jpegs in items:
            _add(session, item, post, jpegs)
    return Made(id=review.id, items=len(items), notes=tuple(review.notes))


def read_texts(desk: ReviewDesk, review_id: str) -> tuple[ItemTexts, ...]:
    """Both captions of every item, as written and as reviewers see them."""
    with desk.database.reading() as session:
        review = known_review(session, review_id)
        names = (review.first, review.second)
        return tuple(
            ItemTexts(
                item=item.id,
                post=item.post,
                written=dict(zip(names, (item.first_text, item.second_text), strict=True)),
                shown=dict(zip(names, (item.first_shown, item.second_shown), strict=True)),
            )
            for item in review.items
        )


def revoke_review(desk: ReviewDesk, review_id: str) -> None:
    """Close a review and all its links for good; votes stay. Revoking twice changes nothing.

    Raises:
        InputError: there is no such review.
    """
    with desk.database.writing() as session:
        review = known_review(session, review_id)
        review.revoked_at_s = review.revoked_at_s or desk.clock()


def _check_captioners(captioners: tuple[str, str], record: EventRecord) -> None:
    known = list(dict.fromkeys(name for post in record.posts for name in post.captions))
    if captioners[0] == captioners[1]:
        raise InputError(f"a review compares two captioners, got {captioners[0]!r} twice; there are {', '.join(known)}")
    for name in captioners:
        if name not in known:
            raise InputError(
                f"{record.event.name!r} has no captions of {name!r}; {nearest(name, known)}. For two captioners, "
                "caption the event with --mode blip2,template"
            )


def _item(post: PostRecord, review: Review, record: EventRecord, away: GiveAways) -> Item | str:
    """The item of a post, or why there is none."""
    names = (review.first, review.second)
    for name in names:
        if name not in post.captions:
            return f"no caption of {name}"
        if name not in ("template", "hybrid") and post.captions[name].source == "template":
            return f"{name} wrote nothing, the template stands in its place"
    first, second = (post.captions[name].text for name in names)
    shown = (blind_text(first, away), blind_text(second, away))
    if shown[0].casefold() == shown[1].casefold():
        return "both captions read the same to reviewers"
    return Item(
        review_id=review.id,
        post=post.post,
        prompt=_prompt(post, record, names),
        first_text=first,
        second_text=second,
        first_shown=shown[0],
        second_shown=shown[1],
    )


def _prompt(post: PostRecord, record: EventRecord, names: tuple[str, str]) -> str:
    """What the model among the two was asked; the club's prompt where neither is one."""
    used = next((c for name in names for c in record.captioners if name.removesuffix("_base") == c.captioner), None)
    template = CLUB_PROMPT if used is None or not used.prompt else PromptTemplate(text=used.prompt)
    return template.fill(record.event.name, post.labels)


def _pictures(folder: Path, post: PostRecord) -> list[bytes]:
    """The photos of a post as JPEGs without metadata, whatever was done to the files since they were written."""
    jpegs = []
    for name in post.images:
        path = folder / post.folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{folder / 'posts.json'}: the photo {post.folder}/{name} lies outside of the folder")
        try:
            image = decode_photo(path.read_bytes(), name, max_pixels=_MAX_PIXELS, size_px=_LONGEST_SIDE_PX).image
        except PhotoError as error:
            raise InputError(f"{path} {error}; caption the event again") from None
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}; caption the event again") from None
        image = to_srgb(image).convert("RGB")
        buffer = io.BytesIO()
        # A new image: nothing that decoding left in `info` can reach reviewers.
        bare = Image.frombytes("RGB", image.size, image.tobytes())
        bare.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
        jpegs.append(buffer.getvalue())
    return jpegs


def _add(session: Session, item: Item, post: PostRecord, jpegs: list[bytes]) -> None:
    session.add(item)
    session.flush()
    keys = [digest(jpeg) for jpeg in jpegs]
    known = set(session.scalars(select(Picture.digest).where(Picture.digest.in_(keys))))
    for key, jpeg in dict(zip(keys, jpegs, strict=True)).items():
        if key not in known:
            session.add(Picture(digest=key, jpeg=jpeg))
    session.flush()
    for number, key in enumerate(keys, start=1):
        alt_text = post.alt_texts[number - 1] if number <= len(post.alt_texts) else f"Photo {number} of {len(keys)}"
        session.add(ItemPicture(item_id=item.id, number=number, digest=key, alt_text=alt_text))
    session.flush()
