"""How well a text fits photos, in two units that are never mixed: `clip_cosine` and `clipscore`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.embed import Embedder, embed_texts, known_part
from core.store import Store

__all__ = ["ClipFit", "clip_fit", "clip_items"]

_PREFIX = "A photo depicts"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipFit:
    """Both units, each the mean over the photos."""

    clip_cosine: float
    """Raw cosine of text and photo, -1..1."""
    clipscore: float
    """2.5 * max(cosine, 0) of "A photo depicts …" and photo, 0..2.5 (Hessel et al. 2021)."""


def clip_fit(
    texts: Sequence[str],
    posts: Sequence[Sequence[int]],
    embeddings: np.ndarray,
    judged: np.ndarray,
    embedder: Embedder,
    store: Store,
) -> list[ClipFit | None]:
    """Score each text against its photos; None where the model cannot judge most of them, or no word of the text.

    Args:
        texts: n captions, without hashtags.
        posts: for each caption the indices of its photos.
        embeddings: of all photos of the event, float32 (m, d), unit length.
        judged: bool (m,), which of them the model can judge (`core.embed.judged_photos`).
    """
    if not texts:
        return []
    known = [known_part(embedder.calibration, text) for text in texts]
    prefix = known_part(embedder.calibration, _PREFIX) + " "
    vectors = embed_texts(embedder, store, [*known, *(prefix + text for text in known)])
    plain, prefixed = vectors[: len(texts)], vectors[len(texts) :]
    fits: list[ClipFit | None] = []
    for words, text, depicts, members in zip(known, plain, prefixed, map(list, posts), strict=True):
        if not words or judged[members].mean() < 0.5:
            fits.append(None)
            continue
        cosine = float(np.mean(embeddings[members] @ text))
        score = float(np.mean(2.5 * np.maximum(embeddings[members] @ depicts, 0.0)))
        fits.append(ClipFit(clip_cosine=round(cosine, 4), clipscore=round(score, 4)))
    return fits


def clip_items(
    texts: Sequence[str],
    photos: np.ndarray,
    judged: np.ndarray,
    embedder: Embedder,
    store: Store,
    *,
    references: Sequence[Sequence[str]] | None = None,
) -> dict[str, np.ndarray]:
    """Score captions of single photos: `clip_cosine`, `clipscore` and, with references, `refclipscore`.

    RefCLIPScore is the harmonic mean of CLIPScore and the best cosine with a reference (Hessel et al. 2021), 0-1.25.

    Args:
        texts: n captions, without hashtags.
        photos: embedding of each caption's photo, float32 (n, d), unit length.
        judged: bool (n,), which of them the model can judge.
        references: those of each caption.

    Returns:
        float64 (n,) by name; NaN where the model cannot judge the photo, or knows no word of the caption.
    """
    known = [known_part(embedder.calibration, text) for text in texts]
    prefix = known_part(embedder.calibration, _PREFIX) + " "
    unscored = ~judged | np.array([not words for words in known], dtype=bool)
    plain = embed_texts(embedder, store, known)
    depicts = embed_texts(embedder, store, [prefix + words for words in known])
    scores = {
        "clip_cosine": np.sum(photos * plain, axis=1, dtype=np.float64),
        "clipscore": 2.5 * np.maximum(np.sum(photos * depicts, axis=1, dtype=np.float64), 0.0),
    }
    if references is not None:
        flat = [prefix + known_part(embedder.calibration, text) for own in references for text in own]
        owner = np.repeat(np.arange(len(texts)), [len(own) for own in references])
        nearest = np.zeros(len(texts))
        cosines = np.sum(embed_texts(embedder, store, flat) * depicts[owner], axis=1, dtype=np.float64)
        np.maximum.at(nearest, owner, cosines)
        both = scores["clipscore"] + nearest
        product = 2 * scores["clipscore"] * nearest
        scores["refclipscore"] = np.divide(product, both, out=np.zeros(len(texts)), where=both > 0)
    return {name: np.where(unscored, np.nan, values) for name, values in scores.items()}
