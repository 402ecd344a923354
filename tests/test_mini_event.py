"""The rendered world: one seed, one picture; the truth agrees with the files."""

import csv
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.mini.edits import EDITS, FAULTS, edit, spoil
from core.mini.event import TruthRow, write_sample_event
from core.mini.scenes import LABELS, TOPICS, render, sample_scene

SEED, PHOTOS = 5, 90


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TruthRow]]:
    folder = tmp_path_factory.mktemp("event")
    return folder, write_sample_event(folder, photos=PHOTOS, seed=SEED)


def taken(path: Path) -> datetime:
    with Image.open(path) as image:
        times = image.getexif().get_ifd(0x8769)
    return datetime.strptime(f"{times[0x9003]}.{times[0x9291]}", "%Y:%m:%d %H:%M:%S.%f")


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
        assert topic in labels
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


def test_truth_has_a_row_for_each_file(event: tuple[Path, list[TruthRow]]) -> None:
    folder, rows = event
    assert [row.file for row in rows] == sorted(path.name for path in folder.glob("*.jpg"))
    assert len(rows) == PHOTOS
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert list(written[0]) == [
        "file",
        "topic",
        "labels",
        "duplicate_of",
        "edit",
        "caption",
        "burst",
        "fault",
    ]
    assert [tuple(line["labels"].split(";")) for line in written] == [row.labels for row in rows]
    assert len({row.topic for row in rows}) >= 5


def test_copies_name_an_original_that_came_before(event: tuple[Path, list[TruthRow]]) -> None:
    folder, rows = event
    by_name = {row.file: row for row in rows}
    copies = [row for row in rows if row.duplicate_of]
    assert 0.15 * PHOTOS < len(copies) < 0.45 * PHOTOS
    for row in rows:
        assert (row.edit in EDITS) == bool(row.duplicate_of)
        assert (row.edit == "original") != bool(row.duplicate_of)
    for row in copies:
        original = by_name[row.duplicate_of]
        assert not original.duplicate_of
        assert not original.burst
        assert not original.fault
        assert (original.topic, original.labels, original.caption) == (row.topic, row.labels, row.caption)
        assert taken(folder / original.file) < taken(folder / row.file)


def test_sizes_follow_the_edits(event: tuple[Path, list[TruthRow]]) -> None:
    folder, rows = event
    shapes = {}
    for row in rows:
        with Image.open(folder / row.file) as image:
            shapes[row.file] = ImageOps.exif_transpose(image).size
    for row in rows:
        if row.duplicate_of:
            share = shapes[row.file][0] / shapes[row.duplicate_of][0]
            low, high = {"resize": (0.64, 0.76), "crop": (0.75, 0.91)}.get(row.edit, (1, 1))
            assert low <= share <= high, row
        else:
            assert max(shapes[row.file]) == 800


def test_the_camera_wrote_time_make_place_and_orientation(event: tuple[Path, list[TruthRow]]) -> None:
    folder, rows = event
    times = [taken(folder / row.file) for row in rows]
    assert times == sorted(times)
    located = turned = 0
    for row in rows:
        with Image.open(folder / row.file) as image:
            exif = image.getexif()
        assert exif[0x010F]
        assert exif[0x0110]
        located += bool(exif.get_ifd(0x8825))
        turned += exif.get(0x0112, 1) != 1
        text = str({**exif}) + str(exif.get_ifd(0x8769))
        assert not any(topic in text for topic in TOPICS)
    assert 0 < located < PHOTOS
    assert 0 < turned < PHOTOS


def test_a_burst_is_quick_and_no_duplicate(event: tuple[Path, list[TruthRow]]) -> None:
    folder, rows = event
    names = {row.burst for row in rows if row.burst}
    assert names
    for name in names:
        frames = [row for row in rows if row.burst == name]
        assert len({row.caption for row in frames}) == 1
        assert not any(row.duplicate_of for row in frames)
        times = [taken(folder / row.file) for row in frames]
        assert all(0.2 < (b - a).total_seconds() < 1.1 for a, b in pairwise(times))


@pytest.mark.parametrize("photos", [1, 2, 3, 7])
def test_events_of_any_size(photos: int, tmp_path: Path) -> None:
    rows = write_sample_event(tmp_path, photos=photos, seed=1)
    assert len(rows) == photos == len(list(tmp_path.glob("*.jpg")))


def test_an_event_is_fixed_by_its_seed(tmp_path: Path) -> None:
    first, again, other = (tmp_path / name for name in ("a", "b", "c"))
    rows = write_sample_event(first, photos=6, seed=9)
    assert rows == write_sample_event(again, photos=6, seed=9)
    assert [path.read_bytes() for path in sorted(first.iterdir())] == [p.read_bytes() for p in sorted(again.iterdir())]
    assert rows != write_sample_event(other, photos=6, seed=10)


def test_no_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one photo, got 0"):
        write_sample_event(tmp_path, photos=0, seed=0)


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
