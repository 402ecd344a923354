"""Writing rendered events: any size and order, the same whoever writes, nothing left when it is broken off."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from core.mini.event import write_sample_event
from core.mini.plan import plan_event
from core.mini.samples import SAMPLES, SampleEvent, find_sample
from core.mini.truth import TruthRow, write_records

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
        deadline = time.monotonic() + 180  # a busy machine is slow to begin
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
