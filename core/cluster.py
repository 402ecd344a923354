"""Group photos into clusters by KMeans, choose k by silhouette, and cut clusters into posts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.settings import ClusterSettings

__all__ = ["Clusters", "cluster_photos", "cut_into_posts", "fuse_features"]

_WARD_LIMIT = 2000
"""Photos on which starting centres are found; Ward's linkage holds n²/2 distances (16 MB at 2,000)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clusters:
    """What the cluster stage found."""

    assignment: tuple[int, ...]
    """Cluster of each photo, 0..k-1; the largest cluster is 0."""
    k: int
    silhouette: float | None
    """Mean silhouette in -1..1 (Rousseeuw 1987); None where it is not defined (k = 1, k = n, fewer than 3 photos)."""
    tried: dict[int, float]
    """Silhouette of each k that was tried."""


def fuse_features(embeddings: np.ndarray, label_scores: np.ndarray | None, settings: ClusterSettings) -> np.ndarray:
    """Join embeddings and label scores to the vectors that are clustered: float64 (n, d).

    Args:
        embeddings: float32 (n, d), unit length.
        label_scores: float (n, labels), or None where there are none.
    """
    parts = [embeddings.astype(np.float64)] if settings.use_clip else []
    if settings.use_label_features and label_scores is not None:
        scores = label_scores.astype(np.float64)
        if settings.label_norm == "zscore":
            deviation = scores.std(axis=0)
            scores = (scores - scores.mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1.0)
        elif settings.label_norm == "l2":
            scores = scores / np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), 1e-9)
        parts.append(scores * (settings.label_weight if settings.use_clip else 1.0))
    if not parts:
        parts = [embeddings.astype(np.float64)]
    fused = np.concatenate(parts, axis=1)
    if settings.fuse_normalize:
        fused = fused / np.maximum(np.linalg.norm(fused, axis=1, keepdims=True), 1e-12)
    return fused


def cluster_photos(features: np.ndarray, settings: ClusterSettings, *, seed: int) -> Clusters:
    """Cluster photos.

    Args:
        features: float64 (n, d), from `fuse_features`.
        seed: of the sample on which starting centres and silhouettes are computed in large events.

    KMeans starts from the centres of Ward's hierarchical clusters, cut at k, instead of random photos: the result
    then depends on the photos alone, not on their order, and one start does the work of many.
    """
    n = len(features)
    distinct = len(np.unique(features.round(9), axis=0)) if n else 0
    if distinct <= 1:
        return Clusters(assignment=(0,) * n, k=min(n, 1), silhouette=None, tried={})
    if settings.k != "auto":
        candidates = [min(settings.k, distinct, _WARD_LIMIT, settings.silhouette_sample)]
    else:
        candidates = list(range(2, min(settings.k_max, distinct - 1) + 1)) or [1]
    if candidates == [1]:  # two photos, or two kinds of photo: one post
        return Clusters(assignment=(0,) * n, k=1, silhouette=None, tried={})
    sample = _sample(n, settings.silhouette_sample, seed)
    tree = _ward(features[sample[:_WARD_LIMIT]])
    best: tuple[float, int, np.ndarray] | None = None
    tried: dict[int, float] = {}
    for k in candidates:
        assignment = _kmeans(features, _centres(features[sample[:_WARD_LIMIT]], tree, k), seed)
        score = _silhouette(features[sample], assignment[sample])
        if score is not None:
            tried[k] = round(score, 6)
        if best is None or (score is not None and score > best[0] + 1e-9):
            best = (-1.0 if score is None else score, k, assignment)
    assert best is not None
    assignment = _by_size(best[2], features)
    return Clusters(
        assignment=tuple(int(c) for c in assignment),
        k=int(assignment.max()) + 1,
        silhouette=tried.get(best[1]),
        tried=tried,
    )


def cut_into_posts(
    assignment: Sequence[int], features: np.ndarray, strength: np.ndarray, *, max_images: int
) -> list[list[int]]:
    """Cut clusters into posts of at most `max_images`, alike photos together, the strongest photo first.

    Args:
        assignment: cluster of each photo.
        strength: float (n,), higher leads.

    Returns:
        Posts as lists of photo indices; clusters in order, and within a cluster the post with the strongest photo.
    """
    posts = []
    for cluster in sorted(set(assignment)):
        members = np.flatnonzero(np.asarray(assignment) == cluster)
        pieces = -(-len(members) // max_images)
        along = members[np.argsort(_main_axis(features[members], strength[members]), kind="stable")]
        posts_here = [_strongest_first(piece, strength) for piece in np.array_split(along, pieces)]
        posts.extend(sorted(posts_here, key=lambda post: (-strength[post[0]], post[0])))
    return posts


def _strongest_first(members: np.ndarray, strength: np.ndarray) -> list[int]:
    return [int(i) for i in sorted(members, key=lambda i: (-strength[i], i))]


def _main_axis(features: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Position along the direction in which the photos differ most; its sign is set by the strongest photo."""
    if len(features) < 3:
        return np.asarray(-strength)
    centred = features - features.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    position = centred @ directions[0]
    return np.asarray(-position if position[np.argmax(strength)] > 0 else position)


def _sample(n: int, size: int, seed: int) -> np.ndarray:
    if n <= size:
        return np.arange(n)
    return np.random.default_rng(seed).permutation(n)[:size]


def _ward(features: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import linkage  # scipy and scikit-learn load slowly, and a second run needs neither

    return np.asarray(linkage(features, method="ward"))


def _centres(features: np.ndarray, tree: np.ndarray, k: int) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster

    groups = fcluster(tree, t=k, criterion="maxclust")
    centres = np.stack([features[groups == group].mean(axis=0) for group in np.unique(groups)])
    nearest = np.full(len(features), np.inf)
    for centre in centres:
        nearest = np.minimum(nearest, ((features - centre) ** 2).sum(axis=1))
    while len(centres) < k:  # ties in the tree: add the photo farthest from every centre
        centre = features[int(np.argmax(nearest))]
        centres = np.concatenate([centres, centre[None]])
        nearest = np.minimum(nearest, ((features - centre) ** 2).sum(axis=1))
    return centres


def _kmeans(features: np.ndarray, centres: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    model = KMeans(n_clusters=len(centres), init=centres, n_init=1, random_state=seed)
    return np.asarray(model.fit_predict(features))


def _silhouette(features: np.ndarray, assignment: np.ndarray) -> float | None:
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(assignment)) <= len(features) - 1:
        return None
    return float(silhouette_score(features, assignment))


def _by_size(assignment: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Renumber clusters: larger first; of equal ones the one farther from the event's middle last."""
    middle = features.mean(axis=0)

    def order(cluster: int) -> tuple[int, float]:
        members = assignment == cluster
        return -int(members.sum()), round(float(np.linalg.norm(features[members].mean(axis=0) - middle)), 9)

    ranked = sorted((int(c) for c in np.unique(assignment)), key=order)
    return np.array([ranked.index(int(c)) for c in assignment])
