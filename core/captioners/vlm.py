"""The model captioner: shows a vision-language model each post, by strategy, and gives back what it may say.

What a model is shown: the leading photo, the montage grid, or every photo, whose captions are then merged.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image

from core.captioners.mending import finished
from core.errors import PhotoError
from core.ingest import Photo
from core.montage import montage_grid
from core.photos import decode_photo
from core.posts import EventDetails, Post
from core.settings import PipelineConfig
from core.store import Store, digest
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import PromptTemplate
from core.vlm.writing import Look, Shot, Shown, write_captions

__all__ = ["Proposal", "merge_captions", "model_captions"]

_ALIKE = 0.5
"""Captions that share this part of their words say the same."""
_SENTENCES = 2
"""Of a merged caption."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What a model says of a post, before polish."""

    texts: tuple[str, ...]
    """Variants, the likeliest first; none where no photo could be shown."""
    error: str | None = None


def model_captions(
    model: VisionLanguageModel,
    prompt: PromptTemplate,
    posts: Sequence[Post],
    photos: Sequence[Photo],
    event: EventDetails,
    config: PipelineConfig,
    store: Store,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Proposal]:
    """Caption posts with one model.

    Args:
        posts: with their labels.
        photos: that the posts' indices speak of.
        progress: called with (pictures shown, pictures in all).
    """
    settings = config.captioner
    shots: list[Shot] = []
    owners: list[int] = []
    for number, post in enumerate(posts):
        asked = prompt.fill(event.name, post.labels)
        for shot in _shots(post, photos, asked, model, config):
            shots.append(shot)
            owners.append(number)
    said: dict[int, list[tuple[int, tuple[str, ...]]]] = {}
    errors: dict[int, str] = {}
    written = write_captions(
        model,
        shots,
        settings.decoding,
        store=store,
        variants=settings.variants,
        seed=config.seed,
        threads=config.ingest.threads,
        keep_features=settings.keep_features,
    )
    for done, (i, result) in enumerate(written, start=1):
        if result.error is not None:
            errors[owners[i]] = str(result.error)
        else:
            said.setdefault(owners[i], []).append((i, result.captions))
        progress(done, len(shots))
    return [_proposal(sorted(said.get(n, [])), errors.get(n), settings.variants) for n in range(len(posts))]


def merge_captions(captions: Sequence[str]) -> str:
    """One caption for several photos: what most of them say, and then the next most frequent other thing.

    Args:
        captions: of the photos in order, at least one.
    """
    groups: list[list[str]] = []
    for caption in captions:
        group = next((g for g in groups if _likeness(g[0], caption) >= _ALIKE), None)
        if group is None:
            groups.append([caption])
        else:
            group.append(caption)
    groups.sort(key=len, reverse=True)  # stable: of equal groups the one that was met first leads
    sentences = [max(group, key=partial(_support, group)) for group in groups[:_SENTENCES]]
    return " ".join(finished(text) for text in sentences if text)


def _proposal(said: Sequence[tuple[int, tuple[str, ...]]], error: str | None, variants: int) -> Proposal:
    if not said:
        return Proposal(texts=(), error=f"no photo could be shown to the model: {error}")
    if len(said) == 1:
        return Proposal(texts=said[0][1])
    merged = [merge_captions([texts[min(v, len(texts) - 1)] for _, texts in said]) for v in range(variants)]
    return Proposal(texts=tuple(merged))


def _shots(
    post: Post, photos: Sequence[Photo], asked: str, model: VisionLanguageModel, config: PipelineConfig
) -> list[Shot]:
    settings = config.captioner
    members = [photos[i] for i in post.photos]
    size_px = _size_of(model, config)
    if settings.strategy == "grid":
        members = members[: settings.montage_max_tiles]
        content = digest("grid", settings.montage_tile_px, [photo.pixel_hash for photo in members])
        return [Shot(prompt=asked, look=partial(Look, content=content, open=partial(_grid, members, config)))]
    if settings.strategy == "lead":  # the next photo stands in for one that has gone since it was ingested
        content = digest(settings.photo_scale, members[0].pixel_hash)
        return [Shot(prompt=asked, look=partial(Look, content=content, open=partial(_first, members, size_px, config)))]
    return [
        Shot(
            prompt=asked,
            look=partial(
                Look,
                content=digest(settings.photo_scale, p.pixel_hash),
                open=partial(_first, [p], size_px, config),
            ),
        )
        for p in members
    ]


def _size_of(model: VisionLanguageModel, config: PipelineConfig) -> Callable[[], int | None]:
    """Asks for the longer side at which photos are decoded, when the first one is; None decodes in full."""
    return lambda: None if config.captioner.photo_scale == "full" else model.reduced_size_px


def _first(photos: Sequence[Photo], size_px: Callable[[], int | None], config: PipelineConfig) -> Shown:
    """The first photo that can be read."""
    error = PhotoError("unreadable", "cannot be read any more")
    for photo in photos:
        try:
            return Shown(image=_decoded(photo, size_px(), config), complete=photo is photos[0])
        except PhotoError as failed:
            error = failed
    raise error


def _grid(photos: Sequence[Photo], config: PipelineConfig) -> Shown:
    """The montage of the photos that can be read."""
    tile_px, images = config.captioner.montage_tile_px, []
    for photo in photos:
        with contextlib.suppress(PhotoError):
            images.append(_decoded(photo, 2 * tile_px, config))
    if not images:
        raise PhotoError("unreadable", "cannot be read any more")
    return Shown(image=montage_grid(images, tile_px=tile_px), complete=len(images) == len(photos))


def _decoded(photo: Photo, size_px: int | None, config: PipelineConfig) -> Image.Image:
    try:
        data = photo.file.read()
    except OSError:
        raise PhotoError("unreadable", f"{photo.name} cannot be read any more") from None
    return decode_photo(data, photo.name, max_pixels=config.ingest.max_pixels, size_px=size_px).image


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))


def _likeness(one: str, other: str) -> float:
    a, b = _words(one), _words(other)
    return len(a & b) / len(a | b) if a | b else 1.0


def _support(group: Sequence[str], text: str) -> float:
    """How much a caption has in common with the others of its group."""
    return sum(_likeness(text, other) for other in group)
