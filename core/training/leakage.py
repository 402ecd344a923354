"""What training and validation share, so that a validation score would measure memory: photos, captions, events."""

import filecmp
import itertools
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from core.dedupe import close_hashes
from core.ingest import Photo
from core.store import digest
from core.training.record import Record

__all__ = ["Leak", "LeakKind", "caption_key", "find_leaks", "near_duplicates", "shared_photos"]

Key = TypeVar("Key", str, int)
_HEAD_BYTES = 1 << 16
LeakKind = Literal["same_file", "same_content", "near_duplicate", "same_caption", "same_event"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Leak:
    """One photo, caption or event that both parts hold."""

    kind: LeakKind
    what: str
    """The path, the two paths of look-alikes, the caption, or the event."""
    train: tuple[int, ...]
    """1-based lines of the training file."""
    validation: tuple[int, ...]
    """1-based lines of the validation file."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": self.kind, "what": self.what, "train": list(self.train), "validation": list(self.validation)}


def find_leaks(
    train: Sequence[Record], validation: Sequence[Record], photos: Mapping[str, Photo], *, max_distance: int
) -> list[Leak]:
    """Everything that both parts hold; two photos are named by their strongest likeness only.

    Args:
        photos: measures by image path; photos without are compared by path only.
        max_distance: Hamming distance of 64-bit perceptual hashes up to which photos count as near-duplicates.
    """
    by_file = _shared("same_file", train, validation, lambda record: {record.image: record.image})
    by_caption = _shared(
        "same_caption", train, validation, lambda record: {caption_key(text): text for text in record.captions}
    )
    by_event = _shared("same_event", train, validation, lambda record: {record.event_key: record.event})
    seen = [[record for record in part if record.image in photos] for part in (train, validation)]
    by_content = _copies(seen[0], seen[1], photos)
    return [*by_file, *by_content, *_look_alikes(seen[0], seen[1], photos, max_distance), *by_caption, *by_event]


def shared_photos(train: Iterable[Record], validation: Iterable[Record], root: Path) -> dict[str, str]:
    """Photos of validation that are trained on, as one path or as two equal files: the training path by validation's.

    Fast enough for every run: of files whose size occurs in both parts the beginnings are read, the rest of few.
    """
    learnt, judged = ({record.image: None for record in part} for part in (train, validation))
    twins = {image: image for image in judged if image in learnt}
    by_size: dict[int, list[str]] = {}
    for image in learnt:
        by_size.setdefault(_size(root / image), []).append(image)
    heads: dict[str, str] = {}
    for image in judged.keys() - twins.keys():
        for other in by_size.get(_size(root / image), ()):
            if _head(root, image, heads) == _head(root, other, heads) and _equal(root / image, root / other):
                twins[image] = other
                break
    return {image: twins[image] for image in judged if image in twins}


def caption_key(caption: str) -> str:
    """A caption's letters and digits, without regard to capitals, punctuation and white space."""
    plain = unicodedata.normalize("NFKC", caption).casefold()
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain).split())


def near_duplicates(names: Sequence[str], photos: Mapping[str, Photo], max_distance: int) -> Iterable[tuple[str, str]]:
    """Pairs of photos that look alike by their perceptual hashes; of equal hashes only neighbours are paired."""
    by_hash: dict[int, list[str]] = {}
    for name in names:
        if name in photos:
            by_hash.setdefault(photos[name].perceptual_hash, []).append(name)
    for same in by_hash.values():
        yield from itertools.pairwise(same)
    hashes = list(by_hash)
    for i, j, _ in close_hashes(np.array(hashes, dtype=np.uint64), max_distance=max_distance):
        for a, b in zip(i.tolist(), j.tolist(), strict=True):
            yield by_hash[hashes[a]][0], by_hash[hashes[b]][0]


def _size(path: Path) -> int:
    """In bytes; -1 of a file that is gone, which training names later."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _head(root: Path, image: str, known: dict[str, str]) -> str:
    """Checksum of a file's beginning."""
    if image not in known:
        try:
            with (root / image).open("rb") as file:
                known[image] = digest(file.read(_HEAD_BYTES))
        except OSError:
            known[image] = image
    return known[image]


def _equal(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _shared(
    kind: LeakKind, train: Iterable[Record], validation: Iterable[Record], named: Callable[[Record], Mapping[str, str]]
) -> list[Leak]:
    """A leak for each key that is not empty and occurs in both parts; `named` gives a record's keys and their texts."""
    found: list[dict[str, list[Record]]] = [{}, {}]
    what: dict[str, str] = {}
    for part, records in zip(found, (train, validation), strict=True):
        for record in records:
            for key, text in named(record).items():
                part.setdefault(key, []).append(record)
                what.setdefault(key, text)
    return [
        Leak(kind=kind, what=what[key], train=_lines(records), validation=_lines(found[1][key]))
        for key, records in found[0].items()
        if key and key in found[1]
    ]


def _by_key(records: Iterable[Record], key: Callable[[Record], Key]) -> dict[Key, list[Record]]:
    found: dict[Key, list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return found


def _lines(records: Iterable[Record]) -> tuple[int, ...]:
    return tuple(sorted({record.line or 0 for record in records}))


def _copies(train: Sequence[Record], validation: Sequence[Record], photos: Mapping[str, Photo]) -> list[Leak]:
    """Photos of equal pixels under different names; they may differ in metadata."""
    parts = [_by_key(part, lambda record: photos[record.image].pixel_hash) for part in (train, validation)]
    leaks = []
    for content in [content for content in parts[0] if content in parts[1]]:
        left, right = _apart(parts[0][content], parts[1][content], lambda record: record.image)
        if left and right:
            what = f"{left[0].image} = {right[0].image}"
            leaks.append(Leak(kind="same_content", what=what, train=_lines(left), validation=_lines(right)))
    return leaks


def _look_alikes(
    train: Sequence[Record], validation: Sequence[Record], photos: Mapping[str, Photo], max_distance: int
) -> list[Leak]:
    """Photos of close perceptual hashes and different pixels."""
    parts = [_by_key(part, lambda record: photos[record.image].perceptual_hash) for part in (train, validation)]
    hashes = list(dict.fromkeys([*parts[0], *parts[1]]))
    pairs = [(value, value) for value in hashes]
    for i, j, _ in close_hashes(np.array(hashes, dtype=np.uint64), max_distance=max_distance):
        for a, b in zip(i.tolist(), j.tolist(), strict=True):
            pairs += [(hashes[a], hashes[b]), (hashes[b], hashes[a])]
    leaks = []
    for a, b in pairs:
        if a in parts[0] and b in parts[1]:
            left, right = _apart(parts[0][a], parts[1][b], lambda record: photos[record.image].pixel_hash)
            if left and right:
                what = f"{left[0].image} ~ {right[0].image}"
                leaks.append(Leak(kind="near_duplicate", what=what, train=_lines(left), validation=_lines(right)))
    return leaks


def _apart(
    train: Sequence[Record], validation: Sequence[Record], key: Callable[[Record], str]
) -> tuple[Sequence[Record], Sequence[Record]]:
    """Without the records that are reported already for an equal key; one side is empty where nothing else is left."""
    keys = [{key(record) for record in part} for part in (train, validation)]
    others = [record for record in validation if key(record) not in keys[0]]
    if others:
        return train, others
    return [record for record in train if key(record) not in keys[1]], validation
