"""A run's folder: its settings, what it was made from, its log. Whatever is written is whole or absent."""

import csv
import io
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.config import config_hash
from core.errors import ConfigError, InputError, OutputError
from core.store import write_atomic
from core.training.launch import is_main_process
from core.training.recipe import load_recipe, write_recipe
from core.training.settings import Recipe

__all__ = ["RunFolder", "provenance"]

_PACKAGES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "safetensors", "numpy", "pillow")
_LOG_NAMES = {"loss": "train_loss"}
_LEAD = ("step", "epoch", "train_loss", "learning_rate", "grad_norm", "seconds")


class RunFolder:
    """Where a run writes.

    Args:
        path: `settings.yaml`, `run.json`, `training_log.csv`, `checkpoints/`, `best/`, `last/`, `evaluations/`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.best = path / "best"
        self.last = path / "last"
        self._settings = path / "settings.yaml"
        self._about = path / "run.json"
        self._problems = path / "data_problems.txt"
        self._first = (self._about, self._problems, self._settings)

    def evaluation(self, step: int) -> Path:
        """Folder of the evaluation after so many steps."""
        return self.path / "evaluations" / f"step-{step:06d}"

    def begin(self, recipe: Recipe, *, resume: bool) -> None:
        """Make the folder, or check that a run in it can go on.

        Raises:
            OutputError: the folder is in use and `resume` is not asked for, or cannot be written.
            ConfigError: the run in it has other settings.
        """
        if self._settings.is_file():
            if not resume:
                raise OutputError(f"{self.path} holds a run already; go on with --resume, or name another --out")
            self._check_same(recipe)
            return
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise OutputError(f"{self.path} holds something else; name a new folder with --out")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from None
        write_recipe(self._settings, recipe)

    def give_up(self) -> None:
        """Take back what `begin` wrote where the run failed before it learnt anything: the next may be another."""
        with suppress(OSError):
            if set(self.path.iterdir()) <= set(self._first):
                for path in self._first:
                    path.unlink(missing_ok=True)

    def about(self) -> dict[str, Any]:
        """What `run.json` says; empty where there is none yet.

        Raises:
            InputError: it is damaged.
        """
        try:
            return dict(json.loads(self._about.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{self._about} is damaged: {error}; begin anew in another folder") from None

    def tell(self, more: Mapping[str, Any]) -> None:
        """Add to `run.json`."""
        self._write(self._about, json.dumps({**self.about(), **more}, ensure_ascii=False, indent=2) + "\n")

    def write_problems(self, problems: Sequence[str]) -> None:
        """Write every line and photo that is not used to `data_problems.txt`; nothing where there are none."""
        if problems:
            self._write(self._problems, "".join(f"{problem}\n" for problem in problems))

    def write_log(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write `training_log.csv` from the Trainer's log, one row a step."""
        rows: dict[int, dict[str, Any]] = {}
        for entry in history:
            row = rows.setdefault(int(entry["step"]), {})
            row |= {_LOG_NAMES.get(name, name): value for name, value in entry.items()}
        names = list(dict.fromkeys([*_LEAD, *(name for row in rows.values() for name in row)]))
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _short(value) for name, value in rows[step].items()} for step in sorted(rows))
        self._write(self.path / "training_log.csv", buffer.getvalue())

    def _check_same(self, recipe: Recipe) -> None:
        before = load_recipe(str(self._settings)).recipe.model_dump(mode="json")
        now = recipe.model_dump(mode="json")
        changed = [key for key in _flat(now) if _flat(now)[key] != _flat(before).get(key)]
        if changed:
            named = ", ".join(f"{key} was {_flat(before).get(key)!r}, is {_flat(now)[key]!r}" for key in changed[:4])
            raise ConfigError(
                f"{self.path} was begun with other settings ({named}); resume with the same, or begin anew"
            )

    def _write(self, path: Path, text: str) -> None:
        if not is_main_process():
            return
        try:
            write_atomic(path, text.encode())
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def provenance(recipe: Recipe, *, command: str) -> dict[str, Any]:
    """What a run's numbers depend on besides its data and weights."""
    return {
        "command": command,
        "commit": _commit(),
        "config_hash": config_hash(recipe),
        "seed": recipe.train.seed,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
        "machine": {"system": platform.system(), "processor": platform.machine()},
    }


def _commit() -> str | None:
    """Of the code, with `-dirty` where it was changed since; None outside a git checkout."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _flat(data: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat


def _short(value: Any) -> Any:
    return f"{value:.8g}" if isinstance(value, float) else value
