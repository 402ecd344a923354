"""Zero-shot labels: each label's prompts against a neutral prompt, by CLIP.

A model abstains where it cannot know: from labels with words it never learnt, and on photos outside its world.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.embed import Embedder, embed_texts, judged_photos, known_texts
from core.settings import CategorizeSettings
from core.store import Store, digest

__all__ = ["LabelScore", "Labels", "categorize"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelScore:
    """A label and its score in 0–1."""

    label: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """What the categorize stage found."""

    given: tuple[tuple[LabelScore, ...], ...]
    """For each photo the labels that pass the threshold, best first."""
    scores: np.ndarray
    """float32 (n photos, n labels); 0 where the model abstains."""
    threshold: float
    """The threshold that was used."""
    unknown_labels: tuple[str, ...]
    """Labels that the model has no words for."""
    abstained: tuple[bool, ...]
    """Photos outside the model's world."""


def categorize(embeddings: np.ndarray, settings: CategorizeSettings, embedder: Embedder, store: Store) -> Labels:
    """Label photos.

    Args:
        embeddings: float32 (n, d), unit length.

    The score of a label is the logistic function of the model's logit scale times the difference between the
    photo's cosine with the label (mean over prompts, renormalised; Radford et al. 2021, section 3.1.4) and with
    the neutral prompt. Several labels may pass, and scores need not sum to 1.
    """
    labels = tuple(dict.fromkeys(settings.labels))
    calibration = embedder.calibration
    threshold = calibration.label_threshold if settings.threshold is None else settings.threshold
    known = known_texts(calibration, labels)
    inside = judged_photos(embedder, embeddings)
    scores = np.zeros((len(embeddings), len(labels)), dtype=np.float32)
    if any(known) and inside.any():
        vectors, neutral = _label_vectors(
            [x for x, k in zip(labels, known, strict=True) if k], settings, embedder, store
        )
        scale_key = digest("logit_scale", embedder.key)
        scale = store.arrays("text", scale_key, lambda: {"scale": np.array([embedder.logit_scale])})["scale"][0]
        # float64 and rounding: scores must not change in their last digit with the size of the event
        margin = embeddings.astype(np.float64) @ (vectors - neutral).T.astype(np.float64)
        scores[:, np.array(known)] = np.round(1.0 / (1.0 + np.exp(-np.clip(scale * margin, -60, 60))), 5)
        scores[~inside] = 0.0
    return Labels(
        given=tuple(_passing(row, labels, threshold, settings.topk) for row in scores),
        scores=scores,
        threshold=threshold,
        unknown_labels=tuple(label for label, k in zip(labels, known, strict=True) if not k),
        abstained=tuple(bool(x) for x in ~inside),
    )


def _label_vectors(
    labels: Sequence[str], settings: CategorizeSettings, embedder: Embedder, store: Store
) -> tuple[np.ndarray, np.ndarray]:
    prompts = [prompt.format(label=label) for label in labels for prompt in settings.prompts]
    embedded = embed_texts(embedder, store, [*prompts, settings.neutral_prompt])
    means = embedded[:-1].reshape(len(labels), len(settings.prompts), -1).mean(axis=1)
    return means / np.linalg.norm(means, axis=1, keepdims=True), embedded[-1]


def _passing(row: np.ndarray, labels: Sequence[str], threshold: float, topk: int) -> tuple[LabelScore, ...]:
    best_first = sorted(range(len(labels)), key=lambda i: (-row[i], i))
    return tuple(
        LabelScore(label=labels[i], score=float(row[i])) for i in best_first[:topk] if row[i] >= max(threshold, 1e-9)
    )
