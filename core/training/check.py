"""A records file with its photos: lines read, photos decoded and measured once (the store keeps the measures)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.config import load_config
from core.errors import InputError, PhotoError
from core.ingest import Photo, ingest
from core.settings import IngestSettings
from core.sources import SourceFile
from core.store import Store, digest
from core.training.leakage import Leak, find_leaks
from core.training.problems import Problem, bad_lines
from core.training.record import Record, RecordLimits
from core.training.records import DEFAULT_LIMITS, read_records

__all__ = ["CheckedFile", "TrainingData", "check_file", "compare_files", "load_split", "require_records"]

Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedFile:
    """The usable records of a file."""

    path: Path
    records: tuple[Record, ...]
    """Whose photos decode, in the order of the file."""
    photos: dict[str, Photo]
    """What was measured on each photo, by its path; empty where photos were not looked at."""
    problems: tuple[Problem, ...]
    lines: int
    """Lines that are not blank."""

    @property
    def bad_lines(self) -> list[int]:
        """Lines that are no usable record."""
        return bad_lines(self.problems)

    @property
    def checksum(self) -> str:
        """Checksum of the records and, where they were looked at, of their photos' files."""
        photos = {name: photo.fingerprint for name, photo in sorted(self.photos.items())}
        return digest("records", [record.to_json() for record in self.records], photos)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """What a trainer trains and validates on."""

    train: CheckedFile
    validation: CheckedFile
    leaks: tuple[Leak, ...]
    """What is in both."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of both files."""
        return self.train.problems + self.validation.problems

    @property
    def checksum(self) -> str:
        """Checksum of both files and their photos."""
        return digest("data", self.train.checksum, self.validation.checksum)


def check_file(
    path: Path,
    image_root: Path,
    *,
    limits: RecordLimits = DEFAULT_LIMITS,
    ingest_settings: IngestSettings | None = None,
    store: Store | None = None,
    look: bool = True,
    progress: Progress = _silent,
) -> CheckedFile:
    """Read a records file and decode its photos.

    Args:
        ingest_settings: limits and scale of decoding; None takes the defaults.
        store: keeps what was measured, shared with `montage caption`; None measures anew.
        look: whether to open the photos at all; without, only their presence is checked.
        progress: called with (photos done, photos in all).

    Raises:
        InputError: the file or the image root cannot be used at all.
    """
    read = read_records(path, image_root, limits)
    if not look:
        return CheckedFile(path=path, records=read.records, photos={}, problems=read.problems, lines=read.lines)
    settings = ingest_settings or load_config().settings.ingest
    files = [_source(name, image_root) for name in dict.fromkeys(record.image for record in read.records)]
    measured = ingest(files, settings, store or Store(None), None, batch_size=1, progress=progress)
    aside = {photo.name: photo for photo in measured.set_aside}
    unreadable = tuple(
        Problem(
            file=str(path),
            line=record.line,
            field="image",
            reason=aside[record.image].reason,
            message=f"{record.image!r} {aside[record.image].message}",
        )
        for record in read.records
        if record.image in aside
    )
    return CheckedFile(
        path=path,
        records=tuple(record for record in read.records if record.image not in aside),
        photos={photo.name: photo for photo in measured.photos},
        problems=tuple(sorted(read.problems + unreadable, key=lambda p: p.line or 0)),
        lines=read.lines,
    )


def load_split(
    train_jsonl: Path,
    val_jsonl: Path,
    image_root: Path,
    *,
    limits: RecordLimits = DEFAULT_LIMITS,
    ingest_settings: IngestSettings | None = None,
    store: Store | None = None,
    look: bool = True,
    max_distance: int | None = None,
    progress: Progress = _silent,
) -> TrainingData:
    """Both files of a training, ready for a trainer, with their problems and what leaks from one into the other.

    Args:
        look: whether to open the photos; without, copies and near-duplicates under other names are not found.
        max_distance: Hamming distance of 64-bit perceptual hashes up to which photos count as near-duplicates; None
            takes the default of `dedupe.near_dup_threshold`.

    Raises:
        InputError: a file cannot be used at all, or holds no usable record.
    """
    train, validation = (
        check_file(
            path, image_root, limits=limits, ingest_settings=ingest_settings, store=store, look=look, progress=progress
        )
        for path in (train_jsonl, val_jsonl)
    )
    for checked in (train, validation):
        require_records(checked.path, checked.records, checked.problems)
    return compare_files(train, validation, max_distance=max_distance)


def compare_files(train: CheckedFile, validation: CheckedFile, *, max_distance: int | None = None) -> TrainingData:
    """Two checked files of one image root, and what leaks; `max_distance` as in `load_split`."""
    distance = load_config().settings.dedupe.near_dup_threshold if max_distance is None else max_distance
    photos = train.photos | validation.photos
    leaks = find_leaks(train.records, validation.records, photos, max_distance=distance)
    return TrainingData(train=train, validation=validation, leaks=tuple(leaks))


def require_records(path: Path, records: Iterable[Record], problems: Iterable[Problem]) -> None:
    """Refuse a file without a usable record.

    Raises:
        InputError: with the first problem of the file.
    """
    if any(True for _ in records):
        return
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        raise InputError(f'{path} holds no records; expected lines of {{"image": …, "caption": …}}')
    raise InputError(f"{path}: none of {len(bad_lines(errors))} lines is a usable record; the first: {errors[0]}")


def _source(name: str, image_root: Path) -> SourceFile:
    path = image_root / name

    def read() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise PhotoError("unreadable", f"cannot be opened: {error.strerror or error}") from None

    try:
        size = path.stat().st_size
    except OSError:  # gone since its record was read; `read` says so
        size = 0
    return SourceFile(name=name, size_bytes=size, packed_bytes=size, read=read)
