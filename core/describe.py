"""Captions for any photos, one line each (`montage describe`), resumable.

Lines are appended as they are done, so a run that was killed goes on where it stopped; at the end the file is put
into the order of the input.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import ValidationError

from core.described import DescribedPhoto, describe_files, description_signature, read_file
from core.errors import InputError, OutputError, PhotoError
from core.settings import PipelineConfig
from core.sources import SourceFile
from core.store import Store, digest, write_atomic
from core.tables import csv_cell
from core.threads import map_in_order
from core.vlm.model import VisionLanguageModel

__all__ = ["Described", "DescribedPhoto", "describe_photos"]

Format = Literal["jsonl", "csv"]
_BEGINNING = b'{"image": '
"""Of every line; tells our own half-written one from somebody's file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """What a run did."""

    photos: int
    written: int
    """Captions written by this run."""
    already: int
    """Photos that an earlier run had done."""
    failed: tuple[DescribedPhoto, ...] = field(default=())


def describe_photos(
    files: Sequence[SourceFile],
    model: VisionLanguageModel,
    prompt: str,
    config: PipelineConfig,
    out: Path,
    *,
    store: Store,
    format: Format = "jsonl",
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Described:
    """Caption every photo into a file.

    Args:
        files: from `core.sources.open_sources`.
        prompt: filled in already; the same for all.
        out: the file; lines of an earlier run of the same model, prompt and decoding are kept.
        overwrite: begin anew where the earlier lines were written in another way.
        progress: called with (photos done, photos in all).

    Raises:
        InputError: no files.
        OutputError: the file cannot be written, or holds something else.
    """
    if not files:
        raise InputError("no files to describe: the input is empty")
    signature = description_signature(model, prompt, config)
    journal = out if format == "jsonl" else out.with_name(out.name + ".part.jsonl")
    earlier = _earlier(out, journal, signature, format, overwrite)
    lines = _still_true(files, earlier, config)
    todo = [file for file in files if file.name not in lines]
    progress(len(lines), len(files))
    already, written = len(lines), 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("a", encoding="utf-8") as appended:
            _alone(appended, journal)
            for _, line in describe_files(todo, model, prompt, config, store=store):
                lines[line.image] = line
                appended.write(_json(line))
                appended.flush()
                written += line.error is None
                progress(len(lines), len(files))
            ordered = [lines[file.name] for file in files]
            others = [line for name, line in earlier.items() if name not in lines]  # of photos in other inputs
            whole = [*ordered, *others]
            write_atomic(out, _csv(whole) if format == "csv" else "".join(map(_json, whole)).encode())
            if journal != out:
                journal.unlink()
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}") from None
    failed = tuple(line for line in ordered if line.error is not None)
    return Described(photos=len(files), written=written, already=already, failed=failed)


def _alone(appended: IO[str], journal: Path) -> None:
    """Keep a second run out of the file while this one writes."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(appended, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(f"another run is writing {journal} just now; wait for it, or name another file") from None


def _still_true(
    files: Sequence[SourceFile], earlier: dict[str, DescribedPhoto], config: PipelineConfig
) -> dict[str, DescribedPhoto]:
    """The earlier lines that serve: failed photos are tried again, and so is a file that has changed."""

    def unchanged(file: SourceFile) -> bool:
        try:
            return digest(read_file(file, config)) == earlier[file.name].fingerprint
        except (PhotoError, OSError):
            return False

    known = [file for file in files if file.name in earlier and earlier[file.name].error is None]
    serves = map_in_order(unchanged, known, config.ingest.threads or os.cpu_count() or 1, ahead=16)
    return {file.name: earlier[file.name] for file, good in zip(known, serves, strict=True) if good}


def _earlier(out: Path, journal: Path, signature: str, format: Format, overwrite: bool) -> dict[str, DescribedPhoto]:
    """Lines of an earlier run; a last line that was cut off is removed from the file."""
    if out.is_dir():
        raise OutputError(f"--out {out} is a folder; name a file, e.g. {out / 'captions.jsonl'}")
    lines: dict[str, DescribedPhoto] = {}
    if journal.is_file():
        lines = _read_journal(journal)
    elif out.is_file() and not overwrite:
        raise OutputError(
            f"{out} exists already; name another file, or --overwrite it (what is stored is not computed again)"
        )
    other = next((line for line in lines.values() if line.signature != signature), None)
    if other is None:
        return lines
    if not overwrite:
        raise OutputError(
            f"{journal} was written by {other.model} with another prompt, decoding or model ({other.signature}, now "
            f"{signature}); name another file, or --overwrite it"
        )
    journal.unlink()
    return {}


def _read_journal(journal: Path) -> dict[str, DescribedPhoto]:
    try:
        data = journal.read_bytes()
    except OSError as error:
        raise OutputError(f"cannot read {journal}: {error.strerror or error}") from None
    whole = data[: data.rfind(b"\n") + 1]
    lines: dict[str, DescribedPhoto] = {}
    for number, text in enumerate(whole.splitlines(), start=1):
        try:
            line = DescribedPhoto.model_validate_json(text)
        except (ValidationError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise OutputError(
                f"{journal}:{number} is not a line of `montage describe` ({reason}); name another file"
            ) from None
        lines[line.image] = line
    if not data[len(whole) :].startswith(_BEGINNING[: len(data) - len(whole)]):
        raise OutputError(f"{journal} was not written by `montage describe`; name another file")
    if len(whole) < len(data):
        os.truncate(journal, len(whole))
    return lines


def _json(line: DescribedPhoto) -> str:
    return json.dumps(line.model_dump(), ensure_ascii=False) + "\n"


def _csv(lines: Sequence[DescribedPhoto]) -> bytes:
    buffer = io.StringIO()
    table = csv.writer(buffer)
    table.writerow(["image", "caption", "error", "model", "prompt", "variants"])
    for line in lines:
        cells: list[Any] = [line.image, line.caption or "", line.error or "", line.model, line.prompt]
        table.writerow(map(csv_cell, [*cells, " | ".join(line.variants)]))
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()
