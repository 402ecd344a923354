"""Bring what a job made to this machine: from a folder that both see, from a URI, or through the job's cluster.

A cluster that shares no folder with this machine is asked for the result by a small job of its own, which prints it:
nothing but the dashboard's port need be open.
"""

import base64
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from core.errors import ConfigError, InputError, MontageError, OutputError
from core.registry import ENTRY, read_entry, register_adapter
from core.training.register import is_run, register_run
from distributed.jobs import ENDED, JobRequest, Jobs, Made
from distributed.places import MADE_MARK, filesystem_of, is_uri, told

__all__ = ["fetch", "local_place", "main", "pack", "register_made", "unpack"]

_BEGIN, _END = "-----BEGIN MONTAGE RESULT-----", "-----END MONTAGE RESULT-----"
_MOST_BYTES = 512 * 1024 * 1024
_LINE_BYTES = 48 * 1024
_POLL_S = 1.0
_WAIT_S = 600.0


def fetch(jobs: Jobs, made: Made, results: Path, *, folder: Path, overwrite: bool = False) -> Path:
    """Copy a result into the results' folder of this machine; returns where it lies then.

    Args:
        folder: Montage's, to be shipped where the cluster has to be asked.
        overwrite: replace what lies there.

    Raises:
        OutputError: something lies there already, or it cannot be written.
        InputError: the result has gone.
    """
    target = local_place(made.place, results)
    if target.exists() and not overwrite:
        if _mark(target) == made.mark or target.resolve() == Path(made.place).resolve():
            return target  # fetched before, or made here
        raise OutputError(f"{target} is there already; move it away, or --overwrite it")
    with told(str(target), "write"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside:
            copied = Path(beside) / target.name
            if is_uri(made.place):
                _from_uri(made.place, copied)
            elif made.mark and _mark(Path(made.place)) == made.mark:
                shutil.copytree(made.place, copied)
            else:
                unpack(_ask(jobs, made.place, folder), copied)
            if target.exists():
                shutil.rmtree(target)
            os.replace(copied, target)
    return target


def local_place(place: str, results: Path) -> Path:
    """Where a result goes: `adapters/NAME` and `runs/NAME` as they were, anything else to `runs/NAME`."""
    path = PurePosixPath(place.rstrip("/"))
    return results / ("adapters" if path.parent.name == "adapters" else "runs") / path.name


def register_made(folder: Path, results: Path) -> Path | None:
    """Take what was fetched into the registry of adapters; None where it is no adapter.

    Raises:
        InputError: a run that holds no adapter.
    """
    if (folder / ENTRY).is_file():
        entry = read_entry(folder / ENTRY, folder)
        return register_adapter(
            folder,
            results=results,
            name=folder.name,
            base=entry.base,
            decoding=entry.decoding,
            clustering=entry.clustering,
            metrics=entry.metrics,
            source=entry.source,
        )
    return register_run(folder, results=results, name=folder.name) if is_run(folder) else None


def pack(folder: Path, write: Callable[[str], object] = sys.stdout.write) -> None:
    """Print a folder as text: what the cluster's small job does.

    Raises:
        InputError: there is no such folder, or it is too large to be printed.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not there any more")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > _MOST_BYTES:
        raise InputError(
            f"{folder} has {size / 1e6:.0f} MB, too much to be printed; copy it by hand, or send results to a URI"
        )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    data = buffer.getvalue()
    write(f"\n{_BEGIN}\n")
    for start in range(0, len(data), _LINE_BYTES):
        write(base64.b64encode(data[start : start + _LINE_BYTES]).decode() + "\n")
    write(f"{_END} {hashlib.sha256(data).hexdigest()}\n")


def unpack(text: str, folder: Path) -> None:
    """Make the folder again that `pack` printed.

    Raises:
        InputError: the text is cut short or damaged.
    """
    _, begin, rest = text.partition(f"{_BEGIN}\n")
    body, end, after = rest.partition(_END)
    if not begin or not end:
        raise InputError(f"the cluster did not send the result; it said: {text.strip()[-300:]!r}")
    data = base64.b64decode("".join(body.split()))
    if hashlib.sha256(data).hexdigest() != after.split()[0]:
        raise InputError("the result came over damaged; try again")
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")


def _ask(jobs: Jobs, place: str, folder: Path) -> str:
    """The text that a small job on the cluster prints of a folder."""
    request = JobRequest(command=("python", "-m", "distributed.jobs_fetch", place), folder=folder)
    job_id, deadline = jobs.submit(request), time.monotonic() + _WAIT_S
    while (job := jobs.get(job_id)).status not in ENDED:
        if time.monotonic() > deadline:
            jobs.stop(job_id)
            raise ConfigError(f"the cluster did not send {place} within {_WAIT_S:.0f} s; is it busy? Try again")
        time.sleep(_POLL_S)
    text = jobs.logs(job_id)
    if job.status != "SUCCEEDED":
        raise InputError(f"the cluster did not send {place}: {text.strip()[-300:] or job.message}")
    return text


def _from_uri(uri: str, target: Path) -> None:
    from pyarrow import fs  # type: ignore[import-untyped]

    filesystem, path = filesystem_of(uri)
    target.mkdir(parents=True)
    fs.copy_files(path, str(target), source_filesystem=filesystem)


def _mark(folder: Path) -> str | None:
    try:
        return (folder / MADE_MARK).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def main() -> None:
    """What the cluster's small job runs: an error is a message in its log."""
    try:
        pack(Path(sys.argv[1]))
    except MontageError as error:
        sys.exit(f"montage: {error}")


if __name__ == "__main__":
    main()
