"""One content-addressed store on disk for what is costly to compute: embeddings, key points, JPEGs, results.

Knows nothing of what it holds. A key says everything that determines the value (content, model, settings), so an
entry is never wrong, only absent. Entries are written beside, flushed, and renamed: two processes may share a store.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

__all__ = ["Store", "default_store_root", "digest", "write_atomic"]

Arrays = dict[str, np.ndarray]


def default_store_root() -> Path:
    """Where the store lies unless told otherwise: $MONTAGE_STORE, else the user's cache folder."""
    named = os.environ.get("MONTAGE_STORE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("montage")) / "store"


def digest(*parts: object) -> str:
    """Checksum of the parts, 40 hexadecimal digits: bytes and arrays by content, all else by its JSON."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            head, data = f"{part.dtype}{part.shape}".encode(), np.ascontiguousarray(part).tobytes()
        elif isinstance(part, bytes):
            head, data = b"bytes", part
        else:
            head, data = b"json", json.dumps(part, sort_keys=True).encode()
        total.update(len(head).to_bytes(8, "big") + head + len(data).to_bytes(8, "big") + data)
    return total.hexdigest()[:40]


@cache
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())  # mkstemp's own rights would shut everybody else out
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


class Store:
    """Values by kind and key; counts what was found and what had to be computed.

    Args:
        root: folder of the store; None keeps nothing between runs.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self.found: dict[str, int] = {}
        self.computed: dict[str, int] = {}
        self._lock = threading.Lock()

    def get_bytes(self, kind: str, key: str) -> bytes | None:
        """The value, or None where it is not in the store or cannot be read."""
        if self.root is None:
            return None
        try:
            return self._path(kind, key).read_bytes()
        except OSError:
            return None

    def put_bytes(self, kind: str, key: str, value: bytes) -> None:
        """Keep a value; a store that cannot be written (full disk, no rights) costs time later, not the run."""
        if self.root is not None:
            with contextlib.suppress(OSError):
                write_atomic(self._path(kind, key), value)

    def get_arrays(self, kind: str, key: str) -> Arrays | None:
        """Named arrays, or None where they are absent or damaged."""
        data = self.get_bytes(kind, key)
        if data is None:
            return None
        try:
            return load_arrays(data)
        except (SafetensorError, ValueError):
            return None  # damaged on disk: computed and written again

    def put_arrays(self, kind: str, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep named arrays."""
        self.put_bytes(kind, key, save_arrays({name: np.ascontiguousarray(a) for name, a in arrays.items()}))

    def arrays(self, kind: str, key: str, compute: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
        """Named arrays from the store, computed and kept when absent."""
        stored = self.get_arrays(kind, key)
        self.count(kind, found=stored is not None)
        if stored is None:
            stored = dict(compute())
            self.put_arrays(kind, key, stored)
        return stored

    def get_json(self, kind: str, key: str) -> Any | None:
        """A JSON value other than null, or None where it is absent or damaged."""
        data = self.get_bytes(kind, key)
        try:
            return None if data is None else json.loads(data)
        except ValueError:
            return None

    def put_json(self, kind: str, key: str, value: Any) -> None:
        """Keep a JSON value."""
        self.put_bytes(kind, key, json.dumps(value).encode())

    def json(self, kind: str, key: str, compute: Callable[[], Any]) -> Any:
        """A JSON value from the store, computed and kept when absent."""
        data = self.get_bytes(kind, key)
        if data is not None:
            try:
                value = json.loads(data)
            except ValueError:
                data = None
        self.count(kind, found=data is not None)
        if data is None:
            data = json.dumps(compute()).encode()
            self.put_bytes(kind, key, data)
            value = json.loads(data)
        return value

    def bytes(self, kind: str, key: str, compute: Callable[[], bytes]) -> bytes:
        """Bytes from the store, computed and kept when absent."""
        data = self.get_bytes(kind, key)
        self.count(kind, found=data is not None)
        if data is None:
            data = compute()
            self.put_bytes(kind, key, data)
        return data

    def count(self, kind: str, *, found: bool, n: int = 1) -> None:
        """Note that n values were found or computed."""
        with self._lock:
            counts = self.found if found else self.computed
            counts[kind] = counts.get(kind, 0) + n

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """For each kind of value: its name, number of entries, and bytes on disk."""
        if self.root is None or not self.root.is_dir():
            return
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            sizes = [path.stat().st_size for path in self._entries(folder.name)]
            if sizes:
                yield folder.name, len(sizes), sum(sizes)

    def clear(self) -> None:
        """Remove every entry of the store, and nothing that is not one, should the folder hold other things too."""
        for kind, _, _ in list(self.sizes()):
            folders = {path.parent for path in self._entries(kind)}
            for path in self._entries(kind):
                path.unlink(missing_ok=True)
            for folder in (*folders, *{folder.parent for folder in folders}):
                with contextlib.suppress(OSError):  # something else lies in it
                    folder.rmdir()

    def _entries(self, kind: str) -> list[Path]:
        """The files that this store wrote: two and then 38 hexadecimal digits."""
        assert self.root is not None
        paths = (self.root / kind).glob("[0-9a-f][0-9a-f]/*")
        return [path for path in paths if re.fullmatch(r"[0-9a-f]{38}", path.name) and path.is_file()]

    def _path(self, kind: str, key: str) -> Path:
        assert self.root is not None
        return self.root / kind / key[:2] / key[2:]
