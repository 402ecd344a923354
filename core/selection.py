"""Keep the best and most varied photos of an event."""

import numpy as np

__all__ = ["select_best"]

_VARIETY = 1.0
"""Weight of variety against quality. Both lie in 0–1, so 1 lets a poor photo in only when nothing else is new."""


def select_best(embeddings: np.ndarray, quality: np.ndarray, *, k: int | None) -> list[int]:
    """Choose k photos, greedily: each next one is good and unlike those already chosen.

    Args:
        embeddings: float32 (n, d), unit length.
        quality: float (n,), in 0–1.
        k: how many; None or k >= n keeps all.

    Returns:
        Indices in the order in which they were chosen (all, in order of quality, where nothing is left out).

    Memory grows with n, not n²: the distance to the nearest chosen photo is kept for each photo.
    """
    n = len(quality)
    if k is None or k >= n:
        return [int(i) for i in np.argsort(-quality, kind="stable")]
    nearest = np.ones(n)
    chosen: list[int] = []
    free = np.ones(n, dtype=bool)
    for _ in range(k):
        gain = np.where(free, quality + _VARIETY * nearest, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        free[best] = False
        distance = 1.0 - embeddings @ embeddings[best]
        nearest = np.minimum(nearest, np.clip(distance, 0.0, 1.0))
    return chosen
