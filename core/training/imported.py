"""Write imported photos and captions: safe file names, one record a photo, nothing lost, resumable."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import InputError, OutputError, PhotoError
from core.photos import decode_photo, is_raw
from core.settings import IngestSettings
from core.store import digest, write_atomic
from core.training.problems import Problem
from core.training.record import Fault, Record, RecordLimits, parse_record
from core.training.records import DEFAULT_LIMITS, write_records

__all__ = ["Imported", "Item", "write_import"]

RECORDS_FILE = "records.jsonl"
PROBLEMS_FILE = "problems.jsonl"
_MARK = ".import.json"  # lies in a folder whose import has begun
_SUFFIXES = {"JPEG": ".jpg", "TIFF": ".tif", "HEIF": ".heic"}
_CHECK_PX = 512  # decoding to a small scale still reads a JPEG to its end


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One photo with its captions, as a source offers it."""

    source: str
    """File that names it."""
    number: int
    """Of the line, row or entry in that file, 1-based."""
    name: str
    """The photo's own name; only a safe form of it is used."""
    read: Callable[[], bytes] = field(repr=False, compare=False)
    """The photo's file; raises PhotoError."""
    captions: tuple[object, ...]
    event: object = ""
    labels: object = ()
    split: str = ""
    """Part of the data set that it came from; names the folder of its photo."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What an import did."""

    folder: Path
    records: int
    items: int
    """Photos with captions that the source offered, good and bad."""
    merged: int
    """Items that were further captions of a photo that was there already, or repeated one."""
    copied: int
    """Photos written by this run; others lay there from an interrupted one."""
    problems: tuple[Problem, ...]


def write_import(
    items: Iterable[Item | Problem],
    out: Path,
    *,
    ingest_settings: IngestSettings,
    limits: RecordLimits = DEFAULT_LIMITS,
    event: str = "",
    signature: str = "",
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Copy photos into `out/images`, write `out/records.jsonl` when all are there, and `out/problems.jsonl`.

    Items of one part whose photos have the same bytes become one record, further captions its references. A run that
    was interrupted goes on with the photos that it has.

    Args:
        event: name of the event for items that name none.
        signature: says what is imported; a folder begun with another one is refused.
        progress: called with (items done, items in all, which is not known: 0).

    Raises:
        InputError: nothing could be imported.
        OutputError: the folder cannot be written, or holds something else.
    """
    try:
        _check_free(out, signature, overwrite)
        records: dict[tuple[str, str], Record] = {}  # by part and content
        problems: list[Problem] = []
        items_seen = merged = copied = 0
        for number, item in enumerate(items, start=1):
            progress(number, 0)
            if isinstance(item, Problem):
                problems.append(item)
                items_seen += item.severity == "error"
                continue
            items_seen += 1
            found = _record(item, event, limits)
            if not isinstance(found, Record):
                problems += [_problem(item, fault) for fault in found]
                continue
            try:
                name, data = _photo(item, ingest_settings)
            except PhotoError as error:
                named = str(error) if str(error).startswith("'") else f"{item.name!r} {error}"
                problems.append(_problem(item, ("image", error.reason, named)))
                continue
            key = (item.split, digest(data))
            if key in records:
                merged += 1
                records[key] = _merged(records[key], found)
                continue
            if not records:
                _begin(out, signature)
            copied += _copy(out / name, data)
            records[key] = replace(found, image=name)
        if records:
            _finish(out, records.values(), problems)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror or error}") from None
    if not records:
        why = f"; the first of {len(problems)} problems: {problems[0]}" if problems else ": it holds no photos"
        raise InputError(f"nothing was imported{why}")
    return Imported(
        folder=out, records=len(records), items=items_seen, merged=merged, copied=copied, problems=tuple(problems)
    )


def _check_free(out: Path, signature: str, overwrite: bool) -> None:
    mark = out / _MARK
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is a file; name a folder")
    if mark.is_file():
        done = (out / RECORDS_FILE).exists()
        same = mark.read_text(encoding="utf-8") == json.dumps({"source": signature})
        if (done or not same) and not overwrite:
            what = "holds a finished import" if done else "holds the beginning of another import"
            raise OutputError(f"{out} {what}; name another folder, or --overwrite its records")
    elif out.is_dir() and any(out.iterdir()):
        raise OutputError(f"{out} is not an empty folder; name a new one, so that nothing is overwritten")


def _begin(out: Path, signature: str) -> None:
    """Mark the folder; nothing is written before there is a photo, so that a wrong option leaves nothing behind."""
    (out / RECORDS_FILE).unlink(missing_ok=True)
    write_atomic(out / _MARK, json.dumps({"source": signature}).encode())


def _record(item: Item, event: str, limits: RecordLimits) -> Record | list[Fault]:
    """The item as a record whose photo has no place yet."""
    first, *others = [caption for caption in item.captions if caption is not None] or [None]
    labels = item.labels if isinstance(item.labels, list | tuple) else ()
    data = {
        "image": item.name or "unnamed",
        "caption": first,
        # Other data sets mean other things by these names, class numbers for one.
        "event": item.event if isinstance(item.event, str) and item.event.strip() else event,
        "labels": [label for label in labels if isinstance(label, str) and label.strip()],
        "references": [caption for i, caption in enumerate(others) if caption != first and caption not in others[:i]],
    }
    return parse_record(data, limits)


def _photo(item: Item, settings: IngestSettings) -> tuple[str, bytes]:
    """Path for the photo within the import, and its bytes, which decode.

    Raises:
        PhotoError: they do not.
    """
    data = item.read()
    if len(data) > settings.max_file_bytes:
        raise PhotoError("too_many_bytes", f"has {len(data)} bytes, more than ingest.max_file_bytes")
    decoded = decode_photo(data, item.name, max_pixels=settings.max_pixels, size_px=_CHECK_PX)
    base = re.split(r"[/\\]", item.name)[-1]
    stem, dot, ending = base.rpartition(".")
    kind = decoded.header.format
    suffix = f".{_slug(ending)}" if is_raw(base) else _SUFFIXES.get(kind, f".{kind.lower()}")
    folder = f"images/{_slug(item.split)}" if item.split else "images"
    return f"{folder}/{_slug(stem if dot else base) or 'photo'}-{digest(data)[:12]}{suffix}", data


def _slug(text: str) -> str:
    """Letters, digits, `-` and `_` only, at most 60."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", ascii_text).strip("-")[:60]


def _copy(path: Path, data: bytes) -> int:
    if path.is_file() and path.stat().st_size == len(data):  # the name holds the content's checksum
        return 0
    write_atomic(path, data)
    return 1


def _merged(record: Record, other: Record) -> Record:
    further = [caption for caption in dict.fromkeys((*record.references, *other.captions)) if caption != record.caption]
    return replace(
        record,
        references=tuple(further),
        labels=tuple(dict.fromkeys((*record.labels, *other.labels))),
        event=record.event or other.event,
    )


def _problem(item: Item, fault: Fault) -> Problem:
    name, reason, message = fault
    return Problem(file=item.source, line=item.number, field=name, reason=reason, message=message)


def _finish(out: Path, records: Iterable[Record], problems: Iterable[Problem]) -> None:
    text = "".join(json.dumps(problem.to_dict(), ensure_ascii=False) + "\n" for problem in problems)
    write_atomic(out / PROBLEMS_FILE, text.encode())
    write_records(out / RECORDS_FILE, records)
