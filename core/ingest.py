"""The first stage: every file of the input is read, decoded once at reduced scale, and measured.

Photos that cannot be used are set aside with a reason. Whatever is costly goes to the store, by content.
"""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from PIL import Image

from core.dedupe import perceptual_hash
from core.embed import Embedder
from core.errors import PhotoError
from core.geometry import View, describe
from core.photos import DecodedPhoto, Header, decode_photo, is_raw, too_many_pixels
from core.quality import Quality, measure_quality
from core.settings import IngestSettings
from core.sources import SourceFile
from core.store import Arrays, Store, digest
from core.threads import map_in_order

__all__ = ["IngestResult", "Photo", "SetAside", "embedding_key", "ingest", "load_embeddings", "load_view", "photo_key"]

_MOST_AHEAD = 64
"""Decoded photos that may wait for the model: about 80 MB."""

# Part of every key: raise it when a measure changes, and old entries are no longer found.
_ANALYSIS_VERSION = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """One usable photo and what was measured on it."""

    file: SourceFile
    fingerprint: str
    """Checksum of the file's bytes."""
    pixel_hash: str
    """Checksum of the decoded pixels: equal for two files that differ in name and metadata only."""
    header: Header
    quality: Quality
    perceptual_hash: int
    """64-bit pHash."""

    @property
    def name(self) -> str:
        """Path within the input."""
        return self.file.name

    @property
    def pixels(self) -> int:
        """Pixels at full size."""
        return self.header.width_px * self.header.height_px


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAside:
    """A file that is not used, and why."""

    name: str
    fingerprint: str | None
    reason: str
    """A short word: `unreadable`, `not_an_image`, …"""
    message: str
    """A sentence for the user."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestResult:
    """The usable photos, in an order that depends on their pixels only, and the others."""

    photos: tuple[Photo, ...]
    set_aside: tuple[SetAside, ...]


def ingest(
    files: Sequence[SourceFile],
    settings: IngestSettings,
    store: Store,
    embedder: Embedder | None,
    *,
    batch_size: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> IngestResult:
    """Read and measure every file.

    Args:
        files: from `core.sources.open_sources`.
        embedder: embeds each photo as it is decoded, in batches; None where no stage needs embeddings.
        batch_size: photos a forward pass.
        progress: called with (files done, files in all).
    """
    threads = settings.threads or os.cpu_count() or 1
    cv2.setNumThreads(1)  # threads are ours: one a photo
    photos: list[Photo] = []
    aside: list[SetAside] = []
    waiting: list[tuple[str, Image.Image]] = []

    def examine(file: SourceFile) -> tuple[Photo, Image.Image | None] | SetAside:
        return _examine(file, settings, store, embedder)

    in_order = map_in_order(examine, files, threads, ahead=min(batch_size, _MOST_AHEAD))
    with ThreadPoolExecutor(1) as loader:  # loading a model takes seconds, in which photos can be decoded
        for done, examined in enumerate(in_order, start=1):
            if isinstance(examined, SetAside):
                aside.append(examined)
            else:
                photo, image = examined
                photos.append(photo)
                if image is not None and embedder is not None:
                    if not waiting:  # an error in loading is raised again, and reported, when the model is used
                        loader.submit(embedder.load)
                    waiting.append((embedding_key(photo.pixel_hash, embedder, settings), image))
            if embedder is not None and (len(waiting) >= batch_size or done == len(files)):
                _embed_and_keep(waiting, embedder, store)
            progress(done, len(files))
    photos.sort(key=lambda photo: (photo.pixel_hash, photo.name))
    return IngestResult(photos=tuple(photos), set_aside=tuple(aside))


def load_embeddings(photos: Sequence[Photo], settings: IngestSettings, store: Store, embedder: Embedder) -> np.ndarray:
    """Embeddings of ingested photos, from the store: float32 (n, d), unit length."""
    vectors = [store.get_arrays("embedding", embedding_key(p.pixel_hash, embedder, settings)) for p in photos]
    missing = [i for i, arrays in enumerate(vectors) if arrays is None]
    for i in missing:  # an entry was removed behind our back, or the disk is full
        decoded = _decode(photos[i].file, photos[i].file.read(), settings)
        vectors[i] = {"vector": embedder.images([embedder.preprocess(decoded.image)])[0]}
    return np.stack([arrays["vector"] for arrays in vectors if arrays is not None])


def load_view(photo: Photo, settings: IngestSettings, store: Store) -> View:
    """The key points of an ingested photo, from the store."""
    arrays = store.get_arrays("photo", photo_key(photo, settings))
    if arrays is None:
        return describe(_decode(photo.file, photo.file.read(), settings).pixels)
    return View.from_arrays({name[5:]: array for name, array in arrays.items() if name.startswith("view.")})


def _examine(
    file: SourceFile, settings: IngestSettings, store: Store, embedder: Embedder | None
) -> tuple[Photo, Image.Image | None] | SetAside:
    fingerprint = None
    try:
        if file.is_hidden:
            raise PhotoError("system_file", "is the operating system's own, not a photo")
        if file.size_bytes > settings.max_file_bytes:
            raise PhotoError("too_many_bytes", f"has {file.size_bytes} bytes, more than ingest.max_file_bytes")
        data = file.read()
        fingerprint = digest(data)
        return _measure(file, data, fingerprint, settings, store, embedder)
    except PhotoError as error:
        return SetAside(name=file.name, fingerprint=fingerprint, reason=error.reason, message=str(error))
    except Exception as error:  # whatever a decoder or a measure trips over: one photo never sinks an event
        message = f"cannot be read: {error or type(error).__name__}"
        return SetAside(name=file.name, fingerprint=fingerprint, reason="unreadable", message=message)


def _measure(
    file: SourceFile,
    data: bytes,
    fingerprint: str,
    settings: IngestSettings,
    store: Store,
    embedder: Embedder | None,
) -> tuple[Photo, Image.Image | None]:
    """The photo, and its pixels where it has yet to be embedded."""
    decoded: DecodedPhoto | None = None
    arrays = store.get_arrays("photo", _photo_key(fingerprint, file, settings))
    if arrays is not None:
        store.count("photo", found=True)
    else:
        decoded = _decode(file, data, settings)
        store.count("photo", found=False)
        arrays = _measures(decoded)
        store.put_arrays("photo", _photo_key(fingerprint, file, settings), arrays)
    photo = _photo_from(arrays, file, fingerprint)
    if photo.pixels > settings.max_pixels:  # the store may know a photo from a run with another limit
        raise too_many_pixels(photo.header.width_px, photo.header.height_px, settings.max_pixels)
    if embedder is None:
        return photo, None
    stored = store.get_arrays("embedding", embedding_key(photo.pixel_hash, embedder, settings)) is not None
    store.count("embedding", found=stored)
    if stored:
        return photo, None
    return photo, (decoded or _decode(file, data, settings)).image


def _decode(file: SourceFile, data: bytes, settings: IngestSettings) -> DecodedPhoto:
    return decode_photo(data, file.name, max_pixels=settings.max_pixels, size_px=settings.analysis_size_px)


def _measures(decoded: DecodedPhoto) -> Arrays:
    pixels = decoded.pixels
    quality = measure_quality(pixels)
    facts = {"header": asdict(decoded.header), "pixel_hash": digest(pixels), "quality": asdict(quality)}
    return {
        "facts": np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8),
        "perceptual_hash": np.array([perceptual_hash(pixels)], dtype=np.uint64),
        **{f"view.{name}": array for name, array in describe(pixels).to_arrays().items()},
    }


def _photo_from(arrays: Arrays, file: SourceFile, fingerprint: str) -> Photo:
    facts = json.loads(arrays["facts"].tobytes())
    return Photo(
        file=file,
        fingerprint=fingerprint,
        pixel_hash=facts["pixel_hash"],
        header=Header(**facts["header"]),
        quality=Quality(**facts["quality"]),
        perceptual_hash=int(arrays["perceptual_hash"][0]),
    )


def _embed_and_keep(waiting: list[tuple[str, Image.Image]], embedder: Embedder, store: Store) -> None:
    if waiting:
        batch = [embedder.preprocess(image) for _, image in waiting]
        for (key, _), vector in zip(waiting, embedder.images(batch), strict=True):
            store.put_arrays("embedding", key, {"vector": vector})
        waiting.clear()


def photo_key(photo: Photo, settings: IngestSettings) -> str:
    """The store's key of everything that was measured on a photo."""
    return _photo_key(photo.fingerprint, photo.file, settings)


def _photo_key(fingerprint: str, file: SourceFile, settings: IngestSettings) -> str:
    # A RAW file is told by its name, so the same bytes under another ending are read otherwise.
    return digest("photo", _ANALYSIS_VERSION, settings.analysis_size_px, fingerprint, is_raw(file.name))


def embedding_key(pixel_hash: str, embedder: Embedder, settings: IngestSettings) -> str:
    """The store's key of a photo's embedding."""
    return digest("embedding", embedder.key, settings.analysis_size_px, pixel_hash)
