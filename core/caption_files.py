"""Captions from files: JSON lines, CSV, COCO results and annotations, `{id: [captions]}`, plain lines.

Knows nothing of scores. What a record calls its photo and its text is found by the names that people use.
"""

import csv
import io
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import InputError

__all__ = ["CaptionFile", "CaptionRecord", "Role", "matching_keys", "nearest_key", "read_captions"]

Role = Literal["candidates", "references"]

_IDS = ("image_id", "id", "image", "photo", "file", "file_name")
_TEXTS: dict[Role, tuple[str, ...]] = {
    "candidates": ("prediction", "candidate", "generated", "caption", "captions", "text"),
    "references": ("references", "reference", "captions", "caption", "text"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptionRecord:
    """One record of a file."""

    ids: dict[str, str]
    """What the record calls its photo, by the name of the field."""
    texts: tuple[str, ...]
    where: str
    """File and line, for messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptionFile:
    """The records of a file."""

    path: Path
    role: Role
    records: tuple[CaptionRecord, ...]
    image_names: dict[str, str]
    """File names of photos by COCO image id, where the file has them."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Fields that name the photo in every record, the most telling first."""
        return tuple(name for name in _IDS if all(name in record.ids for record in self.records))

    def texts(self, key: str) -> dict[str, list[str]]:
        """Texts by id.

        Raises:
            InputError: a photo has two candidates.
        """
        found: dict[str, list[str]] = {}
        for record in self.records:
            name = record.ids[key]
            if self.role == "candidates" and (name in found or len(record.texts) != 1):
                raise InputError(f"{record.where}: {name!r} has several captions; expected one for each photo")
            found.setdefault(name, []).extend(record.texts)
        return found

    def other_names(self, key: str) -> dict[str, list[str]]:
        """What else each photo is called, by id."""
        names = {record.ids[key]: [*record.ids.values()] for record in self.records}
        for name, image in self.image_names.items():
            names.setdefault(name, []).append(image)
        return names


def read_captions(path: Path, role: Role) -> CaptionFile:
    """Read a file of captions.

    JSON lines and CSV: a photo (`image_id`, `id`, `image`, `photo`, `file`) and a text (candidates: `prediction`,
    `candidate`, `generated`, `caption`, `text`; references: `references`, `reference`, `captions`, `caption`, `text`),
    a photo's references in one record or several. JSON: COCO results, COCO annotations, or `{id: caption}` or
    `{id: [captions]}`. `.txt`: a caption a line, its id the line's number from 1.

    Raises:
        InputError: the file cannot be read, or a record has no photo or no text; the message says where.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        told = f"the byte 0x{error.object[error.start]:02x}"
        raise InputError(
            f"{path} is no text in UTF-8 (it holds {told}); expected JSON lines, CSV, JSON or .txt"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; expected a file of captions") from None
    image_names: dict[str, str] = {}
    suffix = path.suffix.lower()
    if suffix == ".csv":
        records = [_record(row, f"{path}:{line}", role) for line, row in _rows(text, path)]
    elif suffix == ".txt":
        records = [
            CaptionRecord(ids={"id": str(number)}, texts=(line,), where=f"{path}:{number}")
            for number, line in enumerate(_cut(text), start=1)
        ]
    elif suffix in {".jsonl", ".ndjson"}:
        records = [_record(_parsed(line, where), where, role) for where, line in _lines(text, path)]
    else:
        content = _parsed(text, str(path))
        if isinstance(content, dict) and isinstance(content.get("annotations"), list):
            image_names = _image_names(content.get("images"))
            content = content["annotations"]
        if isinstance(content, dict):
            records = [_mapped(name, value, path) for name, value in content.items()]
        elif isinstance(content, list):
            records = [_record(one, f"{path}, entry {i}", role) for i, one in enumerate(content, start=1)]
        else:
            raise InputError(f"{path}: expected a JSON list or object of captions, got {type(content).__name__}")
    if not records:
        raise InputError(f"{path} holds no caption")
    for record in records:
        if any("\ud800" <= c <= "\udfff" for text in (*record.ids.values(), *record.texts) for c in text):
            raise InputError(f"{record.where}: holds half of a surrogate pair (\\ud8xx), which is no character")
    return CaptionFile(path=path, role=role, records=tuple(records), image_names=image_names)


def matching_keys(candidates: CaptionFile, references: Sequence[CaptionFile]) -> list[str]:
    """The field of each file (candidates first) by which the most photos are found in both.

    Raises:
        InputError: no photo of the candidates is in all the references.
    """
    keys: list[str] = []
    for file in references:
        pairs = [(a, b) for a in (keys[:1] or candidates.keys) for b in file.keys]
        shared = {pair: len(_names(candidates, pair[0]) & _names(file, pair[1])) for pair in pairs}
        best = max(pairs, key=lambda pair: (shared[pair], pair[0] == pair[1]), default=None)
        if best is None or not shared[best]:
            raise InputError(
                f"{candidates.path} and {file.path} have no photo in common: the one begins with "
                f"{_some(candidates)}, the other with {_some(file)}"
            )
        keys = [best[0], *keys[1:], best[1]]
    return keys


def nearest_key(file: CaptionFile, ids: Collection[str]) -> str:
    """The field by which the most of these photos are found.

    Raises:
        InputError: none of them is.
    """
    found = {key: len(_names(file, key).intersection(ids)) for key in file.keys}
    best = max(found, key=lambda key: found[key], default=None)
    if best is None or not found[best]:
        raise InputError(f"{file.path} has none of the photos with references; it begins with {_some(file)}")
    return best


def _names(file: CaptionFile, key: str) -> set[str]:
    return {record.ids[key] for record in file.records}


def _some(file: CaptionFile) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in file.records[0].ids.items())


def _record(row: Any, where: str, role: Role) -> CaptionRecord:
    if not isinstance(row, dict):
        raise InputError(f"{where}: expected an object with a photo and a caption, got {row!r:.80}")
    ids = {name: str(row[name]) for name in _IDS if isinstance(row.get(name), str | int) and str(row[name]).strip()}
    if "image_id" in ids:  # in COCO's annotations `id` is the annotation's own
        ids.pop("id", None)
    if not ids:
        raise InputError(f"{where}: expected the photo's name or id in one of {', '.join(_IDS)}; got {list(row)}")
    present = [name for name in _TEXTS[role] if row.get(name) is not None]
    name = next((name for name in present if row[name] != ""), present[0] if present else None)
    if name is None:
        raise InputError(f"{where}: expected a text in one of {', '.join(_TEXTS[role])}; got {list(row)}")
    return CaptionRecord(ids=ids, texts=_texts(row[name], f"{where}, {name}"), where=where)


def _image_names(listed: Any) -> dict[str, str]:
    """File names by image id, of entries that have both."""
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {str(one["id"]): str(one["file_name"]) for one in entries if "id" in one and "file_name" in one}


def _mapped(name: str, value: Any, path: Path) -> CaptionRecord:
    where = f"{path}, {name!r}"
    return CaptionRecord(ids={"id": name}, texts=_texts(value, where), where=where)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    """A caption, several, or coco-caption's `[{"caption": …}]`."""
    several = value if isinstance(value, list) else [value]
    found = [one.get("caption") if isinstance(one, dict) else one for one in several]
    texts = tuple(text for text in found if isinstance(text, str))
    if not texts or len(texts) < len(found):
        raise InputError(f"{where}: expected a caption or a list of captions, got {value!r:.80}")
    return texts


def _rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            listed = row.get("references") or ""
            line = reader.line_num
            if listed.startswith("["):
                yield line, {**row, "references": _parsed(listed, f"{path}:{line}, references")}
            else:
                yield line, row
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}") from None


def _lines(text: str, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_cut(text), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def _cut(text: str) -> list[str]:
    """Lines; splitlines() would also cut at U+2028 within a caption."""
    return text.removesuffix("\n").split("\n") if text else []


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: this is not JSON: {error}") from None
