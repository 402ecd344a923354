"""The folder that training photos lie in: finds them by their paths, and lets no path lead out of it."""

import difflib
import os
import re
from pathlib import Path, PurePosixPath

from core.errors import InputError, PhotoError

__all__ = ["ImageRoot"]

_MOST_HINTS = 20  # a hint looks through a whole folder
_MOST_NAMES = 20_000


class ImageRoot:
    """A folder of photos.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "does not exist"
            raise InputError(f"the image root {folder} {what}; name the folder that the records' image paths begin at")
        self.folder = folder
        self._real = os.path.realpath(folder)
        self._folders: dict[str, str] = {}
        self._hints = 0
        self._listed: dict[str, list[str] | None] = {}

    def find(self, image: str) -> tuple[str, Path]:
        """A photo's path in plain form (forward slashes, no `.`), and its file.

        Raises:
            PhotoError: `outside_root`, `not_a_path` or `missing`.
        """
        name = self.plain_name(image)
        folder, _, base = name.rpartition("/")
        if folder not in self._folders:  # a realpath for each photo would take most of the time of reading records
            self._folders[folder] = os.path.realpath(os.path.join(self._real, folder))
        path = os.path.join(self._folders[folder], base)
        real = os.path.realpath(path) if os.path.islink(path) else path
        if real != self._real and not real.startswith(self._real.rstrip(os.sep) + os.sep):
            raise PhotoError("outside_root", f"{image!r} is a link that leads out of {self.folder}; copy the photo in")
        if not os.path.isfile(real):
            what = "is a folder" if os.path.isdir(real) else "is not there"
            raise PhotoError("missing", f"{image!r} {what} in {self.folder}{self._hint(name)}")
        return name, Path(path)

    def plain_name(self, image: str) -> str:
        """The path in plain form, without a look at the disk.

        Raises:
            PhotoError: `outside_root` or `not_a_path`.
        """
        name = image.strip().replace("\\", "/")
        if re.match(r"(?i)[a-z][a-z0-9+.-]+://|data:", name):
            raise PhotoError("not_a_path", f"{image[:80]!r} is a link; download the photo into {self.folder} first")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name):
            raise PhotoError("outside_root", f"{image!r} is an absolute path; write it relative to {self.folder}")
        parts = PurePosixPath(name).parts
        if ".." in parts:
            raise PhotoError("outside_root", f"{image!r} leads out by '..'; write it relative to {self.folder}")
        if not parts or "\x00" in name:
            raise PhotoError("not_a_path", f"{image!r} is not a path of a photo")
        return "/".join(parts)

    def _hint(self, name: str) -> str:
        """The nearest name in the same folder, for the first few that are missing."""
        folder, _, base = name.rpartition("/")
        self._hints += 1
        if self._hints > _MOST_HINTS:
            return ""
        here = self._names(folder)
        if here is None:
            return f"; there is no folder {folder!r}, is this the right image root?"
        close = difflib.get_close_matches(base.lower(), [n.lower() for n in here], n=1, cutoff=0.8)
        found = next((n for n in here if close and n.lower() == close[0]), None)
        return f"; did you mean {f'{folder}/{found}' if folder else found!r}?" if found else ""

    def _names(self, folder: str) -> list[str] | None:
        if folder not in self._listed:
            try:
                self._listed[folder] = os.listdir(os.path.join(self._real, folder))[:_MOST_NAMES]
            except OSError:
                self._listed[folder] = None
        return self._listed[folder]
