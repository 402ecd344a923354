"""What the tests of training records share: files of records."""

import json
from pathlib import Path
from typing import Any

from tests.fakes import encoded, picture

GOOD = {"image": "a.jpg", "event": "Freshers", "labels": ["stage"], "caption": "A night to remember."}


def lines_file(root: Path, *lines: Any, name: str = "records.jsonl") -> Path:
    path = root.parent / name
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), encoding="utf-8")
    return path


def write_root(folder: Path) -> Path:
    """Three photos, a link to one of them, and a link to a photo outside."""
    (folder / "eventX").mkdir(parents=True)
    for seed, name in enumerate(("a.jpg", "b.jpg", "eventX/IMG_0012.jpg")):
        (folder / name).write_bytes(encoded(picture(seed)))
    (folder.parent / "outside.jpg").write_bytes(encoded(picture(9)))
    (folder / "way-out.jpg").symlink_to(folder.parent / "outside.jpg")
    (folder / "way-in.jpg").symlink_to(folder / "b.jpg")
    return folder
