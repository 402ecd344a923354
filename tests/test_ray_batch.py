"""A batch on a real local Ray: the captions of `montage describe`, workers and drivers killed on the way."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from core.captioners.models import choose_model
from core.config import load_config
from core.describe import describe_photos
from core.errors import OutputError
from core.sources import open_sources
from core.store import Store
from core.vlm.names import find_named
from distributed.batch import BatchResult, BatchSettings, run_batch
from distributed.batch_pool import PoolSettings
from tests.fakes import encoded, picture
from tests.ray_helpers import RAY_MARKS, Head, local_ray

pytestmark = RAY_MARKS
ROOT = Path(__file__).parents[1]
SETTINGS = ["embeddings.model=mini", "captioner.decoding.max_new_tokens=8", "captioner.load.device=cpu"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Head]:
    with local_ray() as head:
        yield head


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for number in range(23):
        path = folder / f"day {number % 3}" / f"{number:03d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(picture(number)))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    return folder


def batch(photos: Path, out: Path, model: Path, **changed: Any) -> BatchResult:
    how = {"progress": changed.pop("progress")} if "progress" in changed else {}
    workers = PoolSettings(workers=2)
    plain: dict[str, Any] = {"photos": (str(photos),), "out": str(out), "model": str(model), "shard_photos": 5}
    settings = BatchSettings(**(plain | {"pool": workers} | changed))
    return run_batch(settings, load_config(overrides=SETTINGS), **how)


def rows(out: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(out / "shards").to_pylist())


def described(photos: Path, out: Path, model: Path, store: Store) -> list[dict[str, Any]]:
    """What the single machine's command writes."""
    config = load_config(overrides=SETTINGS).settings
    chosen, template, _ = choose_model(find_named(str(model))[0], config.captioner, None)
    files = open_sources([photos], config.ingest)
    describe_photos(files, chosen, template.fill(None, []), config, out, store=store)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def without_embedding(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "embedding"} for row in found]


def test_many_workers_write_what_one_machine_writes(
    cluster: Head, vlm_folder: Callable[[str], Path], photos: Path, tmp_path: Path, store: Store
) -> None:
    model, out = vlm_folder("git"), tmp_path / "out"
    done = batch(photos, out, model)
    assert (done.photos, done.written, done.already, done.failed, done.shards_left) == (24, 23, 0, 1, 0)
    expected = described(photos, tmp_path / "c.jsonl", model, store)
    assert without_embedding(rows(out)) == expected
    assert {row["image"] for row in rows(out) if row["embedding"] is None} == {"broken.jpg"}
    assert (out / "failed.csv").read_text(encoding="utf-8-sig").splitlines()[1].startswith("broken.jpg,ends in .jpg")

    before = {path.name: path.stat().st_mtime_ns for path in (out / "shards").iterdir()}
    again = batch(photos, out, model)
    assert (again.written, again.already, again.failed) == (0, 24, 1)
    assert {path.name: path.stat().st_mtime_ns for path in (out / "shards").iterdir()} == before

    (photos / "broken.jpg").write_bytes(encoded(picture(99)))
    mended = batch(photos, out, model, retry_failed=True)
    assert (mended.written, mended.already, mended.failed) == (5, 19, 0)
    with pytest.raises(OutputError, match=r"not with this input, prompt, decoding and model"):
        batch(photos, out, model, embed=False)


def test_a_killed_worker_costs_nothing(
    cluster: Head, vlm_folder: Callable[[str], Path], photos: Path, tmp_path: Path, store: Store
) -> None:
    killed: list[int] = []

    def kill_one(what: str, done: int, total: int | None) -> None:
        if what == "photos" and done and not killed:
            (worker, *_) = cluster.workers()
            worker.send_signal(signal.SIGKILL)
            killed.append(worker.pid)

    out = tmp_path / "out"
    done = batch(photos, out, vlm_folder("git"), progress=kill_one, shard_photos=3)
    assert killed
    assert (done.photos, done.written + done.failed, done.shards_left) == (24, 24, 0)
    assert without_embedding(rows(out)) == described(photos, tmp_path / "c.jsonl", vlm_folder("git"), store)


def test_a_killed_driver_goes_on_where_it_stood(
    cluster: Head, vlm_folder: Callable[[str], Path], photos: Path, tmp_path: Path, store: Store
) -> None:
    out, model = tmp_path / "out", vlm_folder("git")
    command = [sys.executable, "-m", "distributed.batch", str(photos), "--model", str(model), "--out", str(out)]
    command += ["--shard-photos", "2", "--workers", "1", "--no-embed", "--no-store", "--json"]
    command += ["--address", cluster.address, *(part for setting in SETTINGS for part in ("--set", setting))]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    shards = out / "shards"
    _wait(lambda: len(list(shards.glob("shard-*.parquet"))) >= 3 or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait(lambda: not cluster.workers())  # Ray ends them; until then they may finish a shard
    before = {path.name: path.stat().st_mtime_ns for path in shards.glob("shard-*.parquet")}
    assert 3 <= len(before) < 12
    (shards / ".shard-000011.parquet.x").write_bytes(b"half of a shard")
    done = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
    assert (done["photos"], done["already"]) == (24, 2 * len(before))
    after = {path.name: path.stat().st_mtime_ns for path in shards.glob("shard-*.parquet")}
    assert len(after) == 12
    assert {name: after[name] for name in before} == before
    assert without_embedding(rows(out)) == described(photos, tmp_path / "c.jsonl", model, store)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 400
    while not until() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert until()
