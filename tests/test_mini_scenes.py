"""The rendered world: one seed, one picture; its captions, edits and faults."""

import numpy as np
import pytest
from PIL import Image

from core.mini.edits import EDITS, FAULTS, edit, spoil
from core.mini.exposure import exposure_of
from core.mini.scenes import LABELS, TOPICS, render, sample_scene


@pytest.mark.parametrize("topic", TOPICS)
def test_a_scene_is_fixed_by_its_description(topic: str) -> None:
    scene = sample_scene(np.random.default_rng(3), topic)
    again = sample_scene(np.random.default_rng(3), topic)
    assert scene == again
    assert scene.caption == again.caption
    first, second = render(scene, size=(400, 300)), render(again, size=(400, 300))
    assert first.dtype == np.uint8
    assert first.shape == ((400, 300, 3) if scene.upright else (300, 400, 3))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("topic", TOPICS)
def test_photos_of_one_topic_differ_visibly(topic: str) -> None:
    rng = np.random.default_rng(8)
    scenes = [scene for scene in (sample_scene(rng, topic) for _ in range(40)) if not scene.upright][:6]
    small = [render(scene, size=(200, 150)).astype(float) for scene in scenes]
    for index, one in enumerate(small):
        assert all(np.abs(one - other).mean() > 6 for other in small[:index])


@pytest.mark.parametrize("topic", TOPICS)
def test_the_frames_of_a_burst_show_the_same_place_with_something_moved(topic: str) -> None:
    scene = sample_scene(np.random.default_rng(1), topic)
    first, later = (render(scene, moment=moment, size=(400, 300)).astype(float) for moment in (0, 1))
    moved = np.abs(first - later).mean(axis=2) > 40
    assert 0.001 < moved.mean() < 0.7


@pytest.mark.parametrize("topic", TOPICS)
def test_labels_and_captions_agree(topic: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(60):
        scene = sample_scene(rng, topic)
        labels, words = scene.labels, scene.caption.split()
        assert topic in labels or topic not in LABELS
        assert set(labels) <= set(LABELS)
        assert list(labels) == [label for label in LABELS if label in labels]
        assert len({"indoors", "outdoors"} & set(labels)) == 1
        assert not {"people", "person"} <= set(labels)
        assert scene.caption == scene.caption.lower()
        assert "  " not in scene.caption
        if "people" in words:
            assert "people" in labels
        if {"two", "three", "four", "five"} & set(words) and topic in {"award", "sports"}:
            assert "people" in labels


def test_rendering_at_two_sizes_shows_the_same_picture() -> None:
    scene = sample_scene(np.random.default_rng(4), "food")
    large, small = render(scene, size=(800, 600)), render(scene, size=(400, 300))
    halved = np.asarray(Image.fromarray(large).resize(small.shape[1::-1], Image.Resampling.BOX), float)
    assert np.abs(halved - small).mean() < 6


def test_dim_places_ask_for_a_sensitive_sensor() -> None:
    rng = np.random.default_rng(0)
    night, noon = ([exposure_of(sample_scene(rng, topic)) for _ in range(30)] for topic in ("night", "sports"))
    assert min(light.iso for light in night) >= 1600
    assert max(light.time_s for light in noon) < min(light.time_s for light in night)
    scene = sample_scene(rng, "food")
    right, bright, dark = (exposure_of(scene, fault=fault) for fault in ("", "bright", "dark"))
    assert dark.time_s < right.time_s < bright.time_s
    assert dark.iso == right.iso == bright.iso


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_stays_close_to_its_photo(kind: str) -> None:
    image = render(sample_scene(np.random.default_rng(0), "stage"), size=(400, 300))
    copy, quality = edit(image, kind, np.random.default_rng(0))
    assert (quality < 45) == (kind == "recompress")
    back = np.asarray(Image.fromarray(copy).resize(image.shape[1::-1]), float)
    assert np.abs(back.mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 25
    assert copy.shape != image.shape or kind == "recompress" or not np.array_equal(copy, image)


def test_faults_are_faults() -> None:
    image = render(sample_scene(np.random.default_rng(0), "food"), size=(400, 300))
    rng = np.random.default_rng(0)
    shaken, dark, bright = (spoil(image, fault, rng) for fault in FAULTS)
    assert dark.mean() < 0.35 * image.mean()
    assert bright.mean() > 1.3 * image.mean()
    assert (
        np.abs(np.diff(shaken.astype(float), axis=1)).mean() < 0.8 * np.abs(np.diff(image.astype(float), axis=1)).mean()
    )


@pytest.mark.parametrize("make", [edit, spoil])
def test_an_unknown_kind_names_the_known_ones(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="expected one of"):
        make(np.zeros((4, 4, 3), np.uint8), "sepia", np.random.default_rng(0))
