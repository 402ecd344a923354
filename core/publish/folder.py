"""Write an event's result into a folder: one folder a post, `posts.json`, `posts.csv`, a ZIP and the publish plan."""

import csv
import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.drafts.exported import edited_result
from core.drafts.saved import discard_draft, locked
from core.drafts.state import Draft
from core.errors import OutputError
from core.posts import Post, publishable_text
from core.publish.earlier import MANIFEST, check_replaceable, manifest, remove_earlier
from core.publish.images import post_pictures
from core.publish.lost import without_lost_photos
from core.record import CaptionRecord, EventRecord, PostRecord, StageRecord, make_record
from core.result import EventResult
from core.store import Store, write_atomic
from core.tables import csv_cell

__all__ = ["Written", "write_draft", "write_result"]

_PLAN = "publish_plan.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What was written."""

    folder: Path
    record: EventRecord
    zip_path: Path | None


def write_result(
    result: EventResult,
    out: Path,
    store: Store,
    *,
    inputs: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Written:
    """Write the result of a run.

    Everything is written beside first; an earlier result of Montage in the folder is replaced only when the new one
    is whole. Anything else in the folder is left alone. A photo that has become unreadable since it was ingested is
    left out of its post, with the reason.

    Args:
        out: the folder.
        inputs: where the photos came from; refused where they lie in an earlier result that would be replaced.
        overwrite: replace files of an earlier result that were changed by hand, too.

    Raises:
        OutputError: the folder cannot be written, or holds somebody's work.
    """
    check_replaceable(out, inputs=inputs, overwrite=overwrite)
    written = _write(result, out, store, progress)
    if overwrite and out.is_dir():
        discard_draft(out)
    return written


def write_draft(
    draft: Draft,
    out: Path,
    store: Store,
    *,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Written:
    """Write an event exactly as its draft shows it; `posts.json` says in its stage `editor` what was edited by hand.

    Args:
        out: the folder, which may be the draft's own.
        overwrite: replace files of an earlier result that were changed by hand, too.

    Raises:
        OutputError: the draft has no post, the folder cannot be written, or holds somebody's work.
    """
    if not draft.state.posts:
        raise OutputError("the draft has no post left, so there is nothing to export; restore a photo or undo")
    check_replaceable(out, overwrite=overwrite, draft=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with locked(out):  # a button pressed twice
            return _write(edited_result(draft), out, store, progress)
    except OSError as error:
        raise OutputError(f"cannot write the result to {out}: {error.strerror or error}") from None


def _write(result: EventResult, out: Path, store: Store, progress: Callable[[str, int, int], None]) -> Written:
    result = without_lost_photos(result, store)
    start = time.perf_counter()
    record = make_record(result)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".montage-") as beside:
            record = _write_beside(result, record, Path(beside), store, start, progress)
            write_atomic(Path(beside) / MANIFEST, manifest(Path(beside)))
            remove_earlier(out)
            for path in sorted(Path(beside).iterdir(), key=lambda path: path.name == "posts.json"):
                path.replace(out / path.name)  # posts.json last: it says that all is there
    except OSError as error:
        raise OutputError(f"cannot write the result to {out}: {error.strerror or error}") from None
    progress("output", len(result.posts), len(result.posts))
    return Written(folder=out, record=record, zip_path=out / "posts.zip" if result.config.export.zip else None)


def _write_beside(
    result: EventResult,
    record: EventRecord,
    beside: Path,
    store: Store,
    start: float,
    progress: Callable[[str, int, int], None],
) -> EventRecord:
    names: list[str] = []
    for number, (post, entry) in enumerate(zip(result.posts, record.posts, strict=True)):
        progress("output", number, len(result.posts))
        for name, data in _post_files(result, post, entry, store).items():
            write_atomic(beside / entry.folder / name, data)
            names.append(f"{entry.folder}/{name}")
    write_atomic(beside / "posts.csv", _csv(record))
    if result.config.export.zip:
        _write_zip(beside / "posts.zip", beside, [*names, "posts.csv"])
    if "publisher" in result.config.pipeline and result.config.publisher.dry_run:
        plan = _plan(record)
        write_atomic(beside / _PLAN, _json(plan))
        report = StageRecord(
            stage="publisher",
            seconds=round(time.perf_counter() - start, 3),
            counts={"posts": len(plan["posts"]), "images": sum(len(post["images"]) for post in plan["posts"])},
            measures={"dry_run": True, "published": 0},
        )
        record = record.model_copy(update={"stages": (*record.stages, report)})
    write_atomic(beside / "posts.json", _json(record.model_dump(mode="json")))
    return record


def _post_files(result: EventResult, post: Post, entry: PostRecord, store: Store) -> dict[str, bytes]:
    images, grid = post_pictures([result.photos[i] for i in post.photos], result.config, store)
    files = dict(zip(entry.images, images, strict=True)) | {"montage.jpg": grid}
    if post.published is not None:
        files["caption.txt"] = (publishable_text(post.published.text, post.published.hashtags) + "\n").encode()
        alt_lines = (f"{name}: {text}" for name, text in zip(entry.images, entry.alt_texts, strict=True))
        files["alt.txt"] = ("\n".join(alt_lines) + "\n").encode()
    files["post.json"] = _json(entry.model_dump(mode="json"))
    return files


def _plan(record: EventRecord) -> dict[str, Any]:
    """What would be posted, in the order of posting."""
    return {
        "dry_run": True,
        "platform": "instagram",
        "posts": [
            {
                "kind": "carousel" if len(post.images) > 1 else "image",
                "images": [f"{post.folder}/{name}" for name in post.images],
                "alt_texts": post.alt_texts,
                "caption": publishable_text(post.captions[post.published].text, post.hashtags)
                if post.published is not None
                else "",
            }
            for post in record.posts
        ],
    }


def _csv(record: EventRecord) -> bytes:
    buffer = io.StringIO()
    table = csv.writer(buffer)
    names = ["post", "photos", "labels", "captioner", "published", "caption", "clip_cosine", "clipscore", "hashtags"]
    table.writerow([*names, "source", "reason"])
    for post in record.posts:
        uncaptioned = {"": CaptionRecord(text="", clip_cosine=None, clipscore=None)}
        for captioner, caption in (post.captions or uncaptioned).items():
            scores = ["" if x is None else str(x) for x in (caption.clip_cosine, caption.clipscore)]
            published = "yes" if captioner == post.published else "no" if captioner else ""
            cells = ["; ".join(post.photos), "; ".join(post.labels), captioner, published, caption.text]
            rest = [" ".join(caption.hashtags), caption.source or "", caption.reason or ""]
            table.writerow([post.post, *map(csv_cell, cells), *scores, *map(csv_cell, rest)])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()  # the mark lets Excel read it as UTF-8


def _write_zip(path: Path, folder: Path, names: list[str]) -> None:
    """Fixed times and order, so that the same posts make the same bytes; one file in memory at a time."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(names):
                info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                info.external_attr = 0o644 << 16
                archive.writestr(info, (folder / name).read_bytes())
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
