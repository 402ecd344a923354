"""How good a grouping of photos into posts is, from stored embeddings; `docs/adr/0010` says why it is measured so.

The CLIP score of captions for the posts that they stand over grows with the number of posts: a post of one photo
always fits its own caption best. So a sweep over k that maximised it would only ever say "more posts". `gain` takes
away what any grouping into posts of the same sizes and leads would have had: it is 0 both for one post a photo and
for one post of everything, and highest where the photos of a post have in common what its caption says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.cluster import cluster_photos, cut_into_posts, fuse_features
from core.settings import ClusterSettings
from core.store import Store, digest

__all__ = ["GroupingScores", "Posts", "group_photos", "score_posts"]

_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Posts:
    """Photos of one or several events in posts."""

    posts: tuple[tuple[int, ...], ...]
    """Indices of photos, the leading one first."""
    k: float
    """Clusters of an event, on average."""
    silhouette: float | None
    """Mean silhouette of the clusters in the space of the embeddings, weighted by photos; the same ruler for every
    grouping, whatever features it was made from. None where no event has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupingScores:
    """What captions and grouping are worth together."""

    posts: int
    k: float
    silhouette: float | None
    clip: float
    """clip_cosine of each photo and its post's caption, the mean over photos."""
    chance: float
    """The same, expected where all photos but the leads change places at random."""
    gain: float
    """clip less chance."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def group_photos(
    embeddings: np.ndarray,
    label_scores: np.ndarray | None,
    strength: np.ndarray,
    events: Sequence[str],
    settings: ClusterSettings,
    *,
    seed: int,
    store: Store,
) -> Posts:
    """Group each event's photos as the pipeline would, which knows one event at a time.

    Args:
        embeddings: float32 (n, d), unit length.
        label_scores: float (n, labels), or None.
        strength: float (n,), higher leads.
        events: the event of each photo.
    """
    key = digest(
        "grouping", _VERSION, embeddings.round(6), None if label_scores is None else label_scores.round(6),
        strength.round(6), list(events), settings.model_dump(mode="json"), seed,
    )  # fmt: skip

    def found() -> dict[str, Any]:
        return asdict(_grouped(embeddings, label_scores, strength, events, settings, seed))

    stored = store.json("grouping", key, found)
    return Posts(posts=tuple(tuple(post) for post in stored["posts"]), k=stored["k"], silhouette=stored["silhouette"])


def score_posts(
    posts: Posts, fit: Mapping[int, np.ndarray], judged: np.ndarray, events: Sequence[str]
) -> GroupingScores | None:
    """Hold posts' captions against their photos.

    Args:
        fit: for each leading photo the clip_cosine of its caption and every photo, float (n,).
        judged: bool (n,), photos that the CLIP model can judge.
        events: the event of each photo; by chance, photos change places within theirs.

    Returns:
        None where it can judge no photo.
    """
    leads = {post[0] for post in posts.posts}
    followers: dict[str, list[int]] = {}
    for i, event in enumerate(events):
        if judged[i] and i not in leads:
            followers.setdefault(event, []).append(i)
    total, chance, count = 0.0, 0.0, 0
    for lead, *rest in posts.posts:
        own, here = fit[lead], [i for i in rest if judged[i]]
        led = float(own[lead]) if judged[lead] else 0.0
        total += led + float(own[here].sum())
        chance += led + (len(here) * float(own[followers[events[lead]]].mean()) if here else 0.0)
        count += len(here) + int(judged[lead])
    if not count:
        return None
    return GroupingScores(
        posts=len(posts.posts),
        k=posts.k,
        silhouette=posts.silhouette,
        clip=round(total / count, 6),
        chance=round(chance / count, 6),
        gain=round((total - chance) / count, 6),
    )


def _grouped(
    embeddings: np.ndarray,
    label_scores: np.ndarray | None,
    strength: np.ndarray,
    events: Sequence[str],
    settings: ClusterSettings,
    seed: int,
) -> Posts:
    posts: list[tuple[int, ...]] = []
    ks: list[int] = []
    silhouettes: list[tuple[float, int]] = []
    for event in dict.fromkeys(events):
        members = np.array([i for i, one in enumerate(events) if one == event])
        own = embeddings[members]
        features = fuse_features(own, None if label_scores is None else label_scores[members], settings)
        clusters = cluster_photos(features, settings, seed=seed)
        cut = cut_into_posts(clusters.assignment, features, strength[members], max_images=settings.max_images_per_post)
        posts += [tuple(int(members[i]) for i in post) for post in cut]
        ks.append(clusters.k)
        if (score := _silhouette(own, clusters.assignment)) is not None:
            silhouettes.append((score, len(members)))
    weight = sum(count for _, count in silhouettes)
    mean = sum(score * count for score, count in silhouettes) / weight if weight else None
    return Posts(
        posts=tuple(posts), k=round(float(np.mean(ks)), 3), silhouette=None if mean is None else round(mean, 6)
    )


def _silhouette(embeddings: np.ndarray, assignment: Sequence[int]) -> float | None:
    from sklearn.metrics import silhouette_score

    if not 2 <= len(set(assignment)) <= len(embeddings) - 1:
        return None
    return float(silhouette_score(embeddings.astype(np.float64), np.asarray(assignment)))
