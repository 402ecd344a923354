"""An earlier result in the output folder: what of it is Montage's own, and may be replaced.

Montage notes what it wrote in `.montage.json`. Whatever else lies where a new result would go, or was changed since,
is somebody's work: it is never replaced unless that was asked for.
"""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.drafts.saved import DRAFT_FILE, saved_edits
from core.errors import OutputError
from core.sources import RESULT_MARK
from core.store import digest

__all__ = ["MANIFEST", "check_replaceable", "manifest", "remove_earlier"]

MANIFEST = RESULT_MARK
_FILES = ("posts.json", "posts.csv", "posts.zip", "publish_plan.json")
_TIMED = "posts.json"
"""Holds seconds: its checksum would differ from run to run, so only its presence is noted."""


def check_replaceable(out: Path, *, inputs: Sequence[Path] = (), overwrite: bool = False, draft: bool = False) -> None:
    """Make sure that writing a result to a folder loses nobody's work.

    Args:
        out: the output folder.
        inputs: where the photos come from; refused where they lie in what would be replaced.
        overwrite: replace files that were changed or added by hand, too.
        draft: it is the folder's draft that is written, so its edits are not lost.

    Raises:
        OutputError: names the files that would be lost.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder to write the posts to")
    for place in _places(out):
        for path in inputs:
            if place.resolve() in (path.resolve(), *path.resolve().parents):
                raise OutputError(f"{path} lies in an earlier result that would be replaced; name another --out")
    if overwrite:
        return
    if not draft and saved_edits(out) is not None:
        raise OutputError(
            f"{out} holds an event that is being edited ({DRAFT_FILE}), and a new result would leave its edits behind. "
            "Name another --out, or add --overwrite to drop them"
        )
    changed = list(_changed_by_hand(out))
    if changed:
        shown = ", ".join(str(path) for path in changed[:3]) + (" …" if len(changed) > 3 else "")
        raise OutputError(
            f"{out} holds files that were changed or added since Montage wrote there, or that it did not write: "
            f"{shown}. Name another --out, move them away, or add --overwrite to replace them"
        )


def manifest(folder: Path) -> bytes:
    """The note of everything that was written to a folder, for `check_replaceable`."""
    checksums = {
        path.relative_to(folder).as_posix(): None if path.name == _TIMED else digest(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return (json.dumps({"written_by": "montage", "files": checksums}, indent=1) + "\n").encode()


def remove_earlier(out: Path) -> None:
    """Remove an earlier result; `check_replaceable` has been asked before."""
    (out / MANIFEST).unlink(missing_ok=True)
    for place in _places(out):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def _places(out: Path) -> list[Path]:
    """What exists of the files and folders that a result consists of."""
    posts = [path for path in out.glob("post-*") if re.fullmatch(r"post-\d{2,}", path.name)]
    return sorted(posts) + [out / name for name in _FILES if (out / name).exists()]


def _changed_by_hand(out: Path) -> Iterator[Path]:
    known: dict[str, str | None] = {}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads((out / MANIFEST).read_bytes())["files"]  # without it nothing there is known to be ours
    for place in _places(out):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            name = path.relative_to(out).as_posix()
            if path.is_dir():
                continue
            if name not in known or (known[name] is not None and known[name] != digest(path.read_bytes())):
                yield path
