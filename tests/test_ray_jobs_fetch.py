"""Jobs without Ray: where results go, how they travel, and what is said to a client that the head turns away."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.submit import _follow
from core.errors import ConfigError, InputError, OutputError
from core.registry import ENTRY, read_entry
from distributed.jobs import Job, JobRequest, Jobs, Made
from distributed.jobs_fetch import fetch, local_place, pack, register_made, unpack
from distributed.places import MADE_MARK, announce, in_job_copy, is_uri, results_place, results_root, store_root
from tests.train_helpers import recipe, run, write_data

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is as a job's: a temporary copy that Ray unpacked."""
    folder = tmp_path / "session" / "runtime_resources" / "working_dir_files" / "_ray_pkg_0123456789abcdef"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return folder


def test_places_outside_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONTAGE_RESULTS")
    assert not in_job_copy()
    assert results_root() == tmp_path / "results"
    assert results_root("here") == tmp_path / "here"
    assert store_root("s") == tmp_path / "s"
    monkeypatch.setenv("MONTAGE_RESULTS", "/shared/results")
    assert results_root() == Path("/shared/results")
    place = results_place("s3://bucket/montage")
    assert place.uri == "s3://bucket/montage"
    assert place.folder.is_absolute()


def test_nothing_that_is_to_last_lies_in_a_jobs_copy(copy: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("MONTAGE_RESULTS")
    assert results_root() == tmp_path / "home" / "montage" / "results"
    for asked in (results_root, store_root):
        with pytest.raises(ConfigError, match="a job runs in a temporary copy of the folder"):
            asked("results")
    with pytest.raises(ConfigError, match="the store must be a folder that all nodes see"):
        store_root("s3://bucket/store")


def test_a_run_at_a_uri_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    place = results_place((tmp_path / "far").as_uri())
    (place.folder / "runs" / "one").mkdir(parents=True)
    (place.folder / "runs" / "one" / "log.csv").write_text("1")
    assert place.upload("runs/one") == f"{(tmp_path / 'far').as_uri()}/runs/one"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another home"))
    elsewhere = results_place((tmp_path / "far").as_uri())
    assert elsewhere.restore("runs/one")
    assert (elsewhere.folder / "runs" / "one" / "log.csv").read_text() == "1"
    assert not elsewhere.restore("runs/one")
    assert not elsewhere.restore("runs/two")


def filled(folder: Path) -> Path:
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights").write_bytes(bytes(range(256)) * 900)
    (folder / "log.csv").write_text("step\n1\n")
    return folder


def test_a_folder_travels_as_text(tmp_path: Path) -> None:
    lines: list[str] = ["2026-11-21 18:00:00 INFO Ray says something first\n"]
    pack(filled(tmp_path / "run"), lines.append)
    lines.append("and something at the end\n")
    unpack("".join(lines), tmp_path / "again")
    for name in ("deep/weights", "log.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
    with pytest.raises(InputError, match="came over damaged"):
        unpack("".join(lines).replace(lines[2], lines[2][:100] + "A" + lines[2][101:]), tmp_path / "third")
    with pytest.raises(InputError, match="did not send the result; it said: 'no such file'"):
        unpack("no such file", tmp_path / "fourth")
    with pytest.raises(InputError, match="is not there any more"):
        pack(tmp_path / "gone")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/home/ray/results/runs/sweep", "runs/sweep"),
        ("/home/ray/results/adapters/club-1", "adapters/club-1"),
        ("s3://bucket/archive/", "runs/archive"),
    ],
)
def test_where_a_result_goes(place: str, expected: str) -> None:
    assert local_place(place, Path("/here")) == Path("/here") / expected


class Cluster:
    """Jobs that no cluster runs: `pack` in this process stands in for the one that fetches."""

    def __init__(self) -> None:
        self.asked: list[JobRequest] = []

    def submit(self, request: JobRequest) -> str:
        self.asked.append(request)
        return "fetching"

    def get(self, job_id: str) -> Job:
        return Job(job_id=job_id, status="SUCCEEDED", command="", message="")

    def logs(self, job_id: str) -> str:
        lines: list[str] = []
        pack(Path(self.asked[-1].command[-1]), lines.append)
        return "".join(lines)


def test_a_folder_that_both_see_is_copied_and_one_of_the_same_path_elsewhere_is_asked_for(tmp_path: Path) -> None:
    cluster: Any = Cluster()
    far = filled(tmp_path / "far" / "runs" / "one")
    (far / MADE_MARK).write_text("abc")
    here = fetch(cluster, Made(place=str(far), mark="abc"), tmp_path / "results", folder=ROOT)
    assert here == tmp_path / "results" / "runs" / "one"
    assert (here / "log.csv").is_file()
    assert not cluster.asked
    assert fetch(cluster, Made(place=str(far), mark="abc"), tmp_path / "results", folder=ROOT) == here, "a second time"
    other = Made(place=str(far), mark="another machine's")
    with pytest.raises(OutputError, match="is there already; move it away, or --overwrite it"):
        fetch(cluster, other, tmp_path / "results", folder=ROOT)
    (here / "stale").write_text("of before")
    fetch(cluster, other, tmp_path / "results", folder=ROOT, overwrite=True)
    assert [request.command[:3] for request in cluster.asked] == [("python", "-m", "distributed.jobs_fetch")]
    assert not (here / "stale").exists()
    assert (here / "deep" / "weights").read_bytes() == (far / "deep" / "weights").read_bytes()


def test_a_result_at_a_uri(tmp_path: Path) -> None:
    filled(tmp_path / "bucket" / "runs" / "one")
    made = Made(place=(tmp_path / "bucket" / "runs" / "one").as_uri(), mark="abc")
    assert is_uri(made.place)
    cluster: Any = Cluster()
    here = fetch(cluster, made, tmp_path / "results", folder=ROOT)
    assert (here / "log.csv").read_text() == "step\n1\n"


def test_adapters_are_registered(vlm_folder: Any, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", train_records=2, val_records=2)
    short = recipe(vlm_folder("git"), data, train={"max_steps": 1}, eval={"generate": False, "baseline": False})
    made = run(short, tmp_path / "results" / "runs" / "club")
    found = register_made(made.folder, tmp_path / "results")
    assert found == tmp_path / "results" / "adapters" / "club"
    again = register_made(found, tmp_path / "others")
    assert again is not None
    assert read_entry(again / ENTRY, again).base == read_entry(found / ENTRY, found).base
    assert register_made(filled(tmp_path / "results" / "runs" / "table"), tmp_path / "results") is None


def test_a_result_is_told_of_in_the_log(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run (1)").mkdir()
    announce(tmp_path / "run (1)")
    announce("s3://bucket/runs/one")
    log = f"first\n{capsys.readouterr().out}last\n"
    jobs = Jobs.__new__(Jobs)
    jobs.logs = lambda job_id: log  # type: ignore[method-assign]
    found = jobs.made("any")
    assert [one.place for one in found] == [str(tmp_path / "run (1)"), "s3://bucket/runs/one"]
    assert (tmp_path / "run (1)" / MADE_MARK).read_text() == found[0].mark


@contextmanager
def head(status: int, body: str) -> Iterator[str]:
    """A server that answers everything in the same way."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_who_is_not_let_in_is_told_what_to_do() -> None:
    with (
        head(401, "Unauthorized") as address,
        pytest.raises(ConfigError, match=r"asks for the token .*~/\.ray/auth_token"),
    ):
        Jobs(address)
    with pytest.raises(ConfigError, match=r"no Ray head answers at http://127\.0\.0\.1:9 .*ray start --head"):
        Jobs("http://127.0.0.1:9")


class Tail:
    """A client of a job that prints a line and then nothing more for a minute."""

    async def tail_job_logs(self, job_id: str) -> AsyncIterator[str]:
        yield "first\n"
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        await asyncio.sleep(60)


def test_ctrl_c_leaves_the_job_running(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = Jobs.__new__(Jobs)
    jobs.address, jobs._client = "http://head", Tail()
    with pytest.raises(typer.Exit) as ended:
        _follow(jobs, "joint-1")
    told = capsys.readouterr()
    assert (ended.value.exit_code, told.out) == (130, "first\n")
    assert "The job goes on. `montage jobs logs -f joint-1` follows it" in told.err


VERSION = json.dumps({"version": "4", "ray_version": "2.60.0", "ray_commit": "x"})


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"folder": Path("/tmp")}, InputError, "does not hold Montage"),
        ({"results": "results"}, ConfigError, "MONTAGE_RESULTS is 'results'; expected an absolute path on the cluster"),
        ({"store": "store"}, ConfigError, "MONTAGE_STORE is 'store'; expected an absolute path"),
    ],
)
def test_jobs_that_cannot_be(request_: dict[str, Any], error: type[Exception], message: str) -> None:
    asked = JobRequest(**({"command": ("true",), "folder": ROOT} | request_))
    with head(200, VERSION) as address, pytest.raises(error, match=message):
        Jobs(address).submit(asked)
