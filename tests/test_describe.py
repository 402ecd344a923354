"""`montage describe`: a line for every photo, whatever happens on the way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import load_config
from core.describe import Described, describe_photos
from core.errors import InputError, OutputError
from core.sources import open_sources
from core.store import Store
from tests.fakes import ColourWriter, encoded, picture

TINTS = [(180, 60, 60), (60, 170, 70), (60, 70, 180)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "day 1").mkdir(parents=True)
    for number, tint in enumerate(TINTS * 3):
        (folder / "day 1" / f"IMG_{number:03d}.jpg").write_bytes(encoded(picture(number, tint=tint)))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    (folder / "notes.txt").write_text("nor this")
    return folder


def describe(
    photos: Path, out: Path, store: Store, *overrides: str, writer: Any = None, prompt: str = "", **options: Any
) -> Described:
    config = load_config(overrides=list(overrides)).settings
    files = open_sources([photos], config.ingest)
    return describe_photos(files, writer or ColourWriter(), prompt, config, out, store=store, **options)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_every_file_becomes_a_line_in_the_order_of_the_input(photos: Path, tmp_path: Path, store: Store) -> None:
    done = describe(photos, tmp_path / "c.jsonl", store)
    found = lines(tmp_path / "c.jsonl")
    assert [line["image"] for line in found] == [
        "broken.jpg",
        *(f"day 1/IMG_{n:03d}.jpg" for n in range(9)),
        "notes.txt",
    ]
    assert [line["caption"] for line in found[1:4]] == ["a red photo", "a green photo", "a blue photo"]
    assert (done.photos, done.written, done.already, len(done.failed)) == (11, 9, 0, 2)
    assert found[0]["caption"] is None
    assert "does not decode" in found[0]["error"]
    assert "not a photo" in found[-1]["error"]


def test_what_is_done_is_not_done_again_and_what_failed_is_tried_again(
    photos: Path, tmp_path: Path, store: Store
) -> None:
    out, writer = tmp_path / "c.jsonl", ColourWriter()
    describe(photos, out, store, writer=writer)
    (photos / "broken.jpg").write_bytes(encoded(picture(77, tint=TINTS[0])))
    again = ColourWriter()
    done = describe(photos, out, Store(tmp_path / "another"), writer=again)
    assert (done.written, done.already, again.shown) == (1, 9, 1)
    assert lines(out)[0]["caption"] == "a red photo"


def test_a_run_that_was_cut_off_goes_on(photos: Path, tmp_path: Path, store: Store) -> None:
    out = tmp_path / "c.jsonl"
    describe(photos, out, store)
    whole = out.read_bytes()
    pieces = whole.splitlines(keepends=True)
    out.write_bytes(b"".join(pieces[1:4]) + pieces[4][: len(pieces[4]) // 2])
    writer = ColourWriter()
    done = describe(photos, out, Store(tmp_path / "another"), writer=writer)
    assert (done.already, done.written, writer.shown) == (3, 6, 6)
    assert out.read_bytes() == whole


def test_other_captions_are_not_mixed(photos: Path, tmp_path: Path, store: Store) -> None:
    out = tmp_path / "c.jsonl"
    describe(photos, out, store)
    with pytest.raises(OutputError, match=r"another prompt, decoding or model .*--overwrite"):
        describe(photos, out, store, "captioner.decoding.num_beams=2")
    before = out.read_bytes()
    describe(photos, out, store, "captioner.decoding.num_beams=2", overwrite=True)
    assert out.read_bytes() != before


def test_a_table_for_a_spreadsheet(photos: Path, tmp_path: Path, store: Store) -> None:
    out = tmp_path / "c.csv"
    describe(photos, out, store, "captioner.variants=2", writer=ColourWriter("=1+1", "b"), format="csv")
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11
    assert rows[1]["caption"] == "'=1+1"  # a spreadsheet must not run it
    assert rows[1]["variants"] == "'=1+1 | b"
    assert rows[0]["error"]
    assert [path.name for path in tmp_path.glob("c.*")] == ["c.csv"]
    with pytest.raises(OutputError, match="exists already"):
        describe(photos, out, store, format="csv")


def test_files_that_are_not_ours_are_left_alone(photos: Path, tmp_path: Path, store: Store) -> None:
    out = tmp_path / "c.jsonl"
    out.write_text('{"my": "own"}\n')
    with pytest.raises(OutputError, match=r"c\.jsonl:1 is not a line of `montage describe`"):
        describe(photos, out, store)
    assert out.read_text() == '{"my": "own"}\n'
    with pytest.raises(OutputError, match="is a folder; name a file"):
        describe(photos, photos, store)


@pytest.mark.parametrize("content", [b'{"my": "only line"}', b"a note without a line break"])
def test_a_file_of_one_line_is_not_taken_for_ours(photos: Path, tmp_path: Path, store: Store, content: bytes) -> None:
    out = tmp_path / "mine.json"
    out.write_bytes(content)
    with pytest.raises(OutputError, match="was not written by `montage describe`"):
        describe(photos, out, store)
    assert out.read_bytes() == content


def test_captions_that_are_stored_need_no_processor(photos: Path, tmp_path: Path, store: Store) -> None:
    class Unloaded(ColourWriter):
        @property
        def reduced_size_px(self) -> int:  # type: ignore[override]
            raise AssertionError("the processor was loaded")

    describe(photos / "day 1", tmp_path / "c.jsonl", store)
    assert describe(photos / "day 1", tmp_path / "again.jsonl", store, writer=Unloaded()).written == 9


def test_lines_of_another_input_stay(photos: Path, tmp_path: Path, store: Store) -> None:
    other = tmp_path / "others"
    other.mkdir()
    (other / "z.jpg").write_bytes(encoded(picture(50, tint=TINTS[1])))
    out = tmp_path / "c.jsonl"
    describe(photos, out, store)
    describe(other, out, store)
    assert len(lines(out)) == 12
    assert {line["image"] for line in lines(out)} >= {"z.jpg", "broken.jpg"}


def test_another_photo_of_the_same_name_and_size_is_done_again(tmp_path: Path, store: Store) -> None:
    photo = tmp_path / "a.bmp"
    photo.write_bytes(encoded(picture(1, tint=TINTS[0]), "BMP"))
    describe(photo, tmp_path / "c.jsonl", store)
    photo.write_bytes(encoded(picture(2, tint=TINTS[1]), "BMP"))
    assert describe(photo, tmp_path / "c.jsonl", store).written == 1
    assert lines(tmp_path / "c.jsonl")[0]["caption"] == "a green photo"


def test_a_seed_that_decides_nothing_does_not_keep_a_run_from_going_on(
    photos: Path, tmp_path: Path, store: Store
) -> None:
    describe(photos, tmp_path / "c.jsonl", store)
    assert describe(photos, tmp_path / "c.jsonl", store, "seed=5").already == 9


def test_two_runs_do_not_write_one_file(photos: Path, tmp_path: Path, store: Store) -> None:
    import fcntl

    out = tmp_path / "c.jsonl"
    with out.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another run is writing"):
            describe(photos, out, store)


def test_no_photos_at_all(tmp_path: Path, store: Store) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files to describe"):
        describe(tmp_path / "empty", tmp_path / "c.jsonl", store)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cli.main", "describe", *map(str, arguments)]


@pytest.mark.slow
def test_the_command_survives_being_killed(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    """Killed while it writes, then run again: the file is the one of an unbroken run, and nothing was done twice."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:03d}.jpg").write_bytes(encoded(picture(number)))
    common = ["--model", vlm_folder("git"), "--batch-size", 2, "--beams", 1, "--max-length", 8]
    out = tmp_path / "c.jsonl"
    options: dict[str, Any] = {"cwd": Path(__file__).parents[1], "env": {**os.environ, "HF_HUB_OFFLINE": "1"}}
    process = subprocess.Popen(
        command(folder, *common, "--out", out, "--store", tmp_path / "s1"), stdout=subprocess.DEVNULL, **options
    )
    deadline = time.monotonic() + 120
    while (not out.is_file() or out.read_bytes().count(b"\n") < 8) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    begun = out.read_bytes().count(b"\n")
    assert 8 <= begun < 60
    again = command(folder, *common, "--out", out, "--store", tmp_path / "s2", "--json")
    done = json.loads(subprocess.run(again, check=True, capture_output=True, text=True, **options).stdout)
    assert (done["already"], done["written"]) == (begun, 60 - begun)
    other = tmp_path / "unbroken.jsonl"
    subprocess.run(
        command(folder, *common, "--out", other, "--store", tmp_path / "s3"), check=True, capture_output=True, **options
    )
    assert [line["caption"] for line in lines(out)] == [line["caption"] for line in lines(other)]
