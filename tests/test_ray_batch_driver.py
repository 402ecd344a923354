"""A batch's driver, with a pool that is no Ray's: what is listed, gone on with, tried again, refused and told."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import distributed.batch
from cli.main import app
from core.config import load_config
from core.errors import ConfigError, InputError, ModelError, OutputError
from distributed.batch import BatchResult, BatchSettings, run_batch
from distributed.batch_command import _Teller
from distributed.batch_worker import ShardJob
from tests.fakes import encoded, picture

SETTINGS = ["captioner.decoding.max_new_tokens=4", "captioner.load.device=cpu", "captioner.load.dtype=float32"]


class Pool:
    """Gives the pieces to one worker in this process; notes which."""

    def __init__(self) -> None:
        self.given: list[int] = []
        self.dies_at: int | None = None
        self.change: Callable[[ShardJob], ShardJob] = lambda job: job

    def __call__(self, worker: Any, job: ShardJob, pieces: Sequence[int], settings: Any) -> Iterator[dict[str, Any]]:
        made = worker(self.change(job))
        for piece in pieces:
            if piece == self.dies_at:
                raise KeyboardInterrupt
            self.given.append(piece)
            yield {name: values[0] for name, values in made({"piece": np.array([piece])}).items()}


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    found = Pool()
    monkeypatch.setattr(distributed.batch, "run_pool", found)
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(7):
        (folder / f"{number}.jpg").write_bytes(encoded(picture(number)))
    (folder / "5.jpg").write_bytes(b"\xff\xd8 no photo")
    return folder


def batch(photos: Path, model: Path | str, *overrides: str, **changed: Any) -> BatchResult:
    plain: dict[str, Any] = {"photos": (str(photos),), "out": str(photos.parent / "out"), "model": str(model)}
    settings = BatchSettings(**(plain | {"embed": False, "shard_photos": 3} | changed))
    return run_batch(settings, load_config(overrides=[*SETTINGS, *overrides]))


def images(out: Path) -> list[str]:
    return list(pq.read_table(out / "shards").column("image").to_pylist())


def test_a_batch_that_was_broken_off_goes_on(pool: Pool, photos: Path, vlm_folder: Callable[[str], Path]) -> None:
    out = photos.parent / "out"
    pool.dies_at = 2
    with pytest.raises(KeyboardInterrupt):
        batch(photos, vlm_folder("git"))
    assert not (out / "failed.csv").exists()
    pool.dies_at = None
    (photos / "later.jpg").write_bytes(encoded(picture(50)))
    done = batch(photos, vlm_folder("git"), shard_photos=2)
    assert pool.given == [0, 1, 2], "each once, in the shards that it was begun with"
    assert (done.photos, done.written, done.already, done.failed) == (7, 1, 6, 1)
    assert images(out) == [f"{number}.jpg" for number in range(7)]
    with (out / "failed.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == ["5.jpg"]
    assert batch(photos, vlm_folder("git")).already == 7
    assert pool.given == [0, 1, 2]


def test_failed_photos_are_tried_again_when_asked(pool: Pool, photos: Path, vlm_folder: Callable[[str], Path]) -> None:
    batch(photos, vlm_folder("git"))
    (photos / "5.jpg").write_bytes(encoded(picture(5)))
    assert batch(photos, vlm_folder("git")).failed == 1
    mended = batch(photos, vlm_folder("git"), retry_failed=True)
    assert (mended.failed, mended.written, mended.already) == (0, 3, 4)
    assert pool.given == [0, 1, 2, 1]


def test_another_way_of_writing_is_refused_or_begun_anew(
    pool: Pool, photos: Path, vlm_folder: Callable[[str], Path]
) -> None:
    batch(photos, vlm_folder("git"))
    with pytest.raises(OutputError, match=r"not with this input, prompt, decoding and model .*--overwrite it"):
        batch(photos, vlm_folder("git"), "captioner.decoding.num_beams=2")
    done = batch(photos, vlm_folder("git"), "captioner.decoding.num_beams=2", overwrite=True, shard_photos=4)
    assert (done.already, done.written) == (0, 6)
    assert len(list((photos.parent / "out" / "shards").glob("*.parquet"))) == 2, "none of before is left"


def test_a_listing_that_was_cut_off_is_made_anew(pool: Pool, photos: Path, vlm_folder: Callable[[str], Path]) -> None:
    out = photos.parent / "out"
    out.mkdir()
    (out / "photos.parquet").write_bytes(b"PAR1 half of a listing")
    assert batch(photos, vlm_folder("git")).photos == 7


def test_the_output_may_lie_in_the_archive(pool: Pool, photos: Path, vlm_folder: Callable[[str], Path]) -> None:
    out = photos / "captions"
    assert batch(photos, vlm_folder("git"), out=str(out)).photos == 7
    assert batch(photos, vlm_folder("git"), out=str(out)).already == 7


def test_a_node_with_another_model_is_found_out(
    pool: Pool, photos: Path, vlm_folder: Callable[[str], Path], adapter_folder: Callable[[str, int], Path]
) -> None:
    pool.change = lambda job: replace(job, adapter=str(adapter_folder("git", 1)))
    with pytest.raises(ModelError, match=r"shard 0: a worker's .*git-1 is not the one that the batch began with"):
        batch(photos, vlm_folder("git"))
    assert not list((photos.parent / "out" / "shards").glob("shard-*"))


def test_a_folder_by_a_relative_name_is_found_by_workers(
    pool: Pool, photos: Path, vlm_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(vlm_folder("git"), tmp_path / "models" / "ours")
    monkeypatch.chdir(tmp_path)
    seen: list[ShardJob] = []
    pool.change = lambda job: (seen.append(job), monkeypatch.chdir("/"), job)[-1]
    done = batch(Path("photos"), "git", "captioner.models.git=models/ours", out="out")
    assert done.written == 6
    assert seen[0].out == str(tmp_path / "out")


def test_no_photos(pool: Pool, tmp_path: Path, vlm_folder: Callable[[str], Path]) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="no photos in"):
        batch(tmp_path / "photos", vlm_folder("git"))


def test_a_prompt_without_a_place_for_the_event_is_told_of(
    pool: Pool, photos: Path, vlm_folder: Callable[[str], Path]
) -> None:
    told = batch(photos, vlm_folder("git"), "captioner.prompt=a photo of", event="Freshers", labels=("food",))
    assert "has no place for the event and the labels" in " ".join(told.notices)


def test_the_command_captions_an_archive(
    pool: Pool, photos: Path, vlm_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`montage caption --ray`: pool and connection stand in for Ray's."""
    monkeypatch.setattr("distributed.batch_command.connect", lambda *_, **__: nullcontext())
    set_ = [*SETTINGS, f"captioner.models.git={vlm_folder('git')}", "embeddings.model=mini"]
    options = [part for one in set_ for part in ("--set", one)]
    common = ["caption", str(photos), "--event", "Freshers", "--out", str(tmp_path / "out"), "--ray", *options]
    told = CliRunner().invoke(app, [*common, "--mode", "git", "--json"], catch_exceptions=False)
    done = json.loads(told.stdout)
    assert (done["photos"], done["written"], done["failed"]) == (7, 6, 1)
    found = pq.read_table(tmp_path / "out" / "shards").to_pylist()
    assert [len(row["embedding"] or ()) > 0 for row in found] == [row["image"] != "5.jpg" for row in found]
    with pytest.raises(ConfigError, match=r"--ray has one model caption each photo, but --mode is template"):
        CliRunner().invoke(app, [*common, "--mode", "template"], catch_exceptions=False)


def test_progress_tells_of_the_time_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 105.0, 120.0, 140.0])
    monkeypatch.setattr("distributed.batch_command.time.monotonic", lambda: next(clock))
    tell = _Teller()
    for done in (4000, 4100, 6000, 8000):
        tell("photos", done, 1_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "1,000,000 photos, 4,000 of them done before",
        "4,100 of 1,000,000 photos, 20.0 a second, 13 h 49 min left",
        "6,000 of 1,000,000 photos, 100.0 a second, 2 h 45 min left",
        "8,000 of 1,000,000 photos, 100.0 a second, 2 h 45 min left",
    ]
