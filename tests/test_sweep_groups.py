"""What a grouping is worth: 0 where it says nothing, high where a post's photos have its caption in common."""

import numpy as np
import pytest

from core.config import load_config
from core.store import Store
from distributed.sweep_groups import Posts, group_photos, score_posts

SETTINGS = load_config().settings.cluster
TOPICS = [0, 0, 0, 1, 1, 1, 2, 2, 2]


def photos(noise: float = 0.05) -> np.ndarray:
    """Nine photos of three topics."""
    vectors = np.eye(4)[TOPICS] + noise * np.random.default_rng(0).normal(size=(9, 4))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def posts(*groups: tuple[int, ...]) -> Posts:
    return Posts(posts=groups, k=len(groups), silhouette=None)


def fit(embeddings: np.ndarray) -> dict[int, np.ndarray]:
    """Captions that say just what their own photo shows."""
    return {i: embeddings @ embeddings[i] for i in range(len(embeddings))}


EVERY = np.ones(9, dtype=bool)


def gain(*groups: tuple[int, ...]) -> float:
    embeddings = photos()
    found = score_posts(posts(*groups), fit(embeddings), EVERY, ["e"] * 9)
    assert found is not None
    return found.gain


def test_by_topic_beats_across_topics_and_both_ends_say_nothing() -> None:
    by_topic = gain((0, 1, 2), (3, 4, 5), (6, 7, 8))
    assert by_topic > 0.3
    assert gain((0, 3, 6), (1, 4, 7), (2, 5, 8)) < 0.01
    assert gain(*((i,) for i in range(9))) == 0, "one photo a post: nothing was grouped"
    assert gain(tuple(range(9))) == pytest.approx(0, abs=1e-9), "one post of everything"
    assert 0 < gain((0, 1), (2,), (3, 4, 5), (6, 7, 8)) < by_topic, "a topic torn apart"


def test_the_plain_clip_score_would_prefer_one_photo_a_post() -> None:
    embeddings = photos()
    single = score_posts(posts(*((i,) for i in range(9))), fit(embeddings), EVERY, ["e"] * 9)
    grouped = score_posts(posts((0, 1, 2), (3, 4, 5), (6, 7, 8)), fit(embeddings), EVERY, ["e"] * 9)
    assert single is not None
    assert grouped is not None
    assert single.clip > grouped.clip


def test_chance_is_that_of_photos_dealt_out_at_random() -> None:
    """The formula against many deals."""
    embeddings, own = photos(0.3), fit(photos(0.3))
    groups = ((0, 1, 2), (3, 4), (5, 6, 7, 8))
    found = score_posts(posts(*groups), own, EVERY, ["e"] * 9)
    assert found is not None
    leads, rest = [g[0] for g in groups], [i for g in groups for i in g[1:]]
    generator, totals = np.random.default_rng(0), []
    for _ in range(4000):
        dealt = iter(generator.permutation(rest).tolist())
        total = sum(own[lead][lead] for lead in leads)
        total += sum(own[g[0]][next(dealt)] for g in groups for _ in g[1:])
        totals.append(total / len(embeddings))
    assert found.chance == pytest.approx(np.mean(totals), abs=0.005)


def test_by_chance_photos_stay_in_their_event() -> None:
    embeddings, events = photos(), ["a", "a", "a", "b", "b", "b", "c", "c", "c"]
    found = score_posts(posts((0, 1, 2), (3, 4, 5), (6, 7, 8)), fit(embeddings), EVERY, events)
    assert found is not None
    assert found.gain == pytest.approx(0, abs=1e-9), "each event is one post: nothing was chosen"


def test_photos_that_the_model_cannot_judge_do_not_count() -> None:
    judged = np.array([True, True, False] * 3)
    found = score_posts(posts((0, 1, 2), (3, 4, 5), (6, 7, 8)), fit(photos()), judged, ["e"] * 9)
    alone = score_posts(posts((0, 1), (3, 4), (6, 7)), fit(photos()), judged, ["e"] * 9)
    assert found == alone
    assert score_posts(posts((0, 1)), fit(photos()), ~EVERY, ["e"] * 9) is None


def test_events_are_grouped_one_by_one_and_silhouettes_have_one_ruler(store: Store) -> None:
    embeddings, events = photos(), ["a"] * 6 + ["b"] * 3
    strength = np.linspace(0.1, 0.9, 9)
    settings = SETTINGS.model_copy(update={"k": 2, "max_images_per_post": 6})
    found = group_photos(embeddings, None, strength, events, settings, seed=0, store=store)
    assert {frozenset(post) for post in found.posts if post[0] < 6} == {frozenset({0, 1, 2}), frozenset({3, 4, 5})}
    assert all(len({events[i] for i in post}) == 1 for post in found.posts)
    assert all(post[0] == max(post, key=lambda i: strength[i]) for post in found.posts), "the strongest leads"
    again = group_photos(embeddings, None, strength, events, settings, seed=0, store=store)
    assert again == found
    assert store.found["grouping"] == 1, "a grouping is computed once for all trials"


def test_label_features_change_the_grouping_but_not_the_ruler(store: Store) -> None:
    embeddings = photos(0.02)
    labels = np.eye(2)[[0, 1, 0, 1, 0, 1, 0, 1, 0]].astype(np.float32)
    plain = SETTINGS.model_copy(update={"k": 3})
    fused = plain.model_copy(update={"use_label_features": True, "label_weight": 5.0})
    by_eye = group_photos(embeddings, labels, np.ones(9), ["e"] * 9, plain, seed=0, store=store)
    by_label = group_photos(embeddings, labels, np.ones(9), ["e"] * 9, fused, seed=0, store=store)
    assert by_eye.silhouette is not None
    assert by_label.silhouette is not None
    assert by_eye.silhouette > by_label.silhouette, "judged in the space of the embeddings"
