"""Where a job's results and store lie: never in the temporary copy of the folder that Ray runs it in.

`docs/adr/0011-where-a-job-writes.md` says why.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from core.errors import ConfigError, OutputError
from core.store import default_store_root, write_atomic

__all__ = [
    "MADE_MARK",
    "RESULT_LINE",
    "ResultsPlace",
    "absolute",
    "announce",
    "filesystem_of",
    "in_job_copy",
    "is_uri",
    "results_place",
    "results_root",
    "store_root",
    "told",
]

_COPY_MARK = "_ray_pkg_"
"""Begins the name of the folder that Ray unpacks a job's working directory into."""

RESULT_LINE = "Montage result: "
"""Begins the line in a job's log that says where its result lies; `montage jobs fetch` looks for it."""

MADE_MARK = ".montage-made"
"""In a folder that a job made: which line of its log speaks of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultsPlace:
    """Where runs write, and where they are copied to besides."""

    folder: Path
    """Absolute; runs write in `folder / NAME`."""
    uri: str | None = None
    """Of storage that is not a folder of this machine, such as `s3://bucket/results`; None where there is none."""

    def upload(self, name: str) -> str | None:
        """Copy a run to the URI; returns where it lies there, or None where there is no URI.

        Raises:
            OutputError: the storage refused it.
        """
        if self.uri is None:
            return None
        target = f"{self.uri.rstrip('/')}/{name}"
        with told(target, "write"):
            from pyarrow import fs  # type: ignore[import-untyped]

            filesystem, path = filesystem_of(target)
            filesystem.create_dir(path, recursive=True)
            fs.copy_files(str(self.folder / name), path, destination_filesystem=filesystem)
        return target

    def restore(self, name: str) -> bool:
        """Bring a run back that an earlier job left at the URI; whether there was one.

        Raises:
            OutputError: the storage cannot be read.
        """
        if self.uri is None or (self.folder / name).exists():
            return False
        source = f"{self.uri.rstrip('/')}/{name}"
        with told(source, "read"):
            from pyarrow import fs

            filesystem, path = filesystem_of(source)
            if filesystem.get_file_info(path).type != fs.FileType.Directory:
                return False
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside:
                copied = Path(beside) / target.name
                copied.mkdir()
                fs.copy_files(path, str(copied), source_filesystem=filesystem)
                os.replace(copied, target)
        return True


def results_root(named: str | Path | None = None) -> Path:
    """The folder in which runs write; absolute, made by whoever writes first.

    Args:
        named: what the user asked for; else $MONTAGE_RESULTS, else `results` in the current folder, or the user's data
            folder where the current folder is a job's temporary copy.

    Raises:
        ConfigError: it is relative, within a job.
    """
    return results_place(named).folder


def results_place(named: str | Path | None = None) -> ResultsPlace:
    """As `results_root`, with the URI where one is named; what is written for it lies in the user's data folder."""
    asked = str(named or os.environ.get("MONTAGE_RESULTS") or "")
    if is_uri(asked):
        parts = urlsplit(asked)
        return ResultsPlace(
            folder=_data_folder() / "uri" / parts.scheme / parts.netloc / parts.path.lstrip("/"), uri=asked
        )
    if asked:
        return ResultsPlace(folder=absolute(asked, "the results' folder"))
    return ResultsPlace(folder=_data_folder() / "results" if in_job_copy() else Path.cwd() / "results")


def store_root(named: str | Path | None = None) -> Path:
    """The store's folder, absolute: as named, else as `core.store.default_store_root` has it.

    Raises:
        ConfigError: it is a URI, or relative within a job.
    """
    asked = str(named or default_store_root())
    if is_uri(asked):
        raise ConfigError(f"the store must be a folder that all nodes see (NFS, say), got {asked!r}")
    return absolute(asked, "the store")


def absolute(path: str | Path, what: str) -> Path:
    """The path from the root; refused where it is relative to a job's temporary copy.

    Raises:
        ConfigError: so.
    """
    path = Path(path).expanduser()
    if not path.is_absolute() and in_job_copy():
        raise ConfigError(
            f"{what} is {str(path)!r}, but a job runs in a temporary copy of the folder, which is removed after it; "
            f"name an absolute path, or a URI where one is taken"
        )
    return Path(os.path.abspath(path))


def announce(place: str | Path) -> None:
    """Say where a result lies (a folder by absolute path, or a URI), so that it can be fetched from where it was made.

    A folder is marked, so that one of the same path on another machine is not taken for it. Only within a job:
    elsewhere whoever gave the command knows.
    """
    if not in_job_copy():
        return
    mark = uuid.uuid4().hex[:12]
    if not is_uri(str(place)):
        with told(str(place), "write"):
            write_atomic(Path(place) / MADE_MARK, mark.encode())
    print(f"{RESULT_LINE}{place} ({mark})", flush=True)


def in_job_copy(folder: Path | None = None) -> bool:
    """Whether a folder (the current one) lies in the copy that Ray made of a job's working directory."""
    return any(part.startswith(_COPY_MARK) for part in (folder or Path.cwd()).parts)


def is_uri(text: str) -> bool:
    """Whether it names storage by URI (`s3://…`, `gs://…`, `file:///…`) rather than a path."""
    return "://" in text


def filesystem_of(place: str) -> tuple[Any, str]:
    """The `pyarrow.fs.FileSystem` of a path or URI, and the path within it.

    Raises:
        OutputError: there is no such kind of storage, or it refuses us.
    """
    from pyarrow import fs

    if not is_uri(place):
        return fs.LocalFileSystem(), os.path.abspath(place)
    with told(place, "reach"):
        filesystem, path = fs.FileSystem.from_uri(place)
    return filesystem, path


def _data_folder() -> Path:
    return Path(platformdirs.user_data_dir("montage"))


@contextmanager
def told(place: str, verb: str) -> Iterator[None]:
    """What goes wrong with files within the block, as an OutputError that names the place and what was tried."""
    try:
        yield
    except (OSError, ValueError, NotImplementedError) as error:  # pyarrow's errors are kinds of these
        raise OutputError(f"cannot {verb} {place}: {' '.join(str(error).split())[:300]}") from None
