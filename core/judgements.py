"""What people said of captions: records of captioned events, and ratings or reference captions of their posts."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.config import nearest
from core.errors import InputError
from core.metrics.text import rouge_l
from core.record import EventRecord, PostRecord
from core.settings import Family

__all__ = ["Judged", "PostKey", "by_ratings", "by_references", "read_records"]

PostKey = tuple[str, int]
"""Event and number of a post."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Quality of the template's and the model's caption of some posts, and what had to be left out."""

    quality: dict[PostKey, tuple[float, float]]
    """Of the template's and the model's caption of each post, higher is better."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was left out."""


class _References(BaseModel):
    """A line of a references file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: str | None = None
    post: int
    references: list[str] = Field(min_length=1)


def read_records(paths: Sequence[Path], model: Family) -> dict[str, EventRecord]:
    """Records by event, from `posts.json` files or the folders that hold one.

    Raises:
        InputError: a file is no record, two are of one event, the embedding models differ, or a post has no caption of
            the template or the model, or the model's has no `clip_cosine`.
    """
    records: dict[str, EventRecord] = {}
    files: dict[str, Path] = {}
    for path in paths:
        file = path / "posts.json" if path.is_dir() else path
        record = _read_record(file)
        name = record.event.name
        if name in records:
            raise InputError(f"{file} and {files[name]} are both of the event {name!r}; give one record per event")
        for post in record.posts:
            _check_captions(post, model, file)
        records[name], files[name] = record, file
    keys = {record.model.key: files[name] for name, record in records.items()}
    if len(keys) > 1:
        named = " and ".join(str(file) for file in list(keys.values())[:2])
        raise InputError(f"{named} were scored with different embedding models, whose clip_cosine cannot be compared")
    return records


def by_ratings(path: Path, records: dict[str, EventRecord], model: Family) -> Judged:
    """Quality by ratings: CSV with `event` (not needed for one record), `post`, `captioner`, `rating`.

    Several ratings of one caption are averaged; posts without ratings of both captions are left out and counted.

    Raises:
        InputError: the file cannot be read, lacks a column, or names what the records do not hold; with its line.
    """
    given: dict[tuple[PostKey, str], list[float]] = {}
    others = 0
    for line, row in _read_rows(path):
        where = f"{path}:{line}"
        key = _post_key(row.get("event"), row["post"], records, where)
        captioner = (row["captioner"] or "").strip()
        captions = _post(records, key).captions
        if captioner not in captions:
            raise InputError(
                f"{where}: post {key[1]} has no caption of {captioner!r}; {nearest(captioner, [*captions])}"
            )
        rating = _number(row["rating"], f"{where}: rating")
        if captioner in ("template", model):
            given.setdefault((key, captioner), []).append(rating)
        else:
            others += 1
    means = {key: sum(ratings) / len(ratings) for key, ratings in given.items()}
    rated = list(dict.fromkeys(key for key, _ in means))
    both = [key for key in rated if (key, "template") in means and (key, model) in means]
    notes = [f"{others} ratings are of other captioners than template and {model}."] if others else []
    if len(both) < len(rated):
        notes.append(f"Left out, since not both of their captions were rated: {len(rated) - len(both)}.")
    return Judged(quality={key: (means[key, "template"], means[key, model]) for key in both}, notes=notes)


def by_references(path: Path, records: dict[str, EventRecord], model: Family) -> Judged:
    """Quality by ROUGE-L with reference captions: JSON lines `{"event", "post", "references": [...]}`, one a post.

    Raises:
        InputError: the file cannot be read, or a line is malformed or names what the records do not hold.
    """
    quality: dict[PostKey, tuple[float, float]] = {}
    for number, text in enumerate(_read_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        where = f"{path}:{number}"
        try:
            line = _References.model_validate_json(text)
        except ValidationError as error:
            raise InputError(f"{where}: {_first(error)}") from None
        key = _post_key(line.event, line.post, records, where)
        if key in quality:
            raise InputError(f"{where}: post {key[1]} of {key[0]!r} is listed twice")
        captions = _post(records, key).captions
        try:
            template, written = (rouge_l(captions[name].text, line.references) for name in ("template", model))
        except ValueError as error:
            raise InputError(f"{where}: {error}") from None
        quality[key] = (template, written)
    return Judged(quality=quality)


def _read_record(file: Path) -> EventRecord:
    try:
        return EventRecord.model_validate_json(_read_text(file))
    except ValidationError as error:
        raise InputError(f"{file} is not a record written by `montage caption`: {_first(error)}") from None


def _check_captions(post: PostRecord, model: Family, file: Path) -> None:
    for name in ("template", model):
        if name not in post.captions:
            raise InputError(
                f"{file}: post {post.post} has no caption of {name}, only of {', '.join(post.captions) or 'nobody'}; "
                f"caption the event with --mode {model},template"
            )
    written = post.captions[model]
    if written.clip_cosine is None and written.source != "template":
        raise InputError(
            f"{file}: the caption of {model} of post {post.post} has no clip_cosine; set captioner.calc_clipscore, "
            "and an embedding model that can judge these photos"
        )


def _post_key(event: str | None, post: Any, records: dict[str, EventRecord], where: str) -> PostKey:
    name = (event or "").strip() or (next(iter(records)) if len(records) == 1 else "")
    if not name:
        raise InputError(f"{where}: which of the {len(records)} events? expected its name in 'event'")
    if name not in records:
        raise InputError(f"{where}: no record is of the event {name!r}; {nearest(name, [*records])}")
    try:
        number = int(post)
    except (TypeError, ValueError):
        raise InputError(f"{where}: post must be a number, got {post!r}") from None
    if number not in {known.post for known in records[name].posts}:
        raise InputError(f"{where}: {name!r} has no post {number}, it has {len(records[name].posts)} posts")
    return name, number


def _post(records: dict[str, EventRecord], key: PostKey) -> PostRecord:
    return next(post for post in records[key[0]].posts if post.post == key[1])


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(_read_text(path).splitlines(keepends=True))
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}") from None
    missing = [name for name in ("post", "captioner", "rating") if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"{path}: expected a CSV with columns event, post, captioner, rating; "
            f"{', '.join(missing)} missing from {reader.fieldnames or 'an empty file'}"
        )
    return rows


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{what} must be a number, got {value!r}")
    return number


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, on one line."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]
