"""A caption of one photo as a line that says how it was written, whoever keeps it: a file, or shards of an archive."""

import os
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from pydantic import BaseModel, ConfigDict

from core.embed import Embedder
from core.errors import PhotoError
from core.ingest import embedding_key
from core.photos import decode_photo, is_raw
from core.settings import PipelineConfig
from core.sources import SourceFile
from core.store import Store, digest
from core.threads import map_in_order
from core.vlm.decoding import decoding_key
from core.vlm.model import VisionLanguageModel
from core.vlm.writing import Look, Shot, Shown, Written, write_captions

__all__ = ["DescribedPhoto", "describe_files", "description_signature", "embed_files", "read_file"]


class DescribedPhoto(BaseModel):
    """One line of the output."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    image: str
    """Path within the input."""
    caption: str | None
    """The likeliest caption, as the model wrote it; null where there is an error."""
    variants: tuple[str, ...] = ()
    """All captions, the likeliest first, where several were asked for."""
    error: str | None = None
    """Why there is no caption."""
    model: str
    """Checkpoint and adapter."""
    prompt: str
    fingerprint: str | None
    """Checksum of the photo's file; null where it could not be read."""
    signature: str
    """Checksum of model, prompt and decoding: equal lines were written in the same way."""


def describe_files(
    files: Sequence[SourceFile], model: VisionLanguageModel, prompt: str, config: PipelineConfig, *, store: Store
) -> Iterator[tuple[int, DescribedPhoto]]:
    """Caption photos; one that cannot be read has a line that says why.

    Args:
        prompt: filled in already; the same for all.

    Yields:
        (index of the file, its line), as they are done.
    """
    settings = config.captioner
    signature = description_signature(model, prompt, config)
    fingerprints: dict[int, str] = {}

    def look(number: int) -> Look:
        data = read_file(files[number], config)
        fingerprints[number] = digest(data)
        name, scale = files[number].name, settings.photo_scale

        def decoded() -> Shown:
            size_px = None if scale == "full" else model.reduced_size_px  # asked here, since it loads the processor
            return Shown(image=decode_photo(data, name, max_pixels=config.ingest.max_pixels, size_px=size_px).image)

        # A RAW file is told by its name, so the same bytes under another ending are read otherwise.
        return Look(content=digest("file", fingerprints[number], scale, is_raw(name)), open=decoded)

    written = write_captions(
        model,
        [Shot(prompt=prompt, look=partial(look, number)) for number in range(len(files))],
        settings.decoding,
        store=store,
        variants=settings.variants,
        seed=config.seed,
        threads=config.ingest.threads,
        keep_features=settings.keep_features,
    )
    for number, result in written:
        yield number, _line(files[number].name, fingerprints.get(number), result, model, prompt, signature)


def description_signature(model: VisionLanguageModel, prompt: str, config: PipelineConfig) -> str:
    """Checksum of all that decides the captions but the photos: 12 hexadecimal digits."""
    settings = config.captioner
    how = decoding_key(settings.decoding, config.seed)
    return digest(model.key, prompt, how, settings.variants, settings.photo_scale)[:12]


def embed_files(
    files: Sequence[SourceFile], config: PipelineConfig, *, store: Store, embedder: Embedder
) -> list[np.ndarray | None]:
    """Embeddings of photos, float32 (d,) of unit length, stored as the pipeline stores them; None where unreadable."""
    settings = config.ingest

    def decoded(file: SourceFile) -> tuple[str, np.ndarray | None, object] | None:
        """Its key in the store, and what is stored or the model's input."""
        try:
            data = read_file(file, config)
            photo = decode_photo(data, file.name, max_pixels=settings.max_pixels, size_px=settings.analysis_size_px)
            key = embedding_key(digest(photo.pixels), embedder, settings)
            stored = store.get_arrays("embedding", key)
            return (
                (key, stored["vector"], None) if stored is not None else (key, None, embedder.preprocess(photo.image))
            )
        except (PhotoError, OSError, ValueError, ArithmeticError, MemoryError):  # its caption's line says why
            return None

    size, found = config.embeddings.batch_size, list[np.ndarray | None]()
    waiting: dict[int, tuple[str, object]] = {}
    for done, one in enumerate(map_in_order(decoded, files, settings.threads or os.cpu_count() or 1, ahead=size), 1):
        found.append(None if one is None else one[1])
        if one is not None:
            store.count("embedding", found=one[1] is not None)
        if one is not None and one[1] is None:
            waiting[len(found) - 1] = (one[0], one[2])
        if waiting and (len(waiting) == size or done == len(files)):
            vectors = embedder.images([pixels for _, pixels in waiting.values()])
            for (number, (key, _)), vector in zip(waiting.items(), vectors, strict=True):
                found[number] = vector
                store.put_arrays("embedding", key, {"vector": vector})
            waiting = {}
    return found


def read_file(file: SourceFile, config: PipelineConfig) -> bytes:
    """A photo's bytes.

    Raises:
        PhotoError: it is larger than the settings allow.
        OSError: it cannot be read.
    """
    if file.size_bytes > config.ingest.max_file_bytes:
        raise PhotoError("too_many_bytes", f"has {file.size_bytes} bytes, more than ingest.max_file_bytes")
    return file.read()


def _line(
    name: str, fingerprint: str | None, result: Written, model: VisionLanguageModel, prompt: str, signature: str
) -> DescribedPhoto:
    several = len(result.captions) > 1
    return DescribedPhoto(
        image=name,
        caption=result.captions[0] if result.captions else None,
        variants=result.captions if several else (),
        error=None if result.error is None else str(result.error),
        model=model.name,
        prompt=prompt,
        fingerprint=fingerprint,
        signature=signature,
    )
