"""The pipeline's result on disk, so that an event can be edited after the process that made it has ended.

Photos are not copied: they are read from where they were, and a file that has changed since counts as unreadable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from core.captioners.models import Captioners
from core.categorize import Labels, LabelScore
from core.cluster import Clusters
from core.embed import Embedder
from core.errors import InputError, OutputError, PhotoError
from core.ingest import Photo, SetAside
from core.neardup import Selection
from core.photos import Header
from core.posts import EventDetails, Post
from core.quality import Quality
from core.result import EventResult, StageReport
from core.settings import PipelineConfig
from core.sources import SourceFile, open_sources
from core.store import digest, write_atomic

__all__ = ["RESULT_FILE", "load_result", "store_result", "stored_config"]

RESULT_FILE = "posts.result.json"
"""Begins like the result's own files, so that it is never taken for a photo."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Photo:
    name: str
    size_bytes: int
    packed_bytes: int
    fingerprint: str
    pixel_hash: str
    header: Header
    quality: Quality
    perceptual_hash: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Labels:
    given: tuple[tuple[LabelScore, ...], ...]
    scores: tuple[tuple[float, ...], ...]
    threshold: float
    unknown_labels: tuple[str, ...]
    abstained: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    format: Literal[1]
    inputs: tuple[str, ...]
    """Absolute paths of folders, ZIPs and photos."""
    exclude: str | None
    event: EventDetails
    photos: tuple[_Photo, ...]
    set_aside: tuple[SetAside, ...]
    selection: Selection
    labels: _Labels | None
    clusters: Clusters | None
    cluster_of: dict[int, int]
    posts: tuple[Post, ...]
    reports: tuple[StageReport, ...]
    config: PipelineConfig
    embedder: str
    """Key of the embedding model."""
    captioners: dict[str, str]
    """Key of each model."""
    notice: str | None


def store_result(result: EventResult, folder: Path, inputs: Sequence[Path], *, exclude: Path | None = None) -> None:
    """Keep a result in the event's folder.

    Args:
        inputs: the folders, ZIPs and photos that the pipeline was given, in that order.
        exclude: the folder that it was told to skip.

    Raises:
        OutputError: it cannot be written.
    """
    labels = result.labels
    file = _File(
        format=1,
        inputs=tuple(str(path.absolute()) for path in inputs),
        exclude=None if exclude is None else str(exclude.absolute()),
        event=result.event,
        photos=tuple(_stored_photo(photo) for photo in result.photos),
        set_aside=result.set_aside,
        selection=result.selection,
        labels=None
        if labels is None
        else _Labels(
            given=labels.given,
            scores=tuple(tuple(map(float, row)) for row in labels.scores),
            threshold=labels.threshold,
            unknown_labels=labels.unknown_labels,
            abstained=labels.abstained,
        ),
        clusters=result.clusters,
        cluster_of=result.cluster_of,
        posts=result.posts,
        reports=result.reports,
        config=result.config,
        embedder=result.embedder.key,
        captioners={family: model.key for family, model in result.captioners.models.items()},
        notice=result.notice,
    )
    try:
        write_atomic(folder / RESULT_FILE, _adapter().dump_json(file))
    except OSError as error:
        raise OutputError(f"cannot keep the result in {folder}: {error.strerror or error}") from None


def stored_config(folder: Path) -> PipelineConfig:
    """The settings that the event in a folder was made with: what its embedder and captioners are chosen by.

    Raises:
        InputError: there is no stored result, or it cannot be read.
    """
    return _read(folder).config


def load_result(folder: Path, embedder: Embedder, captioners: Captioners) -> EventResult:
    """The result that `store_result` kept.

    Args:
        embedder: the model that the event was embedded with.
        captioners: the models that captions are written again with.

    Raises:
        InputError: there is none, it cannot be read, or it was made with another embedding model.
    """
    file = _read(folder)
    if file.embedder != embedder.key:
        raise InputError(
            f"the event in {folder} was made with another embedding model than {embedder.name}, so its scores could "
            "not be compared; choose the model it was made with, or run the event again"
        )
    changed = [f for f, key in file.captioners.items() if f not in captioners.models or captioners.models[f].key != key]  # type: ignore[index]
    told = None
    if changed:
        told = f"The captions of {', '.join(changed)} were written by another model or adapter than is in use now."
    labels = file.labels
    return EventResult(
        event=file.event,
        photos=_photos(file),
        set_aside=file.set_aside,
        selection=file.selection,
        labels=None
        if labels is None
        else Labels(
            given=labels.given,
            scores=np.array(labels.scores, dtype=np.float32).reshape(len(file.photos), -1),
            threshold=labels.threshold,
            unknown_labels=labels.unknown_labels,
            abstained=labels.abstained,
        ),
        clusters=file.clusters,
        cluster_of=file.cluster_of,
        posts=file.posts,
        reports=file.reports,
        config=file.config,
        embedder=embedder,
        captioners=captioners.told(told),
        notice=file.notice,
    )


def _stored_photo(photo: Photo) -> _Photo:
    return _Photo(
        name=photo.name,
        size_bytes=photo.file.size_bytes,
        packed_bytes=photo.file.packed_bytes,
        fingerprint=photo.fingerprint,
        pixel_hash=photo.pixel_hash,
        header=photo.header,
        quality=photo.quality,
        perceptual_hash=photo.perceptual_hash,
    )


def _photos(file: _File) -> tuple[Photo, ...]:
    return tuple(
        Photo(
            file=SourceFile(name=p.name, size_bytes=p.size_bytes, packed_bytes=p.packed_bytes, read=_reader(p, files)),
            fingerprint=p.fingerprint,
            pixel_hash=p.pixel_hash,
            header=p.header,
            quality=p.quality,
            perceptual_hash=p.perceptual_hash,
        )
        for files in [_sources(file)]
        for p in file.photos
    )


def _sources(file: _File) -> dict[str, SourceFile]:
    """The inputs' files by name; none where an input is gone, since the store may hold all that is needed."""
    exclude = None if file.exclude is None else Path(file.exclude)
    try:
        found = open_sources([Path(path) for path in file.inputs], file.config.ingest, exclude=exclude)
    except InputError:
        return {}
    return {source.name: source for source in found}


def _reader(photo: _Photo, files: dict[str, SourceFile]) -> Callable[[], bytes]:
    """Reads a photo's file; what is in the store under its fingerprint must never come from other bytes."""

    def read() -> bytes:
        if photo.name not in files:
            raise PhotoError("unreadable", f"{photo.name} is no longer where it was when the event was made")
        data = files[photo.name].read()
        if digest(data) != photo.fingerprint:
            raise PhotoError("unreadable", f"{photo.name} has changed since the event was made")
        return data

    return read


def _read(folder: Path) -> _File:
    path = folder / RESULT_FILE
    try:
        return _adapter().validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{folder} holds no stored result ({RESULT_FILE}); run the event again") from None
    except (OSError, ValidationError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read by this version ({told}); run the event again") from None


@cache
def _adapter() -> TypeAdapter[_File]:
    return TypeAdapter(_File)
