"""A sweep's folder: its settings, its state between two drivers, and what it found. Whatever is written is whole."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from core.config import config_hash
from core.errors import ConfigError, OutputError
from core.store import write_atomic
from core.training.recipe import write_recipe
from distributed.sweep_board import Board, Tried, to_csv
from distributed.sweep_settings import SweepSettings
from distributed.sweep_shared import Sweep, TrialError

__all__ = ["SweepFolder"]


class SweepFolder:
    """Where a sweep writes.

    Args:
        path: `sweep.yaml`, `state.json`, and in the end `sweep.json`, `leaderboard.csv`, `pareto.csv`, `trials/`,
            `plots/`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plots = path / "plots"
        self.scratch = path / "tune"

    def begin(self, settings: SweepSettings) -> dict[str, Any]:
        """Make the folder, or go on with the sweep in it; returns its state.

        Raises:
            ConfigError: the sweep in it has other settings.
            OutputError: it cannot be written, or holds something else.
        """
        told = config_hash(settings)
        state = self.state()
        if state and state.get("config_hash") != told:
            raise ConfigError(
                f"{self.path} holds a sweep with other settings; name this one with --name, or remove the folder "
                "(its trials stay in the cache, and are not run again)"
            )
        if not state and self.path.exists() and any(self.path.iterdir()):
            raise OutputError(f"{self.path} holds something else; name the sweep with --name")
        if not state:
            text = yaml.safe_dump(
                settings.model_dump(mode="json", by_alias=True, exclude_defaults=True),
                allow_unicode=True,
                sort_keys=False,
            )
            self.write("sweep.yaml", text)
            state = {"config_hash": told, "seconds": 0.0}
            self.keep_state(state)
        return state

    def state(self) -> dict[str, Any]:
        """What an earlier driver left; empty where there was none."""
        try:
            return dict(json.loads((self.path / "state.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def keep_state(self, state: Mapping[str, Any]) -> None:
        """For a driver that comes after this one."""
        self.write("state.json", json.dumps(state, indent=1) + "\n")

    def write_board(self, sweep: Sweep, board: Board, tried: Sequence[Tried]) -> None:
        """`leaderboard.csv`, `pareto.csv`, and a folder for each trial with its recipe, curve and outcome."""
        self.write("leaderboard.csv", to_csv(sweep, board.rows, tried))
        self.write("pareto.csv", to_csv(sweep, board.front, tried))
        for one in tried:
            own = Path("trials") / f"{one.number:03d}"
            self.write(own / "outcome.json", json.dumps(_outcome(sweep, one), indent=1, ensure_ascii=False) + "\n")
            if one.curve:
                self.write(own / "curve.csv", _curve(one.curve))
            try:
                recipe = sweep.recipe(one.values)
            except TrialError:
                continue
            write_recipe(self.path / own / "recipe.yaml", recipe)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """`sweep.json`: what was found, and what it depends on."""
        self.write("sweep.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")

    def write(self, name: str | Path, data: str | bytes) -> None:
        """A file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        path = self.path / name
        try:
            write_atomic(path, data if isinstance(data, bytes) else data.encode())
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def _outcome(sweep: Sweep, one: Tried) -> dict[str, Any]:
    trial = one.trial
    about: dict[str, Any] = {"trial": one.number, "key": one.key, "values": one.values}
    if trial is None:
        return about | {"status": "stopped" if one.curve else "not run"}
    about |= {"status": trial.status, "reason": trial.reason, "steps": trial.steps, "best_step": trial.best_step}
    about |= {"seconds": trial.seconds, "cpu_seconds": trial.cpu_seconds}
    return about | {"folder": str(sweep.cache.folder(one.key)), "signature": trial.about}


def _curve(curve: Sequence[Mapping[str, float]]) -> str:
    names = list(dict.fromkeys(name for point in curve for name in point))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.8g}" for name, value in point.items()} for point in curve)
    return buffer.getvalue()
