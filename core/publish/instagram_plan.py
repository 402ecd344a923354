"""What would be posted from an event's folder, and what stands in the way. Asks nobody, changes nothing.

Captions and alt texts are read from `caption.txt` and `alt.txt`, as they lie in the post folders.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from PIL import Image, UnidentifiedImageError
from pydantic import ValidationError

from core.drafts.exported import EDITOR_STAGE
from core.drafts.limits import limit_problems
from core.drafts.saved import DRAFT_FILE, saved_edits
from core.errors import InputError
from core.record import EventRecord, PostRecord
from core.settings import PublisherSettings
from core.settings_publisher import is_local
from core.store import digest

__all__ = ["PlannedImage", "PlannedPost", "PublishPlan", "plan_posts"]

_MOST_BYTES = 8 * 1024 * 1024
_LEAST_WIDTH_PX = 320
_ASPECTS = (0.8, 1.91)
_TOLERANCE = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedImage:
    """A photo of a post."""

    path: Path
    url: str | None
    """Where the platform will fetch it; None without a public address."""
    alt_text: str
    checksum: str
    """Of the file's bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedPost:
    """One post as it would go out."""

    number: int
    folder: str
    kind: Literal["image", "carousel"]
    images: tuple[PlannedImage, ...]
    caption: str
    """With its hashtags, as it is published."""
    problems: tuple[str, ...]
    """What the platform would refuse, each with what to do."""

    def key(self, account: str) -> str:
        """Checksum of all that is posted, and where: the same post is never posted twice."""
        return digest(account, self.caption, [(image.checksum, image.alt_text) for image in self.images])

    @property
    def checksums(self) -> tuple[str, ...]:
        """Of the images."""
        return tuple(image.checksum for image in self.images)

    def as_json(self) -> dict[str, Any]:
        """What a program is told."""
        images = [{"file": str(i.path), "url": i.url, "alt_text": i.alt_text} for i in self.images]
        told: dict[str, Any] = {"post": self.number, "kind": self.kind, "images": images, "caption": self.caption}
        return told | {"problems": list(self.problems)}


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishPlan:
    """All posts of a folder, in the order of posting."""

    folder: Path
    posts: tuple[PlannedPost, ...]
    export_only: str | None
    """Why nothing can be posted from here; None where it can."""


def plan_posts(folder: Path, settings: PublisherSettings) -> PublishPlan:
    """Plan the posts of a result.

    Args:
        folder: what `montage caption --out` or the page's export wrote.

    Raises:
        InputError: there is no result in the folder, or a file of it is missing.
    """
    record = _record(folder)
    return PublishPlan(
        folder=folder,
        posts=tuple(_post(folder, post, settings) for post in record.posts),
        export_only=_export_only(folder, record, settings),
    )


def _export_only(folder: Path, record: EventRecord, settings: PublisherSettings) -> str | None:
    editor = next((stage for stage in record.stages if stage.stage == EDITOR_STAGE), None)
    exported, edits = (editor.measures.get("draft") if editor is not None else None), saved_edits(folder)
    if (folder / DRAFT_FILE).exists() and exported != edits:
        return "the event was edited after it was exported; export it again, so that what is posted is what is shown"
    base = settings.public_base_url
    if base is None:
        return (
            "publisher.public_base_url is not set: Instagram fetches the images from a public address, so put this "
            "folder on one and set it"
        )
    if is_local(urlsplit(base)) and not is_local(urlsplit(settings.api_url)):
        return f"publisher.public_base_url ({base}) is an address of this machine or network, where Instagram cannot go"
    return None


def _post(folder: Path, post: PostRecord, settings: PublisherSettings) -> PlannedPost:
    place = folder / post.folder
    alts, caption = _alt_texts(place), _text(place / "caption.txt").rstrip("\n")
    images = tuple(_image(place / name, post.folder, alts.get(name, ""), settings) for name in post.images)
    problems = limit_problems(caption, (), [image.alt_text for image in images], len(images), settings)
    problems += [problem for image in images if (problem := _unfit(image.path)) is not None]
    return PlannedPost(
        number=post.post,
        folder=post.folder,
        kind="carousel" if len(images) > 1 else "image",
        images=images,
        caption=caption,
        problems=tuple(problems),
    )


def _image(path: Path, folder: str, alt_text: str, settings: PublisherSettings) -> PlannedImage:
    base = settings.public_base_url
    url = None if base is None else f"{base.rstrip('/')}/{quote(folder)}/{quote(path.name)}"
    return PlannedImage(path=path, url=url, alt_text=alt_text, checksum=digest(_bytes(path)))


def _unfit(path: Path) -> str | None:
    """Why the platform would not take an image."""
    data, name = _bytes(path), f"{path.parent.name}/{path.name}"
    try:
        with Image.open(io.BytesIO(data)) as image:
            format, (width, height) = image.format, image.size
    except (UnidentifiedImageError, OSError, ValueError):
        return f"{name} is not an image; export the event again"
    if format != "JPEG":
        return f"{name} is {format}, only JPEG is taken; export the event again"
    if len(data) > _MOST_BYTES:
        return f"{name} has {len(data)} bytes, {_MOST_BYTES} are allowed; lower export.jpeg_quality"
    if width < _LEAST_WIDTH_PX:
        return f"{name} is {width} px wide, at least {_LEAST_WIDTH_PX} are needed; export the event again"
    if not _ASPECTS[0] - _TOLERANCE <= width / height <= _ASPECTS[1] + _TOLERANCE:
        return f"{name} is {width} x {height} px; the aspect must lie between 4:5 and 1.91:1, see export.min_aspect"
    return None


def _alt_texts(place: Path) -> dict[str, str]:
    lines = (line.partition(": ") for line in _text(place / "alt.txt").splitlines())
    return {name: text.strip() for name, _, text in lines}


def _text(path: Path) -> str:
    """A file's text; nothing where there is none, since posts may have no caption."""
    if not path.exists():
        return ""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; export the event again") from None


def _record(folder: Path) -> EventRecord:
    path = folder / "posts.json"
    try:
        return EventRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{folder} holds no posts.json; expected a folder that `montage caption --out` or the page's export wrote"
        ) from None
    except (OSError, ValidationError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
