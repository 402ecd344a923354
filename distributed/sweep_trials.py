"""Trials that were run, by content: whoever asks for one again, in this sweep or another, finds it done.

A trial's folder is whole once it holds `trial.json`, which is written last. One process works on a trial at a time;
its lock goes with it, however it ends. Several machines need a folder that all of them see.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from core.errors import OutputError
from core.store import write_atomic

__all__ = ["Curve", "Trial", "TrialCache"]

Status = Literal["finished", "failed"]
Curve = list[dict[str, float]]
"""Metrics at each evaluation, with `step`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What became of a trial."""

    key: str
    status: Status
    reason: str = ""
    """Why it failed, as a sentence."""
    steps: int = 0
    best_step: int | None = None
    chosen: str = ""
    """The trained weights, relative to the trial's folder."""
    curve: Curve = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)
    """Signature: recipe, data and base checksums, commit, versions."""


class TrialCache:
    """A folder of trials by key.

    Args:
        root: absolute; made at the first trial.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, key: str) -> Path:
        """Where a trial lies."""
        return self.root / key[:2] / key[2:]

    def training_folder(self, key: str) -> Path:
        """The folder of its training run."""
        return self.folder(key) / "run"

    def find(self, key: str) -> Trial | None:
        """A trial that is over; None where it never ran, or was interrupted."""
        found = _read(self.folder(key) / "trial.json")
        try:
            return None if found is None else Trial(**found)
        except TypeError:
            return None  # of an older layout: run again

    def keep(self, trial: Trial) -> None:
        """Write what became of a trial; from here on it is not run again."""
        _write(self.folder(trial.key) / "trial.json", asdict(trial))

    def forget(self, key: str) -> None:
        """Let a trial be run again, as one that failed; what was scored stays, under its own keys."""
        (self.folder(key) / "trial.json").unlink(missing_ok=True)

    def curve(self, key: str) -> Curve:
        """The evaluations so far, also of a trial that was stopped or killed."""
        found = _read(self.folder(key) / "curve.json")
        return [] if found is None else list(found["curve"])

    def keep_curve(self, key: str, curve: Curve) -> None:
        """Note the evaluations so far."""
        _write(self.folder(key) / "curve.json", {"curve": curve})

    def scored(self, key: str, scoring: str) -> dict[str, Any] | None:
        """Captions of a trial's model in one decoding, with their scores; None where they were not made yet."""
        return _read(self.folder(key) / "scored" / f"{scoring}.json")

    def keep_scored(self, key: str, scoring: str, found: Mapping[str, Any]) -> None:
        """Keep captions and scores."""
        _write(self.folder(key) / "scored" / f"{scoring}.json", found)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Be the only one at work on a trial; waits for another that is, also of another sweep.

        Raises:
            OutputError: the folder cannot be written.
        """
        path = self.root / "locks" / f"{key}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire()
        except OSError as error:
            raise OutputError(f"cannot write the trial cache {self.root}: {error.strerror or error}") from None
        try:
            yield
        finally:
            lock.release()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, data: Mapping[str, Any]) -> None:
    try:
        write_atomic(path, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
