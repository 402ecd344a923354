"""Split records into training, validation and test parts, so that no event and no look-alikes are in two of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.errors import ConfigError, InputError
from core.ingest import Photo
from core.settings_base import Settings
from core.store import digest
from core.training.leakage import near_duplicates
from core.training.record import Record

__all__ = ["PARTS", "Part", "Split", "SplitSettings", "parse_shares", "split_records"]

Part = Literal["train", "validation", "test"]
By = Literal["event", "photo"]
PARTS: tuple[Part, Part, Part] = ("train", "validation", "test")

_TRIES = 64
"""Orders that are tried where groups are few and large; the one that comes closest to the shares is taken."""
_MOST_STEPS = 20_000
_FAR = 0.05  # of all records: a part that misses its share by more is pointed out


class SplitSettings(Settings):
    """How records are split."""

    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Of training, validation and test, adding up to 1; 0 makes no such part."""
    by: By = "event"
    """What is kept together: events, or single photos. Look-alikes and records of one photo always are."""
    seed: int = 0
    """Another seed, another split."""

    @property
    def parts(self) -> dict[Part, float]:
        """The parts that have a share."""
        return {part: share for part, share in zip(PARTS, self.shares, strict=True) if share > 0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """The parts."""

    parts: Mapping[Part, tuple[Record, ...]]
    """In the order of the file; only parts with a share."""
    groups: Mapping[Part, int]
    """Events, or sets of look-alike photos, in each part."""
    notes: tuple[str, ...]
    """What the user should know."""

    @property
    def reached(self) -> dict[Part, float]:
        """The share of records that each part got."""
        total = sum(map(len, self.parts.values()))
        return {part: len(records) / total for part, records in self.parts.items()}


def parse_shares(text: str) -> tuple[float, float, float]:
    """`80/10/10`, `90/10` (no test part) or `0.95` (a training share alone) as three shares that add up to 1.

    Raises:
        ConfigError: it is none of these.
    """
    numbers = re.split(r"\s*[/:,]\s*", text.strip())
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = []
    total = sum(values)
    if len(values) == 1 and 0 < values[0] < 1:
        values, total = [values[0], 1 - values[0]], 1.0
    if len(values) not in (2, 3) or min(values) < 0 or not (abs(total - 100) < 1e-6 or abs(total - 1) < 1e-6):
        raise ConfigError(f"expected shares that add up to 100, as 80/10/10, 70/15/15 or 90/10, got {text!r}")
    if values[0] == 0 or values[1] == 0:
        raise ConfigError(f"training and validation each need a share above 0, got {text!r}")
    train, validation, test = (value / total for value in [*values, 0.0][:3])
    return train, validation, test


def split_records(
    records: Sequence[Record], settings: SplitSettings, *, photos: Mapping[str, Photo], max_distance: int
) -> Split:
    """Split records; the order of the file does not matter.

    Args:
        photos: measures by image path; look-alikes are found among these only.
        max_distance: Hamming distance of 64-bit perceptual hashes up to which photos look alike.

    Raises:
        InputError: there are fewer groups than parts.
    """
    wanted = list(settings.parts.items())
    groups = _groups(records, settings.by, photos, max_distance)
    if len(groups) < len(wanted):
        raise InputError(_too_few(records, groups, wanted, settings.by))
    place = _best_places(groups, [share for _, share in wanted], settings.seed)
    part_of = {i: place[number] for number, group in enumerate(groups.values()) for i in group}
    parts = {
        part: tuple(record for i, record in enumerate(records) if part_of[i] == number)
        for number, (part, _) in enumerate(wanted)
    }
    counts = {part: place.count(number) for number, (part, _) in enumerate(wanted)}
    return Split(parts=parts, groups=counts, notes=tuple(_notes(records, parts, dict(wanted), groups, settings.by)))


def _groups(records: Sequence[Record], by: By, photos: Mapping[str, Photo], max_distance: int) -> dict[str, list[int]]:
    """Indices of records that stay together, by a name that does not depend on their order."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(a: str, b: str) -> None:
        first, second = sorted((root(a), root(b)))
        parent[second] = first

    for record in records:
        join(f"image {record.image}", f"event {record.event_key}" if by == "event" else f"image {record.image}")
    for a, b in near_duplicates(list(dict.fromkeys(record.image for record in records)), photos, max_distance):
        join(f"image {a}", f"image {b}")
    groups: dict[str, list[int]] = {}
    for i, record in enumerate(records):
        groups.setdefault(root(f"image {record.image}"), []).append(i)
    return groups


def _best_places(groups: Mapping[str, list[int]], shares: Sequence[float], seed: int) -> list[int]:
    """For each group the number of its part."""
    sizes = np.array([len(group) for group in groups.values()])
    names = list(groups)
    tries = max(1, min(_TRIES, _MOST_STEPS // len(groups)))
    best: tuple[float, list[int]] | None = None
    for attempt in range(tries):
        order = sorted(range(len(names)), key=lambda g: digest(seed, attempt, names[g]))
        place = _places(order, sizes.tolist(), shares)
        reached = np.bincount(place, weights=sizes, minlength=len(shares)) / sizes.sum()
        missed = float(np.abs(reached - shares).sum())
        if best is None or missed < best[0] - 1e-9:
            best = missed, place
    assert best is not None
    return best[1]


def _places(order: Sequence[int], sizes: Sequence[int], shares: Sequence[float]) -> list[int]:
    """Each group to the part that lacks most, but none to a full one while another is empty."""
    total, got, place = sum(sizes), [0] * len(shares), [0] * len(sizes)
    for position, group in enumerate(order):
        empty = [part for part in range(len(shares)) if not got[part]]
        choice = empty if len(order) - position <= len(empty) else range(len(shares))
        part = max(choice, key=lambda p: (shares[p] * total - got[p], -p))
        place[group] = part
        got[part] += sizes[group]
    return place


def _too_few(
    records: Sequence[Record], groups: Mapping[str, list[int]], wanted: Sequence[tuple[Part, float]], by: By
) -> str:
    parts = ", ".join(part for part, _ in wanted)
    if by == "photo":
        return f"{len(records)} records are {len(groups)} sets of look-alike photos: too few for the parts {parts}"
    events = len({record.event_key for record in records})
    named = f"name {events} event{'s' if events > 1 else ''}" if any(r.event_key for r in records) else "name no event"
    joined = "" if events == len(groups) else f", which look-alike photos join into {len(groups)}"
    fewer = ", ask for two parts (90/10)" if len(groups) == 2 else ""
    return (
        f"{len(records)} records {named}{joined}: too few for the parts {parts}, since no event may be in two. "
        f"Name events in the records{fewer}, or split single photos (--by photo)"
    )


def _notes(
    records: Sequence[Record],
    parts: Mapping[Part, Sequence[Record]],
    wanted: Mapping[Part, float],
    groups: Mapping[str, Sequence[int]],
    by: By,
) -> list[str]:
    notes = []
    nameless = sum(not record.event_key for record in records)
    if by == "event" and nameless:
        notes.append(f"{nameless} records name no event; they are kept together as if they were of one.")
    events = {record.event_key for record in records}
    if by == "event" and len(groups) < len(events):
        notes.append(f"Look-alike photos join {len(events)} events into {len(groups)} groups.")
    for part, records_there in parts.items():
        reached = len(records_there) / len(records)
        if abs(reached - wanted[part]) > _FAR:
            largest = max(map(len, groups.values()))
            notes.append(
                f"{part} got {reached:.0%} of the records instead of {wanted[part]:.0%}: {len(groups)} groups, "
                f"the largest of {largest} records, cannot be cut finer."
            )
    return notes
