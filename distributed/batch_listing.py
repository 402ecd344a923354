"""Which photos an archive holds, found folder by folder: in the order of their names, and never all in memory."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import InputError, PhotoError
from core.sources import RESULT_MARK, SourceFile
from distributed.places import absolute, filesystem_of, is_uri

__all__ = ["BATCH_MARK", "Listed", "Root", "list_photos", "open_listed", "open_roots"]

BATCH_MARK = "montage-batch.json"
"""Lies in every folder that a batch writes to; it is not read as photos."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """One of the inputs."""

    place: str
    """Absolute path, or URI."""
    prefix: str = ""
    """Before the names of its photos, where there are several inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One file of the archive, not read yet."""

    name: str
    """As `core.sources` names it."""
    root: int
    """Index of its input."""
    path: bytes
    """Within the input, as the file system spells it; empty where the input is the file."""
    size_bytes: int


def open_roots(photos: Sequence[str]) -> list[Root]:
    """The inputs, in the order in which their photos are listed.

    Args:
        photos: folders or photos, by path or URI.

    Raises:
        InputError: one is not there, is a ZIP, or two have the same name.
        ConfigError: one is relative, within a job.
    """
    places = [one.rstrip("/") if is_uri(one) else str(absolute(one, "the photos' folder")) for one in photos]
    for place in places:
        _check(place)
    if len(places) == 1:
        return [Root(place=places[0])]
    roots = [Root(place=place, prefix=PurePosixPath(place).name if _is_folder(place) else "") for place in places]
    names = [PurePosixPath(place).name for place in places]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two of the inputs are named {twice!r}; their photos could not be told apart by name")
    return sorted(roots, key=lambda root: f"{root.prefix}/" if root.prefix else PurePosixPath(root.place).name)


def list_photos(roots: Sequence[Root], *, exclude: str | None = None) -> Iterator[Listed]:
    """The files of all inputs but the operating system's own and results of Montage, sorted by name within an input.

    Args:
        exclude: a folder that is skipped (the output folder may lie within the photos).

    Raises:
        InputError: a folder cannot be listed.
    """
    for number, root in enumerate(roots):
        folder, skipped = _Folder(root.place), _below(exclude, root.place)
        if folder.is_file:
            name = PurePosixPath(root.place).name
            yield Listed(name=name, root=number, path=b"", size_bytes=folder.size_bytes)
            continue
        for path, size in _walk(folder, b"", skipped):
            name = (PurePosixPath(root.prefix) / path.decode("utf-8", "replace")).as_posix()
            listed = Listed(name=name, root=number, path=path, size_bytes=size)
            if not open_listed(listed, roots).is_hidden:
                yield listed


def open_listed(listed: Listed, roots: Sequence[Root]) -> SourceFile:
    """A listed file as `core` reads it."""
    place, path = roots[listed.root].place, listed.path

    def read() -> bytes:
        if not is_uri(place):
            whole = os.path.join(os.fsencode(place), path) if path else os.fsencode(place)
            if not os.path.isfile(whole):
                raise PhotoError("unreadable", "is not a regular file (a broken link or a device), or has gone")
            with open(whole, "rb") as file:
                return file.read()
        filesystem, folder = filesystem_of(place)
        with filesystem.open_input_stream(f"{folder}/{path.decode()}" if path else folder) as stream:
            return bytes(stream.read())

    return SourceFile(name=listed.name, size_bytes=listed.size_bytes, packed_bytes=listed.size_bytes, read=read)


class _Folder:
    """A folder on disk or at a URI."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.is_remote = is_uri(place)
        self.is_file, self.size_bytes = False, 0
        if self.is_remote:
            from pyarrow import fs  # type: ignore[import-untyped]

            self._filesystem, self._folder = filesystem_of(place)
            info = self._filesystem.get_file_info(self._folder)
            self.is_file = info.type == fs.FileType.File
            self.size_bytes = info.size or 0
        elif os.path.isfile(place):
            self.is_file, self.size_bytes = True, os.path.getsize(place)

    def entries(self, below: bytes) -> list[tuple[bytes, bool, int]]:
        """(name, whether it is a folder, bytes) of what lies in a folder; links to folders are not followed."""
        if self.is_remote:
            return [(info.base_name.encode(), _is_directory(info), info.size or 0) for info in self._infos(below)]
        with os.scandir(os.path.join(os.fsencode(self.place), below)) as found:
            return [
                (entry.name, entry.is_dir(follow_symlinks=False), _size(entry)) for entry in found if _wanted(entry)
            ]

    def _infos(self, below: bytes) -> Sequence[Any]:
        from pyarrow import fs

        folder = f"{self._folder}/{below.decode()}" if below else self._folder
        return list(self._filesystem.get_file_info(fs.FileSelector(folder)))


def _walk(folder: _Folder, below: bytes, skipped: bytes | None) -> Iterator[tuple[bytes, int]]:
    """(path, bytes) of the files, sorted by path: a folder sorts as its name and a slash."""
    try:
        entries = folder.entries(below)
    except OSError as error:
        where = f"{folder.place}/{below.decode('utf-8', 'replace')}".rstrip("/")
        raise InputError(f"cannot list {where}: {error.strerror or error}; mend its rights, or move it away") from None
    names = {name for name, _, _ in entries}
    if BATCH_MARK.encode() in names:
        return
    result = RESULT_MARK.encode() in names
    for name, is_folder, size in sorted(entries, key=lambda entry: entry[0] + b"/" if entry[1] else entry[0]):
        path = below + b"/" + name if below else name
        if result and _made(name, is_folder, top=not below):
            continue
        if not is_folder:
            yield path, size
        elif path != skipped:
            yield from _walk(folder, path, skipped)


def _made(name: bytes, is_folder: bool, *, top: bool) -> bool:
    """Whether Montage wrote it, in a folder that holds a result; as `core.sources` tells."""
    if is_folder:
        return re.fullmatch(rb"post-\d+", name) is not None
    return not top or name.startswith((b"posts.", b"publish_plan."))


def _below(folder: str | None, place: str) -> bytes | None:
    """The path of a folder within an input; None where it lies elsewhere."""
    if folder is None:
        return None
    if not is_uri(place):
        folder, place = os.path.realpath(folder), os.path.realpath(place)
    return os.fsencode(folder[len(place) + 1 :]) if folder.startswith(f"{place}/") else None


def _wanted(entry: os.DirEntry[bytes]) -> bool:
    """Links to folders are left out: they may go round."""
    return not (entry.is_symlink() and entry.is_dir())


def _size(entry: os.DirEntry[bytes]) -> int:
    try:
        return 0 if entry.is_dir(follow_symlinks=False) else entry.stat().st_size
    except OSError:  # a broken link: told when it is read
        return 0


def _is_directory(info: Any) -> bool:
    from pyarrow import fs

    return bool(info.type == fs.FileType.Directory)


def _is_folder(place: str) -> bool:
    return not _Folder(place).is_file


def _check(place: str) -> None:
    if place.lower().endswith(".zip") and _Folder(place).is_file:
        raise InputError(f"{place} is a ZIP; unpack it, so that many workers can read it")
    if is_uri(place):
        from pyarrow import fs

        filesystem, folder = filesystem_of(place)
        there = filesystem.get_file_info(folder).type != fs.FileType.NotFound
    else:
        there = Path(place).exists()
    if not there:
        raise InputError(f"{place} does not exist; expected a folder of photos, or photos, by path or URI")
