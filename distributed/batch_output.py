"""What a batch writes: the listing of its photos and one parquet file for each shard of them, on disk or at a URI.

A file that is there is whole: on disk it is written beside, flushed and renamed; storage at a URI shows a file when it
is complete. What a killed run left of one is never read, and is written again.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from core.described import DescribedPhoto
from core.errors import OutputError
from core.store import write_atomic
from core.tables import csv_cell
from core.threads import map_in_order
from distributed.batch_attempt import Attempt
from distributed.batch_listing import BATCH_MARK, Listed
from distributed.batch_table import META, shard_file
from distributed.places import filesystem_of, told

__all__ = ["BatchOutput"]

_LISTING, _SHARDS, _FAILED = "photos.parquet", "shards", "failed.csv"
_NAME = re.compile(r"shard-(\d{6,})\.parquet")
_READERS = 16
"""Footers of shards that are read at a time."""


class BatchOutput:
    """The folder that a batch writes to; any worker opens its own.

    Args:
        place: absolute path, or URI.
    """

    def __init__(self, place: str) -> None:
        from pyarrow import fs  # type: ignore[import-untyped]

        self.place = place.rstrip("/")
        self._filesystem, self._folder = filesystem_of(self.place)
        self._is_local = isinstance(self._filesystem, fs.LocalFileSystem)

    @property
    def failed_path(self) -> str:
        """Of the table of photos without a caption."""
        return f"{self.place}/{_FAILED}"

    def about(self) -> dict[str, Any] | None:
        """What the batch is, once its photos are listed; None before.

        Raises:
            OutputError: the folder holds something else, or cannot be read.
        """
        with told(self.place, "read"):
            try:
                with self._filesystem.open_input_stream(self._path(BATCH_MARK)) as stream:
                    return dict(json.loads(stream.read()))
            except FileNotFoundError:
                pass
            except (ValueError, TypeError) as error:
                raise OutputError(f"{self.place}/{BATCH_MARK} is damaged ({error}); name another folder") from None
            strange = [name for name in self._names("") if name not in (_LISTING, _SHARDS) and not name.startswith(".")]
        if strange:
            raise OutputError(f"{self.place} holds {strange[0]!r} and no batch; name a new folder with --out")
        return None

    def begin(self, about: Mapping[str, Any]) -> None:
        """Say what the batch is; from now on its listing is trusted."""
        self._put(BATCH_MARK, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())

    def clear(self) -> None:
        """Remove what an earlier batch wrote, the mark that it can be trusted first."""
        with told(self.place, "clear"):
            for name in (BATCH_MARK, _LISTING, _FAILED):
                if name in self._names(""):
                    self._filesystem.delete_file(self._path(name))
            for name in self._names(_SHARDS):
                if _NAME.fullmatch(name):
                    self._filesystem.delete_file(self._path(f"{_SHARDS}/{name}"))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second run out of a folder on disk; storage at a URI has no locks, and shards do no harm twice."""
        if not self._is_local:
            yield
            return
        with told(self.place, "write"):
            Path(self._folder).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path(".lock"), os.O_CREAT | os.O_WRONLY, 0o666)
        try:
            _lock(descriptor, self.place)
            yield
        finally:
            os.close(descriptor)

    def write_listing(self, photos: Iterable[Listed], *, shard_photos: int) -> tuple[int, int]:
        """Write the listing, a row group for each shard; returns the numbers of photos and of shards."""
        import pyarrow as pa
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        fields = {"name": pa.string(), "root": pa.int32(), "path": pa.binary(), "size_bytes": pa.int64()}
        schema = pa.schema(fields)
        count = shards = 0
        with self._stream(_LISTING) as file, pq.ParquetWriter(file, schema) as table:
            for group in _groups(photos, shard_photos):
                columns = {name: [getattr(photo, name) for photo in group] for name in fields}
                table.write_table(pa.table(columns, schema=schema), row_group_size=len(group))
                count, shards = count + len(group), shards + 1
        return count, shards

    def listing(self, shard: int) -> list[Listed]:
        """The photos of one shard."""
        import pyarrow.parquet as pq

        with told(self.place, "read"), self._filesystem.open_input_file(self._path(_LISTING)) as file:
            rows = pq.ParquetFile(file).read_row_group(shard).to_pylist()
        return [Listed(**row) for row in rows]

    def write_shard(
        self, shard: int, lines: Sequence[DescribedPhoto], vectors: Sequence[np.ndarray | None], signature: str
    ) -> None:
        """Write the captions of a shard's photos, and their embeddings where there are any."""
        meta = {"shard": shard, "signature": signature, "failed": sum(line.error is not None for line in lines)}
        self._put(f"{_SHARDS}/{_name(shard)}", shard_file(lines, vectors, meta))

    def attempt(self, shard: int) -> Attempt:
        """What a worker that died on a shard left; an empty one where none did."""
        try:
            with self._filesystem.open_input_stream(self._path(self._mark(shard))) as stream:
                found = json.loads(stream.read())
            return Attempt(**{**found, "deadly": tuple(found["deadly"])})
        except (OSError, ValueError, TypeError, KeyError):
            return Attempt()

    def begin_attempt(self, shard: int, attempt: Attempt) -> None:
        """Write down what is at hand."""
        self._put(self._mark(shard), json.dumps(asdict(attempt)).encode())

    def end_attempt(self, shard: int) -> None:
        """Forget it: the shard is written."""
        with told(self.place, "clear"):
            self._filesystem.delete_file(self._path(self._mark(shard)))

    def finished(self, signature: str, photos: int, shard_photos: int) -> dict[int, int]:
        """The shards that are there, whole and of this batch: how many of each one's photos have no caption."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        def failed(match: re.Match[str]) -> int | None:
            """Photos of a shard without a caption; None where it does not count."""
            try:
                with self._filesystem.open_input_file(self._path(f"{_SHARDS}/{match[0]}")) as file:
                    footer = pq.read_metadata(file)
                meta = json.loads((footer.metadata or {})[META])
                is_ours = meta["signature"] == signature and meta["shard"] == int(match[1])
                whole = footer.num_rows == min(shard_photos, photos - meta["shard"] * shard_photos)
                return int(meta["failed"]) if is_ours and whole else None
            except (OSError, pa.ArrowException, KeyError, ValueError):
                return None  # damaged, or somebody else's: it is made again

        with told(self.place, "read"):
            names = [match for name in self._names(_SHARDS) if (match := _NAME.fullmatch(name))]
        counts = map_in_order(failed, names, _READERS, ahead=4 * _READERS)
        return {int(match[1]): count for match, count in zip(names, counts, strict=True) if count is not None}

    def failures(self, shards: Iterable[int]) -> Iterator[tuple[str, str]]:
        """(photo, reason) of the photos without a caption."""
        import pyarrow.parquet as pq

        for shard in shards:
            path = self._path(f"{_SHARDS}/{_name(shard)}")
            with told(path, "read"), self._filesystem.open_input_file(path) as file:
                table = pq.ParquetFile(file).read(columns=["image", "error"])
            for row in table.to_pylist():
                if row["error"] is not None:
                    yield row["image"], row["error"]

    def write_failed(self, shards: Iterable[int]) -> int:
        """Write the table of photos without a caption; returns how many there are."""
        count = 0
        with self._stream(_FAILED) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            table = csv.writer(text)
            table.writerow(["image", "error"])
            for image, error in self.failures(shards):
                table.writerow([csv_cell(image), csv_cell(error)])
                count += 1
        return count

    @contextmanager
    def _stream(self, name: str) -> Iterator[Any]:
        """A file that is written bit by bit, and is there when it is whole."""
        beside = f".{name}" if self._is_local else name
        with told(f"{self.place}/{name}", "write"):
            self._filesystem.create_dir(self._path(_SHARDS), recursive=True)
            with self._filesystem.open_output_stream(self._path(beside)) as stream:
                yield stream
            if beside != name:
                self._filesystem.move(self._path(beside), self._path(name))

    def _put(self, name: str, data: bytes) -> None:
        with told(f"{self.place}/{name}", "write"):
            if self._is_local:
                write_atomic(Path(self._path(name)), data)
            else:
                with self._filesystem.open_output_stream(self._path(name)) as stream:
                    stream.write(data)

    def _names(self, below: str) -> list[str]:
        from pyarrow import fs

        selector = fs.FileSelector(self._path(below) if below else self._folder, allow_not_found=True)
        return [info.base_name for info in self._filesystem.get_file_info(selector)]

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _mark(self, shard: int) -> str:
        return f"{_SHARDS}/.shard-{shard:06d}.attempt"


def _name(shard: int) -> str:
    return f"shard-{shard:06d}.parquet"


def _lock(descriptor: int, place: str) -> None:
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(f"another run is writing {place} just now; wait for it, or name another folder") from None


def _groups(photos: Iterable[Listed], size: int) -> Iterator[list[Listed]]:
    rest = iter(photos)
    while group := list(islice(rest, size)):
        yield group
