"""Captions for any photos, one line each (`montage describe`), resumable.

Lines are appended as they are done, so a run that was killed goes on where it stopped; at the end the file is put
into the order of the input.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InputError, OutputError, PhotoError
from core.photos import decode_photo
from core.settings import PipelineConfig
from core.sources import SourceFile
from core.store import Store, digest, write_atomic
from core.tables import csv_cell
from core.vlm.model import VisionLanguageModel
from core.vlm.writing import Shot, Written, write_captions

__all__ = ["Described", "DescribedPhoto", "describe_photos"]

Format = Literal["jsonl", "csv"]


class DescribedPhoto(BaseModel):
    """One line of the output."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    image: str
    """Path within the input."""
    caption: str | None
    """The likeliest caption, as the model wrote it; null where there is an error."""
    variants: tuple[str, ...] = ()
    """All captions, the likeliest first, where several were asked for."""
    error: str | None = None
    """Why there is no caption."""
    model: str
    """Checkpoint and adapter."""
    prompt: str
    size_bytes: int
    """Of the photo's file."""
    signature: str
    """Checksum of model, prompt and decoding: equal lines were written in the same way."""


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
        InputError: no files, or none of them became a caption although none had failed before.
        OutputError: the file cannot be written, or holds something else.
    """
    if not files:
        raise InputError("no files to describe: the input is empty")
    signature = _signature(model, prompt, config)
    journal = out if format == "jsonl" else out.with_name(out.name + ".part.jsonl")
    earlier = _earlier(out, journal, signature, format, overwrite)
    lines = {file.name: line for file in files if (line := earlier.get(file.name)) and _is_done(line, file)}
    todo = [file for file in files if file.name not in lines]
    progress(len(lines), len(files))
    already, written = len(lines), 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("a", encoding="utf-8") as appended:
            for number, result in _captions(todo, model, prompt, config, store):
                line = _line(todo[number], result, model, prompt, signature)
                lines[line.image] = line
                appended.write(_json(line))
                appended.flush()
                written += line.error is None
                progress(len(lines), len(files))
        ordered = [lines[file.name] for file in files]
        write_atomic(out, _csv(ordered) if format == "csv" else "".join(map(_json, ordered)).encode())
        if journal != out:
            journal.unlink()
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}") from None
    failed = tuple(line for line in ordered if line.error is not None)
    return Described(photos=len(files), written=written, already=already, failed=failed)


def _captions(
    files: Sequence[SourceFile], model: VisionLanguageModel, prompt: str, config: PipelineConfig, store: Store
) -> Iterator[tuple[int, Written]]:
    settings = config.captioner
    shots = []
    for file in files:
        photo = _Photo(file, config, model)
        shots.append(Shot(content=photo.content, open=photo.open, prompt=prompt))
    return write_captions(
        model,
        shots,
        settings.decoding,
        store=store,
        variants=settings.variants,
        seed=config.seed,
        threads=config.ingest.threads,
    )


class _Photo:
    """A file that is read once, for its checksum and then for its pixels."""

    def __init__(self, file: SourceFile, config: PipelineConfig, model: VisionLanguageModel) -> None:
        self._file, self._config, self._model = file, config, model
        self._data: bytes | None = None

    def content(self) -> str:
        if self._file.size_bytes > self._config.ingest.max_file_bytes:
            raise PhotoError("too_many_bytes", f"has {self._file.size_bytes} bytes, more than ingest.max_file_bytes")
        self._data = self._file.read()
        return digest("file", self._data, self._config.captioner.photo_scale)

    def open(self) -> Image.Image:
        data, self._data = self._data or self._file.read(), None
        size_px = None if self._config.captioner.photo_scale == "full" else self._model.reduced_size_px
        max_pixels = self._config.ingest.max_pixels
        return decode_photo(data, self._file.name, max_pixels=max_pixels, size_px=size_px).image


def _signature(model: VisionLanguageModel, prompt: str, config: PipelineConfig) -> str:
    settings = config.captioner
    how = settings.decoding.model_dump()
    return digest(model.key, prompt, how, settings.variants, settings.photo_scale, config.seed)[:12]


def _earlier(out: Path, journal: Path, signature: str, format: Format, overwrite: bool) -> dict[str, DescribedPhoto]:
    """Lines of an earlier run; a last line that was cut off is removed from the file."""
    if out.is_dir():
        raise OutputError(f"--out {out} is a folder; name a file, e.g. {out / 'captions.jsonl'}")
    lines: dict[str, DescribedPhoto] = {}
    if journal.is_file():
        lines = _read_journal(journal)
    elif out.is_file() and not overwrite:
        raise OutputError(f"{out} exists already; name another file, or --overwrite it")
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
    if len(whole) < len(data):
        os.truncate(journal, len(whole))
    return lines


def _is_done(line: DescribedPhoto, file: SourceFile) -> bool:
    """Failed photos are tried again, and so is a file that has changed."""
    return line.error is None and line.size_bytes == file.size_bytes


def _line(file: SourceFile, result: Written, model: VisionLanguageModel, prompt: str, signature: str) -> DescribedPhoto:
    several = len(result.captions) > 1
    return DescribedPhoto(
        image=file.name,
        caption=result.captions[0] if result.captions else None,
        variants=result.captions if several else (),
        error=None if result.error is None else str(result.error),
        model=model.name,
        prompt=prompt,
        size_bytes=file.size_bytes,
        signature=signature,
    )


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
