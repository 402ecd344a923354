"""Where photos come from: folders (nested), ZIP archives and single files, as one list of named byte sources.

Knows nothing of image formats; `core.photos` decodes the bytes.
"""

import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from core.errors import InputError, PhotoError
from core.settings import IngestSettings

__all__ = ["RESULT_MARK", "SourceFile", "open_sources"]

RESULT_MARK = ".montage.json"
"""Lies in every result that Montage has written; its posts are not read as photos again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file of the input, not read yet."""

    name: str
    """Path relative to the input, with forward slashes; unique within an event."""
    size_bytes: int
    """Unpacked size."""
    packed_bytes: int
    """Size on disk or in the archive."""
    read: Callable[[], bytes] = field(repr=False, compare=False)
    """Reads the whole file."""

    @property
    def is_hidden(self) -> bool:
        """Whether the file is an operating system's own, such as `.DS_Store` or `__MACOSX/…`."""
        parts = PurePosixPath(self.name).parts
        junk = {"__MACOSX", "Thumbs.db", "desktop.ini"}
        return any(part in junk or (part.startswith(".") and part.strip(".")) for part in parts)


def open_sources(paths: Sequence[Path], settings: IngestSettings, *, exclude: Path | None = None) -> list[SourceFile]:
    """List the files of folders, ZIPs and single files, in the order of their names.

    Args:
        paths: folders, `.zip` archives or files.
        exclude: a folder that is skipped (the output folder may lie within the photos).

    Raises:
        InputError: a path does not exist, an archive is damaged, or a limit of the settings is passed.
    """
    files: list[SourceFile] = []
    for path in paths:
        several = len(paths) > 1
        if path.is_dir():
            found = _folder_files(path, prefix=path.name if several else "", exclude=exclude)
        elif path.is_file() and zipfile.is_zipfile(path):
            found = _zip_files(path, settings, prefix=path.stem if several else "")
        elif path.suffix.lower() == ".zip" and path.is_file():
            raise InputError(f"{path} is not a readable ZIP; it may not have finished copying")
        elif path.is_file():
            found = iter([_file(path, path.name)])
        else:
            raise InputError(f"{path} does not exist; expected a folder of photos, a .zip, or image files")
        for file in found:
            files.append(file)
            if len(files) > settings.max_files:
                raise InputError(
                    f"{path} holds more than {settings.max_files} files; split the event or raise ingest.max_files"
                )
    return _with_unique_names(sorted(files, key=lambda file: file.name))


def _file(path: Path, name: str) -> SourceFile:
    name = os.fsencode(name).decode("utf-8", "replace")  # old sticks hold names in other encodings
    try:
        if not path.is_file():
            refusal = _refusal("not_an_image", "is not a regular file (a broken link or a device)")
            return SourceFile(name=name, size_bytes=0, packed_bytes=0, read=refusal)
        size = path.stat().st_size
    except OSError as error:
        refusal = _refusal("unreadable", f"cannot be opened: {error.strerror}")
        return SourceFile(name=name, size_bytes=0, packed_bytes=0, read=refusal)
    return SourceFile(name=name, size_bytes=size, packed_bytes=size, read=path.read_bytes)


def _refusal(reason: str, message: str) -> Callable[[], bytes]:
    """Stands in for reading a file that cannot be, so that it is set aside like any other."""

    def read() -> bytes:
        raise PhotoError(reason, message)

    return read


def _folder_files(folder: Path, *, prefix: str, exclude: Path | None) -> Iterator[SourceFile]:
    skipped = exclude.resolve() if exclude else None
    locked: list[OSError] = []
    for parent, subfolders, names in os.walk(folder, onerror=locked.append):
        here = Path(parent)
        subfolders[:] = sorted(name for name in subfolders if (here / name).resolve() != skipped)
        if RESULT_MARK in names:
            subfolders[:] = [name for name in subfolders if not re.fullmatch(r"post-\d+", name)]
            names = [name for name in names if here == folder and not name.startswith(("posts.", "publish_plan."))]
        for name in sorted(names):
            path = here / name
            yield _file(path, (PurePosixPath(prefix) / path.relative_to(folder).as_posix()).as_posix())
    for error in locked:
        path = Path(os.fsdecode(error.filename))
        name = (PurePosixPath(prefix) / path.relative_to(folder).as_posix()).as_posix()
        yield SourceFile(name=name, size_bytes=0, packed_bytes=0, read=_refusal("unreadable", "cannot be opened"))


def _zip_files(path: Path, settings: IngestSettings, *, prefix: str) -> Iterator[SourceFile]:
    try:
        archive = zipfile.ZipFile(path)
        members = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path} is not a readable ZIP: {error}") from None
    unpacked = sum(info.file_size for info in members)
    if unpacked > settings.max_unpacked_bytes:
        raise InputError(
            f"{path} unpacks to {unpacked / 1e9:.1f} GB, more than ingest.max_unpacked_bytes "
            f"({settings.max_unpacked_bytes / 1e9:.1f} GB)"
        )
    for info in members:
        yield SourceFile(
            name=(PurePosixPath(prefix) / info.filename.replace("\\", "/").lstrip("/")).as_posix(),
            size_bytes=info.file_size,
            packed_bytes=info.compress_size,
            read=lambda info=info: _read_member(archive, info, settings),  # type: ignore[misc]
        )


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, settings: IngestSettings) -> bytes:
    if info.file_size > 1_000_000 and info.file_size > settings.max_zip_ratio * max(info.compress_size, 1):
        raise PhotoError("zip_ratio", "unpacks to far more than its packed size, as a ZIP bomb does")
    if info.flag_bits & 0x1:
        raise PhotoError("encrypted", "is locked with a password in the ZIP")
    try:
        with archive.open(info) as member:  # read() alone would trust the size written in the archive
            data = member.read(info.file_size + 1)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise PhotoError("unreadable", f"cannot be unpacked: {error}") from None
    except Exception as error:  # zlib.error and lzma's own are not related to one another
        raise PhotoError("unreadable", f"is damaged in the ZIP: {error}") from None
    if len(data) != info.file_size:
        raise PhotoError("unreadable", "has another size than the ZIP says")
    return data


def _with_unique_names(files: list[SourceFile]) -> list[SourceFile]:
    """Two archives, or one archive twice, may hold the same name; the ending stays, since it tells RAW files."""
    taken = {file.name for file in files}
    seen: set[str] = set()
    unique = []
    for file in files:
        name, number = file.name, 2
        while name in seen or (name != file.name and name in taken):
            path = PurePosixPath(file.name)
            name, number = path.with_name(f"{path.stem} ({number}){path.suffix}").as_posix(), number + 1
        seen.add(name)
        unique.append(replace(file, name=name))
    return unique
