"""How well written captions fit their photos, by a CLIP model; photos are embedded once and stored."""

import os
from collections.abc import Sequence
from itertools import islice

import numpy as np

from core.embed import Embedder, OpenClipEmbedder, judged_photos
from core.metrics.clip import ClipFit, clip_fit
from core.metrics.normalise import Normalisation, normalise
from core.settings import EmbeddingsSettings
from core.store import Store, digest
from core.threads import map_in_order
from core.training.features import TrainingPhotos
from core.training.settings import ClipScoreSettings
from core.vlm.model import VisionLanguageModel
from core.weights import find_model

__all__ = ["ClipJudge", "open_clip_judge"]

_VERSION = 1
_WITHOUT_TAGS = Normalisation(remove_hashtags=True, remove_swipe_tokens=True)


class ClipJudge:
    """A CLIP model that captions are held against photos by.

    Args:
        embedder: is loaded at the first photo or caption that is not stored.
        batch_size: photos a forward pass.
    """

    def __init__(self, embedder: Embedder, store: Store, *, batch_size: int = 16) -> None:
        self._embedder = embedder
        self._store = store
        self._batch_size = batch_size

    @property
    def name(self) -> str:
        """The CLIP model."""
        return self._embedder.name

    def fit(
        self, captions: Sequence[str], images: Sequence[str], photos: TrainingPhotos, model: VisionLanguageModel
    ) -> list[ClipFit | None]:
        """Both CLIP scores of each caption, without its hashtags; None where the CLIP model cannot judge it.

        Args:
            images: the photo of each caption.
            model: whose scale photos are decoded at.
        """
        embeddings = self.embeddings(images, photos, model)
        judged = judged_photos(self._embedder, embeddings)
        texts = [normalise(caption, _WITHOUT_TAGS) for caption in captions]
        return clip_fit(texts, [[i] for i in range(len(images))], embeddings, judged, self._embedder, self._store)

    def embeddings(self, images: Sequence[str], photos: TrainingPhotos, model: VisionLanguageModel) -> np.ndarray:
        """Embeddings of photos from the store, computed and kept where they are absent: float32 (n, d)."""
        keys = {image: self._key(image, photos, model) for image in dict.fromkeys(images)}
        found = {image: self._store.get_arrays("embedding", key) for image, key in keys.items()}
        missing = [image for image, arrays in found.items() if arrays is None]
        self._store.count("embedding", found=True, n=len(found) - len(missing))
        self._store.count("embedding", found=False, n=len(missing))
        size = self._batch_size
        pixels = map_in_order(
            lambda image: self._embedder.preprocess(photos.open(image, model)), missing, os.cpu_count() or 1, ahead=size
        )
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            for image, vector in zip(batch, self._embedder.images(list(islice(pixels, len(batch)))), strict=True):
                found[image] = {"vector": vector}
                self._store.put_arrays("embedding", keys[image], {"vector": vector})
        return np.stack([arrays["vector"] for image in images if (arrays := found[image]) is not None])

    def _key(self, image: str, photos: TrainingPhotos, model: VisionLanguageModel) -> str:
        size_px = None if photos.scale == "full" else model.reduced_size_px
        return digest("training embedding", _VERSION, self._embedder.key, photos.content(image), size_px)


def open_clip_judge(settings: ClipScoreSettings, store: Store, *, device: str = "auto") -> ClipJudge | None:
    """The CLIP model that a recipe names, loaded at once, so that what is amiss is told before training; None if off.

    Raises:
        ModelUnavailableError: its weights are neither here nor to be had: never are the scores left out in silence.
        ModelError, ConfigError: it does not load, or there is no such model.
    """
    if not settings.enabled:
        return None
    wanted = EmbeddingsSettings(
        backend="openclip", model=settings.model, pretrained=settings.pretrained, device="cpu", batch_size=16
    )
    files, _ = find_model(wanted, named=True)
    embedder = OpenClipEmbedder(files, device=device)
    embedder.load()
    return ClipJudge(embedder, store)
