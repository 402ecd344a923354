"""Take what a training run made into the registry of adapters, with its figures and where it comes from."""

import csv
from pathlib import Path

from core.errors import InputError
from core.registry import register_adapter
from core.training.run_folder import RunFolder

__all__ = ["is_run", "register_run"]

_METRIC = "eval_"


def is_run(folder: Path) -> bool:
    """Whether a training run wrote this folder."""
    return (folder / "run.json").is_file()


def register_run(folder: Path, *, results: Path, name: str, replace: bool = False) -> Path:
    """Copy a run's best adapter, or its last where it kept no best, into the registry.

    Args:
        folder: the run's.
        results: the registry's; see `core.registry`.
        replace: put it in the place of another adapter of this name.

    Returns:
        Its folder in the registry.

    Raises:
        InputError: the run made no adapter.
        ConfigError, ModelError: as `core.registry.register_adapter`.
    """
    run = RunFolder(folder)
    chosen = next((path for path in (run.best, run.last) if (path / "adapter_config.json").is_file()), None)
    if chosen is None:
        raise InputError(f"{folder} holds no adapter: neither best/ nor last/ has one; did the run end?")
    about = run.about()
    step = about.get("best_step") if chosen == run.best else about.get("steps")
    base, data = about.get("base", {}), about.get("data", {})
    return register_adapter(
        chosen,
        results=results,
        name=name,
        base={key: base[key] for key in ("name", "checksum") if key in base},
        metrics=_metrics(folder / "training_log.csv", step),
        source={
            **{key: about[key] for key in ("recipe", "command", "commit", "config_hash", "seed") if about.get(key)},
            "step": step,
            "data": {part: data[part] for part in ("train", "validation") if part in data},
        },
        replace=replace,
    )


def _metrics(log: Path, step: int | None) -> dict[str, float]:
    """The validation metrics of a step, from the run's log."""
    if not log.is_file():
        return {}
    with log.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["step"] == str(step)]
    found = {name: value for row in rows for name, value in row.items() if name.startswith(_METRIC) and value}
    return {name if name == "eval_loss" else name.removeprefix(_METRIC): float(value) for name, value in found.items()}
