"""A rendered event: the truth agrees with the files, and the files look as a camera leaves them."""

import csv
import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from core.mini.edits import EDITS
from core.mini.event import write_sample_event
from core.mini.scenes import TOPICS
from core.mini.truth import TruthRow, write_records

SEED, PHOTOS = 5, 90


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TruthRow]]:
    folder = tmp_path_factory.mktemp("event")
    return folder, write_sample_event(folder, photos=PHOTOS, seed=SEED)


def taken(path: Path) -> datetime:
    with Image.open(path) as image:
        times = image.getexif().get_ifd(0x8769)
    return datetime.strptime(f"{times[0x9003]}.{times[0x9291]}", "%Y:%m:%d %H:%M:%S.%f")


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
