"""What is known of each photo of a rendered event, and how it is written."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

__all__ = ["TruthRow", "write_records", "write_truth"]

RECORD_EVENTS = ("Freshers Night", "Open Mic", "Sports Meet", "Annual Exhibition", "Photo Walk", "Campus Day")
FIRST_YEAR = 2019
PHOTOS_PER_EVENT = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class TruthRow:
    """What is known of one photo; `duplicate_of` is a file name or empty, so are `burst` and `fault`.

    `caption` is the plain sentence that says what can be seen, `club_caption` what a club's archive says of it.
    """

    file: str
    topic: str
    labels: tuple[str, ...]
    duplicate_of: str
    edit: str
    caption: str
    burst: str
    fault: str
    club_caption: str


def write_truth(path: Path, rows: Sequence[TruthRow]) -> None:
    """Writes the truth as CSV, labels joined by semicolons."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(TruthRow)])
        writer.writeheader()
        writer.writerows(asdict(row) | {"labels": ";".join(row.labels)} for row in rows)


def write_records(path: Path, rows: Sequence[TruthRow], *, event: str | None = None) -> int:
    """Writes training records, a JSON object a line, of the photos that a club would have posted; says how many.

    Copies, faulty shots and later frames of a burst are left out. Without a name for the event the photos are spread
    over invented events of about 40, so that a split by event has something to split.
    """
    bursts: set[str] = set()
    posted: list[TruthRow] = []
    for row in rows:
        if not (row.duplicate_of or row.fault or row.burst in bursts):
            posted.append(row)
        if row.burst:
            bursts.add(row.burst)
    events = [event] if event else _invented(round(len(posted) / PHOTOS_PER_EVENT) or 1)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for index, row in enumerate(posted):
            record = {
                "image": row.file,
                "event": events[index % len(events)],
                "labels": row.labels,
                "caption": row.club_caption,
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return len(posted)


def _invented(count: int) -> list[str]:
    kinds = len(RECORD_EVENTS)
    return [f"{RECORD_EVENTS[index % kinds]} {FIRST_YEAR + index // kinds}" for index in range(count)]
