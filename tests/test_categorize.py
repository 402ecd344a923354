"""Labels: scored against the neutral prompt, cut by threshold and topk, abstained from where unknown."""

import numpy as np
import pytest

from core.categorize import categorize
from core.config import load_config
from core.settings import CategorizeSettings
from core.store import Store
from core.weights import Calibration
from tests.fakes import ColourEmbedder, _unit


def settings(**changes: object) -> CategorizeSettings:
    base = load_config().settings.categorize
    return base.model_copy(update={"labels": ("red", "green", "blue"), **changes})


PHOTOS = np.stack([_unit(np.array(v, dtype=float)) for v in ([1, 0, 0, 0.2], [1, 1, 0, 0.2], [0.5, 0.5, 0.5, 0.2])])


def test_scores_follow_the_formula(store: Store) -> None:
    embedder = ColourEmbedder()
    labels = categorize(PHOTOS, settings(prompts=("{label}",)), embedder, store)
    red, neutral = embedder.texts(["red", "a photo"])
    expected = 1 / (1 + np.exp(-20.0 * float(PHOTOS[0] @ (red - neutral))))
    assert labels.scores[0, 0] == pytest.approx(expected, abs=1e-4)


def test_several_labels_may_pass_and_the_best_comes_first(store: Store) -> None:
    given = categorize(PHOTOS, settings(), ColourEmbedder(), store).given
    assert [x.label for x in given[0]] == ["red"]
    assert [x.label for x in given[1]] == ["red", "green"]


def test_topk_and_threshold(store: Store) -> None:
    assert len(categorize(PHOTOS, settings(topk=1), ColourEmbedder(), store).given[1]) == 1
    assert categorize(PHOTOS[2:], settings(threshold=1.0), ColourEmbedder(), store).given == ((),)


def test_photos_outside_the_models_world_get_no_labels(store: Store) -> None:
    labels = categorize(PHOTOS, settings(threshold=0.0), ColourEmbedder(knows_world=False), store)
    assert labels.abstained == (True, True, True)
    assert labels.given == ((), (), ())


def test_an_event_is_of_one_world(store: Store) -> None:
    class Half(ColourEmbedder):
        def in_world(self, embeddings: np.ndarray) -> np.ndarray:
            return np.arange(len(embeddings)) < len(embeddings) * self.share

    embedder = Half()
    embedder.share = 0.3
    assert categorize(PHOTOS, settings(), embedder, store).abstained == (True, True, True)
    embedder.share = 0.6
    assert categorize(PHOTOS, settings(), embedder, store).abstained == (False, False, True)


def test_labels_without_known_words_are_never_given(store: Store) -> None:
    calibration = Calibration(label_threshold=0.0, known_words=frozenset({"red", "green"}))
    labels = categorize(PHOTOS, settings(), ColourEmbedder(calibration=calibration), store)
    assert labels.unknown_labels == ("blue",)
    assert {x.label for given in labels.given for x in given} == {"red", "green"}


def test_texts_are_embedded_once(store: Store) -> None:
    embedder = ColourEmbedder()
    categorize(PHOTOS, settings(), embedder, store)
    before = embedder.texts_embedded
    categorize(PHOTOS, settings(), embedder, store)
    assert embedder.texts_embedded == before
