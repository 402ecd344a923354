"""Jobs for real: a head on free ports, this folder shipped, a batch run, followed, fetched; and what is stopped."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from distributed.jobs import JobRequest, Jobs, Made
from distributed.jobs_fetch import fetch
from tests.fakes import encoded, picture
from tests.ray_helpers import RAY_MARKS, Head, ray_head

pytestmark = RAY_MARKS
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """With a home of its own, so that nothing goes to the user's, and with the token as it comes."""
    home = tmp_path_factory.mktemp("home")
    variables = {"XDG_DATA_HOME": str(home / "data"), "MONTAGE_STORE": str(home / "store"), "HF_HUB_OFFLINE": "1"}
    variables["MONTAGE_RESULTS"] = ""
    with ray_head(variables=variables) as started:
        yield started


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(encoded(picture(number)))
    return folder


def montage(*arguments: object, results: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    environment = {**os.environ, "MONTAGE_RESULTS": str(results)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=800)


def test_a_batch_is_submitted_followed_and_fetched(
    head: Head, photos: Path, vlm_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    out, results = tmp_path / "far" / "runs" / "archive", tmp_path / "results"
    batch = ["python", "-m", "distributed.batch", photos, "--model", vlm_folder("git"), "--out", out, "--workers", 1]
    small = ["--no-embed", "--no-store", "--set", "captioner.decoding.max_new_tokens=6", "--json"]
    told = montage("submit", "--address", head.dashboard, "--name", "batch-1", "--", *batch, *small, results=results)
    assert told.returncode == 0, told.stdout + told.stderr
    assert '"written": 4' in told.stdout, "the log was followed"
    assert f"Fetched: {results / 'runs' / 'archive'}" in told.stdout
    assert pq.read_table(results / "runs" / "archive" / "shards").num_rows == 4
    listed = montage("jobs", "list", "--address", head.dashboard, "--json", results=results)
    assert {job["id"]: job["status"] for job in json.loads(listed.stdout)}["batch-1"] == "SUCCEEDED"

    jobs = Jobs(head.dashboard)
    (made,) = jobs.made("batch-1")
    elsewhere = fetch(jobs, Made(place=made.place, mark="seen from afar"), tmp_path / "other", folder=ROOT)
    assert pq.read_table(elsewhere / "shards").num_rows == 4, "through the cluster, as if no folder were shared"


def test_a_relative_path_is_refused_within_the_job(head: Head, vlm_folder: Callable[[str], Path]) -> None:
    jobs = Jobs(head.dashboard)
    command = ("python", "-m", "distributed.batch", "photos", "--model", str(vlm_folder("git")), "--out", "/tmp/none")
    started = jobs.submit(JobRequest(command=command, folder=ROOT))
    log = "".join(jobs.follow(started))
    assert jobs.get(started).status == "FAILED"
    assert "is 'photos', but a job runs in a temporary copy of the folder" in log


def test_a_job_is_stopped(head: Head) -> None:
    jobs = Jobs(head.dashboard)
    started = jobs.submit(JobRequest(command=("sleep", "600"), folder=ROOT))
    jobs.stop(started)
    assert "".join(jobs.follow(started)) is not None
    assert jobs.get(started).status == "STOPPED"
    assert jobs.made(started) == []
