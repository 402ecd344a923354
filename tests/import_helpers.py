"""What the tests of imports share: photos, and what lies in an import."""

import json
from pathlib import Path
from typing import Any

from core.config import load_config
from core.training.imported import Imported
from core.training.imports import import_data
from core.training.records import read_records
from tests.fakes import encoded, picture

INGEST = load_config().settings.ingest
PHOTOS = [encoded(picture(seed, (80, 60))) for seed in range(4)]


def run(source: Path, out: Path, **options: Any) -> Imported:
    return import_data(source, out, ingest_settings=INGEST, **options)


def imported(out: Path) -> list[tuple[str, tuple[str, ...], str]]:
    """What lies in an import: caption, references and event of each record, whose photos all decode."""
    read = read_records(out / "records.jsonl", out)
    assert not read.problems
    return [(record.caption, record.references, record.event) for record in read.records]


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


def write_source(folder: Path) -> Path:
    """Photos in `images/` of a new folder, and one beside the folder, which no import may reach."""
    (folder / "images").mkdir(parents=True)
    for number, data in enumerate(PHOTOS):
        (folder / "images" / f"Photo {number}.jpg").write_bytes(data)
    (folder.parent / "secret.jpg").write_bytes(PHOTOS[0])
    return folder
