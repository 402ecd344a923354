"""Captions for many photos: decoded ahead in threads, encoded once, written in batches, kept by content.

What is stored is never computed again: captions under model, prompt and decoding; features under model and photo, so
that another decoding of the same photo needs neither the photo nor the vision side.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from core.errors import PhotoError
from core.settings import DecodingSettings
from core.store import Store, digest
from core.threads import map_in_order
from core.vlm.decoding import decoding_key, row_seed
from core.vlm.model import VisionLanguageModel

__all__ = ["Look", "Shot", "Shown", "Written", "write_captions"]

FEATURES_VERSION = 1
_CAPTION_VERSION = 1
_BATCHES_SORTED = 4
"""Batches that are collected and sorted by prompt before words are generated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A picture as a model is shown it."""

    image: Image.Image
    complete: bool = True
    """False where a part could not be read: what comes of it is not stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What there is to be seen."""

    content: str
    """Checksum: decides the store's key and the seed of sampling."""
    open: Callable[[], Shown]
    """Decodes it; called only where neither caption nor features are stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """What a model is shown and asked."""

    prompt: str
    look: Callable[[], Look]
    """Called in a thread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A shot's captions, the likeliest first, or why there are none."""

    captions: tuple[str, ...] = ()
    error: PhotoError | None = None


@dataclass(slots=True)
class _Item:
    """A shot on its way: with captions from the store, with features, with pixels to be encoded, or with an error."""

    index: int
    shot: Shot
    content: str = ""
    stored: bool = True
    captions: tuple[str, ...] = ()
    features: Any = None
    pixels: np.ndarray | None = None
    error: PhotoError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """What is the same for all shots."""

    model: VisionLanguageModel
    decoding: DecodingSettings
    variants: int
    seed: int
    store: Store
    keep_features: bool

    def features_key(self, item: _Item) -> str:
        return digest("features", FEATURES_VERSION, self.model.features_key, item.content)

    def caption_key(self, item: _Item) -> str:
        how = decoding_key(self.decoding, self.seed)
        parts = (self.model.key, item.content, item.shot.prompt, how, self.variants)
        return digest("caption", _CAPTION_VERSION, *parts)


def write_captions(
    model: VisionLanguageModel,
    shots: Sequence[Shot],
    decoding: DecodingSettings,
    *,
    store: Store,
    variants: int = 1,
    seed: int = 0,
    threads: int = 0,
    keep_features: bool = True,
) -> Iterator[tuple[int, Written]]:
    """Caption photos; one that cannot be read is reported and the others go on.

    Args:
        variants: captions for each shot.
        seed: of sampling; the settings' own wins.
        threads: that decode; 0 takes one per processor.
        keep_features: store what the frozen side makes of each photo.

    Yields:
        (index of the shot, its captions), as they are done.
    """
    seed = decoding.seed if decoding.seed is not None else seed
    job = _Job(model=model, decoding=decoding, variants=variants, seed=seed, store=store, keep_features=keep_features)
    batch = model.settings.batch_size
    items = map_in_order(
        lambda numbered: _prepare(job, *numbered),
        enumerate(shots),
        threads or os.cpu_count() or 1,
        ahead=batch * _BATCHES_SORTED,
    )
    fresh: list[_Item] = []
    ready: list[_Item] = []
    for done, item in enumerate(items, start=1):
        if item.error is not None or item.captions:
            yield item.index, Written(captions=item.captions, error=item.error)
        else:
            (fresh if item.features is None else ready).append(item)
        if fresh and (len(fresh) == batch or done == len(shots)):
            _encode(job, fresh)
            ready += fresh
            fresh = []
        if ready and (len(ready) >= batch * _BATCHES_SORTED or done == len(shots)):
            yield from _generate(job, ready)
            ready = []


def _prepare(job: _Job, index: int, shot: Shot) -> _Item:
    item = _Item(index, shot)
    try:
        look = shot.look()
        item.content = look.content
        captions = job.store.get_json("caption", job.caption_key(item))
        if captions is not None:
            job.store.count("caption", found=True)
            item.captions = tuple(captions)
            return item
        stored = job.store.get_arrays("features", job.features_key(item))
        if stored is not None:
            job.store.count("features", found=True)
            item.features = job.model.restored(stored)
        else:
            shown = look.open()
            item.pixels, item.stored = job.model.pixels(shown.image), shown.complete
    except PhotoError as error:
        item.error = error
    except (OSError, ValueError, ArithmeticError, MemoryError) as error:  # one photo never sinks the others
        why = getattr(error, "strerror", None) or (type(error).__name__ if isinstance(error, OSError) else error)
        item.error = PhotoError("unreadable", f"cannot be read: {why or type(error).__name__}")
    return item


def _encode(job: _Job, items: Sequence[_Item]) -> None:
    encoded = job.model.features([item.pixels for item in items if item.pixels is not None])
    for item, features in zip(items, encoded, strict=True):
        item.features, item.pixels = features, None
        if job.keep_features and item.stored:
            job.store.put_arrays("features", job.features_key(item), job.model.storable(features))
        job.store.count("features", found=False)


def _generate(job: _Job, items: Sequence[_Item]) -> Iterator[tuple[int, Written]]:
    """Prompts that may share a batch, and are about equally long, together."""
    together = job.model.same_batch([item.shot.prompt for item in items])
    order = sorted(range(len(items)), key=lambda i: (together[i], len(items[i].shot.prompt), i))
    size = job.model.settings.batch_size
    while order:
        chosen = [items[i] for i in order[:size] if together[i] == together[order[0]]]
        order = order[len(chosen) :]
        texts = job.model.generate(
            [item.features for item in chosen],
            [item.shot.prompt for item in chosen],
            job.decoding,
            variants=job.variants,
            seeds=[[row_seed(job.seed, item.content, v) for v in range(job.variants)] for item in chosen],
        )
        for item, captions in zip(chosen, texts, strict=True):
            if item.stored:
                job.store.put_json("caption", job.caption_key(item), captions)
            job.store.count("caption", found=False)
            yield item.index, Written(captions=tuple(captions))
