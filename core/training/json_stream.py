"""Read a JSON list, or JSON lines, one entry at a time, so that files larger than memory can be read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from core.errors import InputError

__all__ = ["iter_json"]

_CHUNK = 1 << 20
_MOST_CHARS = 64 << 20
"""An entry larger than this is no caption."""


def iter_json(path: Path) -> Iterator[tuple[int, Any]]:
    """Entries of one JSON list, or of JSON lines, with their number (1-based; of JSON lines the line's).

    A line that is not JSON comes as the ValueError that says why; the others go on.

    Raises:
        InputError: the file cannot be read, or a list is damaged (what came before it has been yielded).
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            start = file.read(1024).lstrip()[:1]
            file.seek(0)
            yield from _entries(file, path) if start == "[" else _lines(file)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no JSON in UTF-8: it holds the byte 0x{error.object[error.start]:02x}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None


def _lines(file: IO[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, ValueError(str(error))


def _entries(file: IO[str], path: Path) -> Iterator[tuple[int, Any]]:
    decoder = json.JSONDecoder()
    buffer = file.read(_CHUNK).lstrip()[1:]
    number, wanted = 0, _CHUNK
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if buffer.startswith("]"):
            return
        try:
            value, end = decoder.raw_decode(buffer)
            complete = end < len(buffer)  # a number at the end of a chunk may go on in the next
        except (ValueError, RecursionError):
            complete = False
        if complete:
            number += 1
            yield number, value
            buffer, wanted = buffer[end:], _CHUNK
            continue
        more = file.read(wanted)
        wanted *= 2  # one large entry is not decoded from its start again for each chunk
        if not more or len(buffer) > _MOST_CHARS:
            what = "ends before its list does" if not more else "holds an entry of more than 64 MB"
            raise InputError(f"{path} is damaged: it {what}, after {number} entries")
        buffer += more
