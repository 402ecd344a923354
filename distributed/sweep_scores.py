"""Captions of a trained model in many decodings, and what they are worth: from stored features and embeddings."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.categorize import categorize
from core.config import load_config
from core.embed import Embedder, OpenClipEmbedder, embed_texts, judged_photos, known_part
from core.errors import ModelError, PhotoError
from core.metrics.clip import clip_items
from core.metrics.corpus import TextSettings
from core.metrics.normalise import Normalisation, normalise
from core.settings import ClusterSettings, DecodingSettings, EmbeddingsSettings
from core.store import Store
from core.training.clip_fit import ClipJudge
from core.training.features import TrainingPhotos
from core.training.record import Record
from core.training.scoring import score_captions
from core.training.settings import Recipe
from core.vlm.model import VisionLanguageModel
from core.vlm.writing import Look, Shot, Shown, write_captions
from core.weights import find_model
from distributed.sweep_data import SweepData, photo_strengths
from distributed.sweep_groups import group_photos, score_posts
from distributed.sweep_settings import ClipSettings

__all__ = ["Scorer", "find_embedder", "text_settings", "write_for"]

_WITHOUT_TAGS = Normalisation(remove_hashtags=True, remove_swipe_tokens=True)
_PREFIX = "A photo depicts"
Found = dict[str, Any]


def find_embedder(settings: ClipSettings) -> tuple[OpenClipEmbedder, str | None]:
    """The CLIP model that a sweep names, not loaded yet, and a sentence for the user where there is one.

    Raises:
        ModelUnavailableError: it is named and cannot be had.
    """
    default = load_config().settings.embeddings
    named = settings.model is not None
    chosen = {"model": settings.model, "pretrained": settings.pretrained} if named else {}
    files, notice = find_model(EmbeddingsSettings.model_validate(default.model_dump() | chosen), named=named)
    return OpenClipEmbedder(files, device="auto"), notice


def text_settings(recipe: Recipe, *, resamples: int = 0, seed: int = 0) -> TextSettings:
    """How captions are compared: as in the recipe's own evaluation."""
    how = Normalisation(**recipe.eval.normalize.model_dump())
    return TextSettings(normalisation=how, resamples=resamples, seed=seed)


def write_for(
    model: VisionLanguageModel,
    records: Sequence[Record],
    photos: TrainingPhotos,
    decoding: DecodingSettings,
    store: Store,
) -> list[str]:
    """A caption for each record's photo, from its stored features.

    Raises:
        PhotoError: a photo's features are not stored, and it cannot be read.
    """

    def shot(record: Record) -> Shot:
        look = Look(content=photos.content(record.image), open=lambda: Shown(image=photos.open(record.image, model)))
        return Shot(prompt=model.prompt.fill(record.event or None, record.labels), look=lambda: look)

    written = write_captions(model, [shot(record) for record in records], decoding, store=_Passing(store), threads=1)
    captions = [""] * len(records)
    for index, found in written:
        if found.error is not None:
            raise PhotoError(found.error.reason, f"{records[index].image} {found.error}")
        captions[index] = found.captions[0]
    return captions


@dataclass(kw_only=True)
class Scorer:
    """Scores captions of one part of the data, in all groupings.

    Args:
        part: `val` or `test`.
        groupings: the default one first.
        most: records, drawn by the seed; None takes all.
    """

    data: SweepData
    part: str
    groupings: Sequence[ClusterSettings]
    embedder: Embedder
    store: Store
    seed: int
    most: int | None = None

    def __post_init__(self) -> None:
        records: Sequence[Record] = getattr(self.data, self.part)
        if self.most is not None and self.most < len(records):
            chosen = np.random.default_rng(self.seed).choice(len(records), self.most, replace=False)
            records = [records[i] for i in sorted(chosen)]
        self.records = tuple(records)

    def open(self, model: VisionLanguageModel) -> None:
        """Get what is stored of the photos, and group them.

        Args:
            model: whose scale photos were decoded at.

        Raises:
            ModelError: the CLIP model cannot judge the photos.
        """
        images = [record.image for record in self.records]
        photos = self.data.photos
        self.embeddings = ClipJudge(self.embedder, self.store).embeddings(images, photos, model)
        self.judged = judged_photos(self.embedder, self.embeddings)
        if not self.judged.any():
            raise ModelError(
                f"{self.embedder.name} knows nothing like the photos of {self.part}; name another with clip.model"
            )
        self.events = [record.event_key for record in self.records]
        strength = photo_strengths(images, photos, model, self.store)
        labels = None
        if any(one.use_label_features for one in self.groupings):
            labels = categorize(self.embeddings, load_config().settings.categorize, self.embedder, self.store).scores
        self.posts = [
            group_photos(self.embeddings, labels, strength, self.events, one, seed=self.seed, store=self.store)
            for one in self.groupings
        ]

    def score(self, captions: Sequence[str]) -> Found:
        """Metrics of all captions and of each, without groupings."""
        references = [record.captions for record in self.records]
        texts = score_captions(captions, references, text_settings(self.data.recipe))
        plain = [normalise(caption, _WITHOUT_TAGS) for caption in captions]
        self._embed(plain)
        fit = clip_items(plain, self.embeddings, self.judged, self.embedder, self.store)
        means = {name: float(np.nanmean(values)) if (~np.isnan(values)).any() else None for name, values in fit.items()}
        items = {"rougeL": list(texts.items["rougeL"])} | {name: _listed(values) for name, values in fit.items()}
        rounded = {name: None if value is None else round(float(value), 6) for name, value in texts.metrics.items()}
        return {"captions": list(captions), "metrics": rounded | _rounded(means), "items": items}

    def group(self, captions: Sequence[str]) -> list[Found | None]:
        """The captions in each grouping, as `GroupingScores`; None where the CLIP model can judge nothing."""
        plain = [normalise(caption, _WITHOUT_TAGS) for caption in captions]
        vectors = self._embed(plain)
        leads = {post[0] for posts in self.posts for post in posts.posts}
        fit = {lead: self.embeddings @ vectors[plain[lead]] for lead in leads}
        found = [score_posts(posts, fit, self.judged, self.events) for posts in self.posts]
        return [None if one is None else one.as_dict() for one in found]

    def write_and_score(self, model: VisionLanguageModel, decoding: DecodingSettings) -> Found:
        """Captions in a decoding, their scores, and what they took."""
        begun, cpu = time.perf_counter(), time.process_time()
        captions = write_for(model, self.records, self.data.photos, decoding, self.store)
        found = self.score(captions)
        took = {
            "seconds": round(time.perf_counter() - begun, 3),
            "cpu_seconds": round(time.process_time() - cpu, 3),
        }
        return {"decoding": decoding.model_dump(mode="json"), **found, **took}

    def _embed(self, plain: Sequence[str]) -> dict[str, np.ndarray]:
        """The vector of each text; each is encoded once, however often it occurs, and kept for other trials."""
        known = {text: known_part(self.embedder.calibration, text) for text in dict.fromkeys(plain)}
        prefix = known_part(self.embedder.calibration, _PREFIX) + " "
        once = list(dict.fromkeys([*known.values(), *(prefix + text for text in known.values())]))
        vectors = dict(zip(once, embed_texts(self.embedder, self.store, once), strict=True))
        return {text: vectors[words] for text, words in known.items()}


class _Passing(Store):
    """The store, but captions stay in memory: they are kept with their scores, in one file a decoding."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.root)
        self._captions: dict[str, bytes] = {}

    def get_bytes(self, kind: str, key: str) -> bytes | None:
        return self._captions.get(key) if kind == "caption" else super().get_bytes(kind, key)

    def put_bytes(self, kind: str, key: str, value: bytes) -> None:
        if kind == "caption":
            self._captions[key] = value
        else:
            super().put_bytes(kind, key, value)


def _listed(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 6) for name, value in values.items()}
