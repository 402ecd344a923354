"""Training records as JSON lines: read one by one, with every line that cannot be used named, and written whole."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from core.errors import InputError, OutputError, PhotoError
from core.store import write_atomic
from core.training.image_root import ImageRoot
from core.training.problems import Problem, bad_lines
from core.training.record import KEYS, Fault, Record, RecordLimits, parse_record

__all__ = ["ReadRecords", "iter_records", "read_records", "write_parts", "write_records"]

DEFAULT_LIMITS = RecordLimits()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRecords:
    """What a file holds."""

    path: Path
    records: tuple[Record, ...]
    """In the order of the file."""
    problems: tuple[Problem, ...]

    @property
    def bad_lines(self) -> list[int]:
        """Lines that are no usable record."""
        return bad_lines(self.problems)

    @property
    def lines(self) -> int:
        """Lines that are not blank."""
        return len({record.line for record in self.records} | set(self.bad_lines))


def read_records(path: Path, image_root: Path, limits: RecordLimits = DEFAULT_LIMITS) -> ReadRecords:
    """Read a file of records.

    Args:
        path: JSON lines in UTF-8; a byte order mark, CRLF and blank lines do no harm.
        image_root: folder that the records' image paths begin at; none may lead out of it.

    Raises:
        InputError: the file or the folder is not there, or is something else altogether.
    """
    records: list[Record] = []
    problems: list[Problem] = []
    for item in iter_records(path, ImageRoot(image_root), limits):
        if isinstance(item, Record):
            records.append(item)
        else:
            problems.append(item)
    return ReadRecords(path=path, records=tuple(records), problems=tuple(problems))


def iter_records(
    path: Path, image_root: ImageRoot, limits: RecordLimits = DEFAULT_LIMITS
) -> Iterator[Record | Problem]:
    """The records of a file as they are read, and the problems between them; holds one line in memory.

    Raises:
        InputError: as `read_records`.
    """
    seen: dict[str, tuple[int, set[str]]] = {}
    unknown: dict[str, list[int]] = {}
    for number, line in _lines(path, limits):
        parsed = _parse(line, limits, number)
        if isinstance(parsed, Record):
            parsed = _placed(parsed, image_root)
        if not isinstance(parsed, Record):
            yield from (_problem(path, number, fault) for fault in parsed)
            continue
        for key in parsed.extra:
            unknown.setdefault(key, []).append(number)
        first, captions = seen.setdefault(parsed.image, (number, set()))
        if parsed.caption in captions:
            message = f"{parsed.image!r} with the same caption is in line {first} already; take one of them out"
            yield _problem(path, number, ("image", "duplicate", message))
            continue
        if captions:
            message = f"{parsed.image!r} is in line {first} already, with another caption; both are used"
            yield _problem(path, number, ("image", "same_image", message), warning=True)
        captions.add(parsed.caption)
        yield parsed
    for key, numbers in unknown.items():
        message = f"key {key!r} is not one of {', '.join(KEYS)}; kept, not used (lines: {len(numbers)})"
        yield _problem(path, numbers[0], (key, "unknown_key", message), warning=True)


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON lines; the file appears when it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        write_atomic(path, _content(records))
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def write_parts(parts: Mapping[Path, Iterable[Record] | None]) -> None:
    """Write the files of a split, and take away those that are None: a break leaves files of one split, never of two.

    Raises:
        OutputError: they cannot be written; an earlier split is still there.
    """
    beside = {path: path.with_name(f".{path.name}.part") for path, records in parts.items() if records is not None}
    try:
        for path, part in beside.items():
            write_atomic(part, _content(parts[path] or ()))
        for path in parts:  # all of the earlier split before any of this one
            path.unlink(missing_ok=True)
        for path, part in beside.items():
            os.replace(part, path)
    except OSError as error:
        raise OutputError(f"cannot write {', '.join(map(str, beside))}: {error.strerror or error}") from None
    finally:
        for part in beside.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _content(records: Iterable[Record]) -> bytes:
    return "".join(record.to_json() + "\n" for record in records).encode()


def _lines(path: Path, limits: RecordLimits) -> Iterator[tuple[int, bytes | Fault]]:
    """Numbered lines that are not blank; a fault in place of one that is too long."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the file of records in it (JSON lines)")
    try:
        with path.open("rb") as file:
            _check_kind(path, file)
            number = 0
            while line := file.readline(limits.max_line_bytes + 1):
                number += 1
                if len(line) > limits.max_line_bytes:
                    _skip_line(file, line)
                    message = f"is longer than {limits.max_line_bytes} bytes; is this JSON lines, one record each?"
                    yield number, (None, "too_long", message)
                elif line.strip():
                    yield number, line
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None


def _check_kind(path: Path, file: IO[bytes]) -> None:
    """Refuse what is no JSON lines at all with one message instead of one for each line; go past a UTF-8 mark."""
    head = file.read(1024)
    if b"\x00" in head[:32] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is no text (a photo, perhaps); expected JSON lines, one record in each")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text; save it as UTF-8")
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"PAR1")):
        raise InputError(f"{path} is packed or a table, not JSON lines; unpack it, or try `montage data import`")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        raise InputError(
            f"{path} is one JSON list, expected JSON lines: one object in each line. "
            "Try `montage data import`, or jq -c '.[]'"
        )
    file.seek(3 if head.startswith(b"\xef\xbb\xbf") else 0, os.SEEK_SET)


def _skip_line(file: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(1 << 20)


def _parse(line: bytes | Fault, limits: RecordLimits, number: int) -> Record | list[Fault]:
    if isinstance(line, tuple):
        return [line]
    try:
        data = json.loads(line.rstrip(b"\r\n").decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return [(None, "not_utf8", f"byte {error.start + 1} is not UTF-8; save the file as UTF-8")]
    except json.JSONDecodeError as error:
        return [(None, "not_json", f"is not JSON: {error.msg} at character {error.pos + 1}")]
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand brackets, ours
        return [(None, "not_json", f"is not a usable JSON object: {error}")]
    if not isinstance(data, dict):
        return [(None, "wrong_type", f'expected an object {{"image": …, "caption": …}}, got {str(data)[:60]!r}')]
    return parse_record(data, limits, line=number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return data


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _placed(record: Record, image_root: ImageRoot) -> Record | list[Fault]:
    """The record with its image path in plain form."""
    try:
        name, _ = image_root.find(record.image)
    except PhotoError as error:
        return [("image", error.reason, str(error))]
    return record if name == record.image else replace(record, image=name)


def _problem(path: Path, line: int, fault: Fault, *, warning: bool = False) -> Problem:
    field, reason, message = fault
    return Problem(
        file=str(path),
        line=line,
        field=field,
        reason=reason,
        message=message,
        severity="warning" if warning else "error",
    )
