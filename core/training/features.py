"""What the frozen vision side makes of training photos: computed in bulk, stored by content, read by all.

The store's keys are those of captioning, so a photo that was captioned once is not encoded again. Readers are
threads, processes and other runs alike: an entry is whole or absent.

Shapes: T image tokens, D the width of the features.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from core.config import load_config
from core.errors import InputError, ModelError, PhotoError
from core.photos import decode_photo, is_raw
from core.store import Store, digest
from core.threads import map_in_order
from core.training.settings import Recipe
from core.vlm.family import Family, Tensor
from core.vlm.model import VisionLanguageModel
from core.vlm.writing import FEATURES_VERSION

__all__ = ["FrozenFeatures", "TrainingPhotos", "why_features_are_off"]

_BATCHES_AHEAD = 4
Progress = Callable[[int, int], None]


def why_features_are_off(recipe: Recipe, family: Family, trained: frozenset[str]) -> str | None:
    """A sentence for the user where stored features may not be used; None where they may.

    Args:
        trained: parts of the model (`vision`, `bridge`, `language`) that hold weights to be trained.
    """
    if not recipe.features.enabled:
        return "Stored features are off (features.enabled): the vision side runs at each step."
    if recipe.augment_images.is_on:
        return "Stored features are off because augment_images changes the photos: the vision side runs at each step."
    touched = sorted(trained & set(family.features_include))
    if touched:
        sides = f"{' and '.join(touched)} side{'s are' if len(touched) > 1 else ' is'}"
        return f"Stored features are off because the {sides} trained: the vision side runs at each step."
    return None


@dataclass(kw_only=True)
class TrainingPhotos:
    """Photos of records: decoded safely, told apart by content.

    Args:
        root: the folder that image paths begin at.
        scale: `reduced` or `full`.
    """

    root: Path
    scale: str = "reduced"
    max_pixels: int = field(default_factory=lambda: load_config().settings.ingest.max_pixels)
    _contents: dict[str, str] = field(default_factory=dict, repr=False)

    def content(self, image: str) -> str:
        """Checksum of a photo's file and of how it is decoded; as in captioning."""
        if image not in self._contents:
            self._contents[image] = digest("file", digest(self._read(image)), self.scale, is_raw(image))
        return self._contents[image]

    def open(self, image: str, model: VisionLanguageModel) -> Image.Image:
        """The photo, upright, RGB.

        Raises:
            PhotoError: it cannot be read.
        """
        size_px = None if self.scale == "full" else model.reduced_size_px
        try:
            return decode_photo(self._read(image), image, max_pixels=self.max_pixels, size_px=size_px).image
        except PhotoError as error:
            raise PhotoError(error.reason, f"{image} {error}") from None

    def unreadable(self, images: Sequence[str], model: VisionLanguageModel) -> dict[str, PhotoError]:
        """Which of the photos cannot be decoded, and why."""

        def tried(image: str) -> PhotoError | None:
            try:
                self.open(image, model)
            except PhotoError as error:
                return error
            return None

        model.processor  # noqa: B018 - loaded once, before the threads ask for it
        found = zip(images, map_in_order(tried, images, _threads(), ahead=16), strict=True)
        return {image: error for image, error in found if error is not None}

    def _read(self, image: str) -> bytes:
        try:
            return (self.root / image).read_bytes()
        except OSError as error:
            raise PhotoError("unreadable", f"{image} cannot be read: {error.strerror or error}") from None


class FrozenFeatures:
    """The stored features of one model's photos.

    Args:
        model: as it is before anything is trained; only its name and settings are asked until `compute`.
        photos: where they come from.
    """

    def __init__(self, model: VisionLanguageModel, photos: TrainingPhotos, store: Store) -> None:
        if store.root is None:
            raise InputError("stored features need a store on disk; name one, or set features.enabled=false")
        self.model = model
        self.photos = photos
        self.store = store
        self._model_key = model.features_key

    def key(self, image: str) -> str:
        """Under which a photo's features are stored."""
        return digest("features", FEATURES_VERSION, self._model_key, self.photos.content(image))

    def missing(self, images: Sequence[str]) -> list[str]:
        """Photos whose features are not in the store, each once."""
        once = list(dict.fromkeys(images))
        there = map_in_order(self._is_stored, once, _threads(), ahead=64)
        return [image for image, stored in zip(once, there, strict=True) if not stored]

    def compute(
        self, images: Sequence[str], *, batch_size: int, progress: Progress = lambda done, total: None
    ) -> dict[str, PhotoError]:
        """Encode photos in bulk and store what comes out; loads the model.

        Args:
            images: as `missing` gives them.
            progress: called with (photos done, photos in all).

        Returns:
            Photos that cannot be read, and why.
        """
        if not images:
            return {}
        self.model.load()
        failed: dict[str, PhotoError] = {}
        batch: list[tuple[str, np.ndarray]] = []
        read = map_in_order(self._pixels, images, _threads(), ahead=batch_size * _BATCHES_AHEAD)
        for done, (image, pixels) in enumerate(zip(images, read, strict=True), start=1):
            if isinstance(pixels, PhotoError):
                failed[image] = pixels
            else:
                batch.append((image, pixels))
            if batch and (len(batch) == batch_size or done == len(images)):
                self._encode(batch)
                batch = []
            progress(done, len(images))
        return failed

    def get(self, image: str) -> Tensor:
        """The features (T, D) of a photo.

        Raises:
            ModelError: they are not in the store (any more).
        """
        stored = self.store.get_arrays("features", self.key(image))
        if stored is None:
            raise ModelError(
                f"the features of {image} are not in the store {self.store.root} any more; run again, or set "
                "features.enabled=false"
            )
        return self.model.restored(stored)

    def _is_stored(self, image: str) -> bool:
        try:
            return self.store.get_arrays("features", self.key(image)) is not None
        except PhotoError:  # `compute` says so
            return False

    def _pixels(self, image: str) -> np.ndarray | PhotoError:
        try:
            return self.model.pixels(self.photos.open(image, self.model))
        except PhotoError as error:
            return error

    def _encode(self, batch: Sequence[tuple[str, np.ndarray]]) -> None:
        encoded = self.model.features([pixels for _, pixels in batch])
        for (image, _), features in zip(batch, encoded, strict=True):
            self.store.put_arrays("features", self.key(image), self.model.storable(features))


def _threads() -> int:
    return os.cpu_count() or 1
