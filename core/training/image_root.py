"""The folder that training photos lie in: finds them by their paths, and lets no path lead out of it."""

import difflib
import os
import re
from pathlib import Path, PurePosixPath

from core.errors import InputError, PhotoError

__all__ = ["ImageRoot"]

_MOST_HINTS = 20  # a hint looks through a whole folder
_MOST_NAMES = 20_000
_MOST_FOLDERS = 200


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
        self._beginnings = tuple({_as_folder(self._real), _as_folder(os.path.abspath(folder))})
        self._folders: dict[str, str] = {}
        self._hints = 0
        self._listed: dict[str, list[str] | None] = {}

    def find(self, image: str) -> tuple[str, Path]:
        """A photo's path in plain form (within the root, forward slashes, no `.`), and its file.

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
            if os.path.isdir(real):
                told = f"is a folder in {self.folder}, expected a photo{self._inside(name)}"
            else:
                told = f"is not there in {self.folder}{self._hint(name)}"
            raise PhotoError("missing", f"{image!r} {told}")
        return name, Path(path)

    def plain_name(self, image: str) -> str:
        """The path in plain form, without a look at the disk; an absolute one within the root becomes relative to it.

        Raises:
            PhotoError: `outside_root` or `not_a_path`.
        """
        name = image.strip().replace("\\", "/")
        if re.match(r"(?i)[a-z][a-z0-9+.-]+://|data:", name):
            raise PhotoError("not_a_path", f"{image[:80]!r} is a link; download the photo into {self.folder} first")
        begun = next((start for start in self._beginnings if name.startswith(start)), "")
        name = name.removeprefix(begun).lstrip("/" if begun else "")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name):
            raise PhotoError(
                "outside_root", f"{image!r} is an absolute path, and not within {self.folder}; copy the photo in"
            )
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
            above = os.path.dirname(self._real)
            if os.path.isfile(os.path.join(above, name)):
                return f"; it is there if the image root is {above}"
            return f"; there is no folder {folder!r}, is this the right image root (--image-root)?"
        close = difflib.get_close_matches(base.lower(), [n.lower() for n in here], n=1, cutoff=0.8)
        found = next((n for n in here if close and n.lower() == close[0]), None)
        folders = [n for n in here if "." not in n][:_MOST_FOLDERS]
        deeper = next((n for n in folders if os.path.isfile(os.path.join(self._real, folder, n, base))), "")
        meant = found or (deeper and f"{deeper}/{base}")
        return f"; did you mean {f'{folder}/{meant}' if folder else meant!r}?" if meant else ""

    def _inside(self, name: str) -> str:
        """What to write in place of a folder, for the first few."""
        self._hints += 1
        here = sorted(self._names(name) or ()) if self._hints <= _MOST_HINTS else []
        found = next((n for n in here if os.path.isfile(os.path.join(self._real, name, n)) and n[0] != "."), None)
        return f", such as {f'{name}/{found}'!r}" if found else ""

    def _names(self, folder: str) -> list[str] | None:
        if folder not in self._listed:
            try:
                self._listed[folder] = os.listdir(os.path.join(self._real, folder))[:_MOST_NAMES]
            except OSError:
                self._listed[folder] = None
        return self._listed[folder]


def _as_folder(path: str) -> str:
    """A folder's path as the beginning of the paths within it."""
    return path.replace("\\", "/").rstrip("/") + "/"
