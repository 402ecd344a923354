"""Write an event's result into a folder: one folder a post, `posts.json`, `posts.csv`, a ZIP and the publish plan."""

import csv
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import OutputError
from core.pipeline import EventResult
from core.posts import Post
from core.publish.images import export_jpeg, montage_jpeg
from core.record import EventRecord, PostRecord, make_record
from core.store import Store, write_atomic

__all__ = ["Written", "csv_cell", "write_result"]

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
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Written:
    """Write the result of a run.

    Args:
        out: the folder; an earlier result of Montage in it is replaced, anything else in it is left alone.

    Raises:
        OutputError: the folder cannot be written.
    """
    record = make_record(result)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _remove_earlier(out)
        names: list[str] = []
        for number, (post, entry) in enumerate(zip(result.posts, record.posts, strict=True), start=1):
            progress("output", number - 1, len(result.posts))
            in_post = _post_files(result, post, entry, store)
            for name, data in in_post.items():
                write_atomic(out / entry.folder / name, data)
                names.append(f"{entry.folder}/{name}")
        if "publisher" in result.config.pipeline and result.config.publisher.dry_run:
            write_atomic(out / _PLAN, _json(_plan(record)))
        write_atomic(out / "posts.csv", _csv(record))
        zip_path = out / "posts.zip" if result.config.export.zip else None
        if zip_path is not None:
            _write_zip(zip_path, out, [*names, "posts.csv"])
        write_atomic(out / "posts.json", _json(record.model_dump(mode="json")))  # last: it says that all is there
        progress("output", len(result.posts), len(result.posts))
    except OSError as error:
        raise OutputError(f"cannot write the result to {out}: {error}") from None
    return Written(folder=out, record=record, zip_path=zip_path)


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet runs as a formula (OWASP, CSV injection)."""
    return "'" + text if text.lstrip(" ")[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} else text


def _remove_earlier(out: Path) -> None:
    """Only what an earlier run wrote: post folders that hold a `post.json`, and our own files."""
    for name in ("posts.json", "posts.csv", "posts.zip", _PLAN):
        (out / name).unlink(missing_ok=True)
    for folder in out.glob("post-[0-9]*"):
        if folder.is_dir() and not folder.is_symlink() and (folder / "post.json").is_file():
            shutil.rmtree(folder)


def _post_files(result: EventResult, post: Post, entry: PostRecord, store: Store) -> dict[str, bytes]:
    config = result.config

    def export(i: int) -> bytes:
        return export_jpeg(result.photos[i], config.export, store, max_pixels=config.ingest.max_pixels)

    with ThreadPoolExecutor(config.ingest.threads or os.cpu_count() or 1) as pool:
        images = list(pool.map(export, post.photos))
    files = dict(zip(entry.images, images, strict=True))
    files["montage.jpg"] = montage_jpeg(images, config.captioner, config.export, store)
    if post.captions:
        files["caption.txt"] = (post.publishable_text(config.captioner.mode) + "\n").encode()
        alt_lines = (f"{name}: {text}" for name, text in zip(entry.images, entry.alt_texts, strict=True))
        files["alt.txt"] = ("\n".join(alt_lines) + "\n").encode()
    files["post.json"] = _json(entry.model_dump(mode="json"))
    return files


def _plan(record: EventRecord) -> dict[str, Any]:
    """What would be posted, in the order of posting."""
    captioner = record.config["captioner"]["mode"]
    return {
        "dry_run": True,
        "platform": "instagram",
        "posts": [
            {
                "kind": "carousel" if len(post.images) > 1 else "image",
                "images": [f"{post.folder}/{name}" for name in post.images],
                "alt_texts": post.alt_texts,
                "caption": "\n\n".join(
                    part for part in (post.captions[captioner].text, " ".join(post.hashtags)) if part
                )
                if post.captions
                else "",
            }
            for post in record.posts
        ],
    }


def _csv(record: EventRecord) -> bytes:
    buffer = io.StringIO()
    table = csv.writer(buffer)
    table.writerow(["post", "photos", "labels", "captioner", "caption", "clip_cosine", "clipscore", "hashtags"])
    for post in record.posts:
        for captioner, caption in post.captions.items():
            scores = ["" if x is None else str(x) for x in (caption.clip_cosine, caption.clipscore)]
            cells = ["; ".join(post.photos), "; ".join(post.labels), captioner, caption.text]
            table.writerow([post.post, *map(csv_cell, cells), *scores, csv_cell(" ".join(post.hashtags))])
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
