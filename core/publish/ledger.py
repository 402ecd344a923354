"""What was posted from an event's folder, and how far a run that broke off had come: `posts.published.json`.

Written before and after every step that matters, so that nothing is posted twice. It never holds the token.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InputError, OutputError
from core.store import write_atomic

__all__ = ["LEDGER_FILE", "Entry", "Ledger", "open_ledger"]

LEDGER_FILE = "posts.published.json"
"""Begins like the result's own files, so that it is never taken for a photo."""
_LOCK = ".posts.published.lock"


class Entry(BaseModel):
    """One post on its way or out."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    key: str
    """Checksum of account, caption, photos and alt texts."""
    account: str
    folder: str
    """Of the post, within the event's."""
    images: tuple[str, ...]
    """Checksums of the JPEGs."""
    state: Literal["preparing", "publishing", "published"]
    """`publishing`: the platform was asked to publish, and its answer is not known yet."""
    children: tuple[str | None, ...] = ()
    """Containers of a carousel's photos; None for one that has to be made again."""
    container: str | None = None
    media_id: str | None = None
    """Of the published post; null where the platform published it but its answer was lost."""
    permalink: str | None = None
    changed_at: str = ""
    """UTC, ISO 8601."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    entries: tuple[Entry, ...] = ()


class Ledger:
    """The entries of an event's folder; read it by `read_ledger`, write within `open_ledger`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER_FILE
        self._entries: dict[str, Entry] = {entry.key: entry for entry in _read(self.path).entries}

    def find(self, key: str) -> Entry | None:
        """The entry of exactly this post."""
        return self._entries.get(key)

    def shown_already(self, account: str, images: tuple[str, ...], *, but: str) -> Entry | None:
        """Another post of the account that is out, or may be, and shows one of these images."""
        for entry in self._entries.values():
            out = entry.state != "preparing" and entry.account == account and entry.key != but
            if out and set(entry.images) & set(images):
                return entry
        return None

    def put(self, entry: Entry) -> Entry:
        """Write an entry at once; the entry with its time.

        Raises:
            OutputError: it cannot be written; nothing may be posted then.
        """
        entry = entry.model_copy(update={"changed_at": datetime.now(UTC).isoformat(timespec="seconds")})
        self._entries[entry.key] = entry
        content = _File(entries=tuple(self._entries.values())).model_dump_json(indent=1) + "\n"
        try:
            write_atomic(self.path, content.encode())
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}; it must be kept") from None
        return entry

    def forget(self, key: str) -> None:
        """Drop an entry, so that the post goes out once more."""
        self._entries.pop(key, None)


@contextlib.contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """The ledger for one run that posts; a second run at the same time is refused.

    Raises:
        OutputError: another run is posting from this folder, or it cannot be written.
        InputError: the ledger is damaged.
    """
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(
            f"cannot write in {folder}: {error.strerror or error}; the ledger must be kept there"
        ) from None
    try:
        try:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # not on Windows
            pass
        except BlockingIOError:
            raise OutputError(f"another run is posting from {folder} just now; wait for it") from None
        yield Ledger(folder)
    finally:
        os.close(descriptor)


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _File()
    except (OSError, ValidationError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} says what was posted already, and cannot be read ({told}); repair it, or move it away if you are "
            "sure that nothing would be posted twice"
        ) from None
