"""What the tests on a real local Ray share: a head of their own, started as a user starts one."""

import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from distributed.cluster import connect

__all__ = ["RAY_MARKS", "Head", "local_ray", "ray_head"]

RAY_MARKS = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # Ray's own: it does not close its logs, nor wait for what it starts.
    pytest.mark.filterwarnings("ignore:Exception ignored in.*:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:(unclosed|subprocess):ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
]
_STARTS = 5
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray Data would look for a Prometheus to report from


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A cluster that runs."""

    address: str
    """Of the cluster, for `connect`."""
    dashboard: str
    """Of its dashboard, for jobs."""
    session: int
    """Of all its processes, and of no other."""

    def workers(self) -> list[psutil.Process]:
        """Processes in which a pool's workers are at work."""
        found = []
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getsid(process.pid) == self.session and "ray::MapWorker" in " ".join(process.cmdline()):
                    found.append(process)
        return found


@contextmanager
def ray_head(*, cpus: int = 2, dashboard: bool = True, variables: dict[str, str] | None = None) -> Iterator[Head]:
    """`ray start --head` on free ports with a folder of its own, and its end.

    Ray waits only seconds for its agents to start, which a machine that is busy with other things may not keep: tried
    several times.
    """
    names = ("port", "dashboard-port", "dashboard-agent-grpc-port", "dashboard-agent-listen-port")
    names += ("runtime-env-agent-port", "metrics-export-port", "node-manager-port", "object-manager-port")
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        for _ in range(_STARTS):
            ports = dict(zip(names, _free_ports(len(names)), strict=True))
            process = _start(ports, cpus, dashboard, folder, variables or {})
            if process is not None:
                break
        assert process is not None, "Ray did not start; its logs are gone with its folder"
        try:
            yield Head(
                address=f"127.0.0.1:{ports['port']}",
                dashboard=f"http://127.0.0.1:{ports['dashboard-port']}",
                session=process.pid,
            )
        finally:
            _end(process)


@contextmanager
def local_ray(*, cpus: int = 2) -> Iterator[Head]:
    """Connected to a cluster of the test's own; what Ray leaves behind is collected before the next test."""
    with ray_head(cpus=cpus, dashboard=False) as head:
        try:
            with connect(head.address, log_to_driver=False):
                yield head
        finally:
            gc.collect()


def _start(
    ports: dict[str, int], cpus: int, dashboard: bool, folder: str, variables: dict[str, str]
) -> subprocess.Popen[str] | None:
    """The head's process once it says that it runs; None where it gave up."""
    bin_folder = Path(sys.executable).parent
    command = [str(bin_folder / "ray"), "start", "--head", "--block", f"--num-cpus={cpus}", f"--temp-dir={folder}"]
    command += ["--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats", "--node-ip-address=127.0.0.1"]
    command += [f"--{name}={port}" for name, port in ports.items()]
    command += [] if dashboard else ["--include-dashboard=false", "--include-log-monitor=false"]
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", **variables}
    environment.setdefault("RAY_raylet_start_wait_time_s", "60")
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Ray runtime started" in line:
            return process
    _end(process)
    return None


def _end(process: subprocess.Popen[str]) -> None:
    """End the head and whatever it started: all of its session, and nothing else."""
    session = process.pid
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
    for other in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(other.pid) == session:
                other.kill()
    process.wait(30)
    if process.stdout is not None:
        process.stdout.close()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
