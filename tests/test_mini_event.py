"""The rendered world: one seed, one picture; the truth agrees with the files."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.errors import InputError
from core.mini.edits import EDITS, FAULTS, edit, spoil
from core.mini.event import write_sample_event
from core.mini.exposure import exposure_of
from core.mini.plan import plan_event
from core.mini.samples import SAMPLES, SampleEvent, find_sample
from core.mini.scenes import LABELS, TOPICS, render, sample_scene
from core.mini.truth import TruthRow, write_records

SEED, PHOTOS = 5, 90
ROW = TruthRow(
    file="a.jpg",
    topic="food",
    labels=("food", "indoors"),
    duplicate_of="",
    edit="original",
    caption="two plates of soup on a white table",
    burst="",
    fault="",
    club_caption="Soup for two! @invented #Food",
)


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
        "club_caption",
    ]
    assert [line["club_caption"] for line in written] == [row.club_caption for row in rows]
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


def test_the_camera_wrote_how_it_exposed(event: tuple[Path, list[TruthRow]]) -> None:
    folder, rows = event
    for row in rows:
        with Image.open(folder / row.file) as image:
            told = image.getexif().get_ifd(0x8769)
        assert 100 <= told[0x8827] <= 12800
        assert 0 < float(told[0x829A]) < 1.5
        assert 1 < float(told[0x829D]) < 16
        assert 10 < float(told[0x920A]) <= 200


def test_dim_places_ask_for_a_sensitive_sensor() -> None:
    rng = np.random.default_rng(0)
    night, noon = ([exposure_of(sample_scene(rng, topic)) for _ in range(30)] for topic in ("night", "sports"))
    assert min(light.iso for light in night) >= 1600
    assert max(light.time_s for light in noon) < min(light.time_s for light in night)
    scene = sample_scene(rng, "food")
    right, bright, dark = (exposure_of(scene, fault=fault) for fault in ("", "bright", "dark"))
    assert dark.time_s < right.time_s < bright.time_s
    assert dark.iso == right.iso == bright.iso


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


def test_workers_write_what_one_process_writes(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    here, there = tmp_path / "here", tmp_path / "there"
    rows = write_sample_event(here, photos=30, seed=4, workers=0)
    assert rows == write_sample_event(
        there, photos=30, seed=4, workers=2, progress=lambda done, total: told.append((done, total))
    )
    names = sorted(path.name for path in here.iterdir())
    assert names == sorted(path.name for path in there.iterdir())
    assert all((here / name).read_bytes() == (there / name).read_bytes() for name in names)
    assert told[-1] == (30, 30)
    assert told == sorted(told)


@pytest.mark.parametrize(("end", "photos"), [(signal.SIGINT, 100), (signal.SIGTERM, 3000)], ids=["alone", "workers"])
def test_an_end_from_outside_leaves_nothing_behind(end: signal.Signals, photos: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "sample-event", str(tmp_path / "event"), "-n", str(photos)]
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    ) as run:
        deadline = time.monotonic() + 60
        while not any(tmp_path.glob(".sample-*/event/*.jpg")):
            assert time.monotonic() < deadline, "no photo was written"
            time.sleep(0.05)
        run.send_signal(end)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 128 + end
    assert "what was written has been removed" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_the_topics_asked_for_come_in_their_order(tmp_path: Path) -> None:
    rows = write_sample_event(tmp_path, photos=9, seed=2, topics=("food", "campus", "stage"))
    assert list(dict.fromkeys(row.topic for row in rows)) == ["food", "campus", "stage"]


def test_records_are_of_the_photos_a_club_would_post(event: tuple[Path, list[TruthRow]], tmp_path: Path) -> None:
    rows = {row.file: row for row in event[1]}
    count = write_records(tmp_path / "records.jsonl", event[1])
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(records) == count
    assert 0.4 * PHOTOS < count < 0.9 * PHOTOS
    assert len({record["event"] for record in records}) == 1
    bursts = [rows[record["image"]].burst for record in records if rows[record["image"]].burst]
    assert len(bursts) == len(set(bursts)) > 0
    for record in records:
        row = rows[record["image"]]
        assert not row.duplicate_of
        assert not row.fault
        assert (tuple(record["labels"]), record["caption"]) == (row.labels, row.club_caption)


@pytest.mark.parametrize(
    ("name", "events"), [("Open Day", {"Open Day"}), (None, {"Freshers Night 2019", "Open Mic 2019"})]
)
def test_records_name_their_event(name: str | None, events: set[str], tmp_path: Path) -> None:
    rows = [replace(ROW, file=f"{number}.jpg") for number in range(80)]
    assert write_records(tmp_path / "r.jsonl", rows, event=name) == 80
    found = [json.loads(line)["event"] for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert set(found) == events


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_ready_sample_shows_its_topics(sample: SampleEvent) -> None:
    shots = [shot for group in plan_event(sample.photos, sample.seed, sample.topics) for shot in group]
    assert len(shots) == sample.photos
    assert {shot.scene.topic for shot in shots} == set(sample.topics)
    assert sum(bool(shot.offset) for shot in shots) >= 4
    assert find_sample(sample.name.upper()) == sample


def test_an_unknown_sample_names_the_nearest() -> None:
    with pytest.raises(InputError, match="'Fresher Night'; did you mean 'Freshers Night'"):
        find_sample("Fresher Night")


def test_an_unknown_voice_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="montage, rival, got 'poet'"):
        write_sample_event(tmp_path, photos=1, seed=0, voice="poet")


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
