"""One training record: read from a JSON object with everything that is wrong with it named, and written."""

import difflib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.settings_base import Count, Settings

__all__ = ["KEYS", "Fault", "Record", "RecordLimits", "parse_record"]

KEYS = ("image", "event", "labels", "caption", "references")
Fault = tuple[str | None, str, str]
"""Field, reason and message of what is wrong with an object."""

_MISSPELT = 0.75  # of difflib's ratio: `lables` and `captions` are, `licence` is not
_REQUIRED = ("image", "caption")
_EXPECTED = {
    "image": "the photo's path within the image root",
    "event": "a text, or nothing",
    "labels": 'a list of texts, as ["stage", "audience"]',
    "caption": "a text",
    "references": "a list of further captions",
}


class RecordLimits(Settings):
    """What is too much for one record."""

    max_caption_chars: Count = 2200
    """A longer caption is a bad line; Instagram takes no more than 2,200 characters."""
    max_line_bytes: Count = 1_000_000
    """A longer line is not read into memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A photo and what the club wrote about it."""

    image: str
    """Path within the image root, with forward slashes."""
    caption: str
    event: str = ""
    """Name of the event; empty where none is known."""
    labels: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """Further captions of the same photo."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Keys that Montage does not use; kept when records are written again."""
    line: int | None = field(default=None, compare=False)
    """1-based line of the file it came from."""

    @property
    def captions(self) -> tuple[str, ...]:
        """The caption and its references, each once."""
        return tuple(dict.fromkeys((self.caption, *self.references)))

    @property
    def event_key(self) -> str:
        """The event's name without regard to capitals and white space; empty where none is known."""
        return " ".join(unicodedata.normalize("NFC", self.event).casefold().split())

    def to_json(self) -> str:
        """The line, without its end."""
        known: dict[str, Any] = {
            "image": self.image,
            "event": self.event,
            "labels": list(self.labels),
            "caption": self.caption,
        }
        references = {"references": list(self.references)} if self.references else {}
        return json.dumps(known | references | dict(self.extra), ensure_ascii=False)


def parse_record(data: Mapping[str, Any], limits: RecordLimits, *, line: int | None = None) -> Record | list[Fault]:
    """The record that a JSON object holds, or everything that is wrong with it.

    Unknown keys are kept in `extra`; one that looks like a misspelt known key, which is absent, is a fault.
    """
    faults = [*_misspelt(data)]
    blamed = {fault[0] for fault in faults}
    faults += [fault for name in KEYS if name not in blamed for fault in _wrong(name, data, limits)]
    if faults:
        return faults
    return Record(
        image=data["image"],
        caption=data["caption"],
        event=data.get("event") or "",
        labels=tuple(dict.fromkeys(data.get("labels") or ())),
        references=tuple(data.get("references") or ()),
        extra={key: value for key, value in data.items() if key not in KEYS},
        line=line,
    )


def _misspelt(data: Mapping[str, Any]) -> Iterator[Fault]:
    absent = [key for key in KEYS if key not in data]
    for key in data:
        meant = _meant(key, absent) if key not in KEYS else None
        if meant is not None:
            yield meant, "unknown_key", f"unknown key {key!r}; did you mean {meant!r}?"


def _meant(key: str, absent: list[str]) -> str | None:
    close = difflib.get_close_matches(key.strip().lower(), absent, n=1, cutoff=_MISSPELT)
    return close[0] if close else None


def _wrong(name: str, data: Mapping[str, Any], limits: RecordLimits) -> Iterator[Fault]:
    value = data.get(name)
    if value is None:
        if name in _REQUIRED:
            others = [key for key in data if key not in KEYS]
            hint = f"; the line has {', '.join(map(repr, others[:8]))}" if others and name not in data else ""
            yield name, "missing", f"expected {_EXPECTED[name]}, got nothing{hint}"
        return
    is_list = name in ("labels", "references")
    texts = value if isinstance(value, list) and is_list else [value]
    if isinstance(value, list) != is_list or not all(isinstance(text, str) for text in texts):
        yield name, "wrong_type", f"expected {_EXPECTED[name]}, got {_shown(value)}"
        return
    for text in texts:
        yield from _wrong_text(name, text, limits)


def _wrong_text(name: str, text: str, limits: RecordLimits) -> Iterator[Fault]:
    if any("\ud800" <= c <= "\udfff" for c in text):
        yield name, "not_text", "holds half of a surrogate pair (\\ud8xx), which is no character; write it again"
    elif not text.strip() and name != "event":
        what = {"image": "path", "labels": "label"}.get(name, "caption")
        yield name, "empty", f"expected a {what}, got an empty text; write one, or take the line out"
    elif name in ("caption", "references") and len(text) > limits.max_caption_chars:
        yield (
            name,
            "too_long",
            f"has {len(text)} characters, more than {limits.max_caption_chars}; shorten it, or raise the limit",
        )


def _shown(value: object) -> str:
    """A value as JSON writes it, shortened."""
    kind = {str: "a text", list: "a list", dict: "an object", bool: "true/false", int: "a number", float: "a number"}
    text = json.dumps(value, ensure_ascii=False)
    return f"{kind.get(type(value), 'nothing')}: {text if len(text) <= 60 else text[:59] + '…'}"
