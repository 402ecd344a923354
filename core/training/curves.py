"""Loss and metric curves of a run as pictures, from its training_log.csv."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import InputError, OutputError
from core.store import write_atomic

__all__ = ["draw_curves", "read_log"]

Points = list[tuple[float, float]]
_LOG = "training_log.csv"
_OF_LOSS = ("eval_loss",)
_NOT_MEASURES = ("eval_seconds", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Agreement with references", ("bleu1", "bleu2", "bleu4", "rougeL", "exact_match")),
    ("CIDEr", ("cider",)),
    ("Word error rate", ("wer",)),
    ("Fit to the photo (CLIP)", ("clip_cosine", "clipscore")),
    ("Variety", ("distinct1", "distinct2")),
    ("Leaks and copies", ("handle_leak_rate", "verbatim_copy_rate")),
    ("Perplexity", ("perplexity",)),
)


def draw_curves(run_folder: Path) -> tuple[Path, ...]:
    """Draw `loss.png` and `metrics.png` beside the log; the second only where metrics were logged.

    Returns:
        The files written.

    Raises:
        InputError: the log is missing or damaged.
        OutputError: the folder cannot be written.
    """
    columns = read_log(run_folder / _LOG)
    pictures = {"loss.png": _loss_picture(columns), "metrics.png": _metrics_picture(columns)}
    written = []
    for name, picture in pictures.items():
        if picture is not None:
            try:
                write_atomic(run_folder / name, picture)
            except OSError as error:
                raise OutputError(f"cannot write {run_folder / name}: {error.strerror or error}") from None
            written.append(run_folder / name)
    return tuple(written)


def read_log(path: Path) -> dict[str, Points]:
    """Each column of a training log as (step, value) pairs, without what was not measured at a step.

    Raises:
        InputError: it is missing, has no column `step`, or holds something else than numbers; says where.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    columns: dict[str, Points] = {}
    for number, row in enumerate(rows, start=2):
        for name, text in row.items():
            if name and name != "step" and isinstance(text, str) and text.strip():
                point = _number(row.get("step"), path, number), _number(text, path, number)
                if math.isfinite(point[1]):
                    columns.setdefault(name, []).append(point)
    return columns


def _number(text: str | None, path: Path, line: int) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise InputError(f"{path}:{line}: expected a number in every column, got {text!r}") from None


def _loss_picture(columns: Mapping[str, Points]) -> bytes:
    figure, (plot,) = _figure(1)
    for name, label in (("train_loss", "training"), ("eval_loss", "validation")):
        if name in columns:
            _line(plot, columns[name], label, marked=name == "eval_loss")
    lowest = min(columns.get("eval_loss", ()), key=lambda point: point[1], default=None)
    if lowest is not None:
        plot.annotate(
            f"{lowest[1]:.3f}", lowest, textcoords="offset points", xytext=(0, 9), ha="center", fontsize=9, color="#666"
        )
    _finish(plot, "Loss", "cross-entropy, nats a token")
    return _png(figure)


def _metrics_picture(columns: Mapping[str, Points]) -> bytes | None:
    measured = {name.removeprefix("eval_"): points for name, points in columns.items() if _is_metric(name)}
    groups = [(title, [n for n in names if n in measured]) for title, names in _GROUPS]
    known = {name for _, names in groups for name in names}
    groups += [(name, [name]) for name in measured if name not in known]
    groups = [(title, names) for title, names in groups if names]
    if not groups:
        return None
    figure, plots = _figure(len(groups))
    for plot, (title, names) in zip(plots, groups, strict=True):
        for name in names:
            _line(plot, measured[name], name, marked=True)
        values = [value for name in names for _, value in measured[name]]
        if names == ["perplexity"]:
            plot.set_yscale("log")  # it falls by powers of ten
        elif min(values) >= 0:
            plot.set_ylim(0, max(1.1 * max(values), 0.01))
        _finish(plot, title, "")
    return _png(figure)


def _is_metric(name: str) -> bool:
    return name.startswith("eval_") and name not in _OF_LOSS and name not in _NOT_MEASURES


def _figure(plots: int) -> tuple[Any, Sequence[Any]]:
    """A figure of its own, not pyplot's, which keeps figures in a global list."""
    from matplotlib.figure import Figure

    wide = min(plots, 2)
    tall = math.ceil(plots / wide)
    figure = Figure(figsize=(6.4 * wide, 3.8 * tall), dpi=110, layout="constrained")
    axes = figure.subplots(tall, wide, squeeze=False).ravel()
    for unused in axes[plots:]:
        unused.set_axis_off()
    return figure, list(axes[:plots])


def _line(plot: Any, points: Points, label: str, *, marked: bool) -> None:
    steps, values = zip(*points, strict=True)
    plot.plot(steps, values, label=label, marker="o" if marked else None, markersize=4, linewidth=1.6)


def _finish(plot: Any, title: str, unit: str) -> None:
    plot.set_title(title, loc="left", fontsize=11, fontweight="bold")
    plot.set_xlabel("optimizer steps")
    plot.set_ylabel(unit)
    plot.grid(alpha=0.25)
    plot.spines[["top", "right"]].set_visible(False)
    if len(plot.get_lines()) > 1:
        plot.legend(frameon=False, fontsize=9)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})  # the same curves are the same file
    return buffer.getvalue()
