"""Clusters, posts and selection: sensible for any number of photos, and independent of their order."""

import numpy as np
import pytest

from core.cluster import cluster_photos, cut_into_posts, fuse_features
from core.config import load_config
from core.selection import select_best
from core.settings import ClusterSettings


def settings(**changes: object) -> ClusterSettings:
    return load_config().settings.cluster.model_copy(update=changes)


def blobs(sizes: list[int], *, seed: int = 0, spread: float = 0.08) -> tuple[np.ndarray, list[int]]:
    """Unit vectors around as many directions as there are sizes, and the direction of each."""
    rng = np.random.default_rng(seed)
    centres = np.eye(max(len(sizes), 8))[: len(sizes)]
    points = [
        centre + rng.normal(0, spread, centre.shape) for centre, n in zip(centres, sizes, strict=True) for _ in range(n)
    ]
    vectors = np.array(points)
    topics = [i for i, n in enumerate(sizes) for _ in range(n)]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), topics


@pytest.mark.parametrize("sizes", [[5, 5], [9, 4, 3], [6, 6, 6, 6], [20, 10, 5, 5, 5, 3]])
def test_auto_k_finds_the_groups(sizes: list[int]) -> None:
    vectors, topics = blobs(sizes)
    clusters = cluster_photos(fuse_features(vectors, None, settings()), settings(), seed=0)
    assert clusters.k == len(sizes)
    assert len(set(zip(clusters.assignment, topics, strict=True))) == len(sizes), "each cluster is one group"
    assert clusters.silhouette == pytest.approx(max(clusters.tried.values()))


def test_the_order_of_the_photos_does_not_matter() -> None:
    vectors, _ = blobs([7, 6, 5, 4], spread=0.25)
    features = fuse_features(vectors, None, settings())
    order = np.random.default_rng(1).permutation(len(features))
    straight = cluster_photos(features, settings(), seed=0).assignment
    shuffled = cluster_photos(features[order], settings(), seed=0).assignment
    assert [straight[i] for i in order] == list(shuffled)


@pytest.mark.parametrize("k", ["auto", 1, 2, 5, 50])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 10])
def test_any_number_of_photos_and_any_k(n: int, k: object) -> None:
    vectors, _ = blobs([n], spread=0.3)
    clusters = cluster_photos(fuse_features(vectors, None, settings()), settings(k=k), seed=0)
    assert len(clusters.assignment) == n
    assert set(clusters.assignment) == set(range(clusters.k))
    if k != "auto":
        assert clusters.k == min(int(k), n)  # type: ignore[call-overload]


@pytest.mark.parametrize("k", ["auto", 3])
def test_identical_photos_are_one_cluster(k: object) -> None:
    vectors = np.tile(np.array([[0.6, 0.8]], dtype=np.float32), (7, 1))
    clusters = cluster_photos(fuse_features(vectors, None, settings()), settings(k=k), seed=0)
    assert (clusters.k, set(clusters.assignment)) == (1, {0})


def test_large_events_are_sampled() -> None:
    vectors, topics = blobs([900, 700, 500])
    chosen = settings(silhouette_sample=300)
    clusters = cluster_photos(fuse_features(vectors, None, chosen), chosen, seed=0)
    assert len(set(zip(clusters.assignment, topics, strict=True))) == 3


def test_label_features_can_split_what_embeddings_do_not() -> None:
    same = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (8, 1))
    scores = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 4)
    chosen = settings(use_label_features=True, k=2)
    assignment = cluster_photos(fuse_features(same, scores, chosen), chosen, seed=0).assignment
    assert len(set(assignment[:4])) == len(set(assignment[4:])) == 1
    assert assignment[0] != assignment[4]


@pytest.mark.parametrize("norm", ["zscore", "l2", "none"])
def test_fused_features_are_finite_and_of_unit_length(norm: str) -> None:
    vectors, _ = blobs([4, 4])
    scores = np.zeros((8, 3))  # no label anywhere: deviations are zero
    fused = fuse_features(vectors, scores, settings(use_label_features=True, label_norm=norm))
    np.testing.assert_allclose(np.linalg.norm(fused, axis=1), 1.0)


def test_posts_hold_every_photo_once_within_the_limit_strongest_first() -> None:
    vectors, _ = blobs([13, 6, 1])
    features = fuse_features(vectors, None, settings())
    strength = np.random.default_rng(3).random(20)
    posts = cut_into_posts([0] * 13 + [1] * 6 + [2], features, strength, max_images=6)
    assert sorted(i for post in posts for i in post) == list(range(20))
    assert [len(post) for post in posts if post[0] < 13] in ([5, 4, 4], [4, 5, 4], [4, 4, 5])
    for post in posts:
        assert list(strength[post]) == sorted(strength[post], reverse=True)
    assert strength[posts[0][0]] == strength[:13].max(), "the strongest photo of a cluster leads its first post"


def test_selection_takes_the_best_and_the_varied() -> None:
    vectors, topics = blobs([10, 10, 1], spread=0.02)
    quality = np.array([0.5] * 10 + [0.9] * 10 + [0.4])
    chosen = select_best(vectors, quality, k=3)
    assert {topics[i] for i in chosen} == {0, 1, 2}, "one of each group before a second of any"
    assert quality[chosen[0]] == 0.9
    assert sorted(select_best(vectors, quality, k=None)) == list(range(21))
    assert sorted(select_best(vectors, quality, k=99)) == list(range(21))


def test_selection_prefers_the_sharper_of_two_alike() -> None:
    vectors, _ = blobs([2, 2], spread=0.0)
    assert set(select_best(vectors, np.array([0.3, 0.8, 0.9, 0.2]), k=2)) == {1, 2}
