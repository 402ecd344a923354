"""Pictures of a sweep: all combinations at a glance, which parameter matters, and each parameter against the metric."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Point", "draw_importance", "draw_metric_against", "draw_parallel", "importances", "points_of"]

Point = Mapping[str, Any]
"""A combination: its parameters by name, and under `value` what is to be high."""
_FEW = 8
"""Combinations below which an importance is a guess."""
_COLOURS = "viridis"
_SEED = 0


def points_of(rows: Sequence[Mapping[str, Any]], parameters: Sequence[str], metric: str) -> list[dict[str, Any]]:
    """Rows that have the metric, with the parameters that differ between them."""
    known = [row for row in rows if row.get(metric) is not None]
    differ = [name for name in parameters if len({_text(row.get(name)) for row in known}) > 1]
    return [{name: row.get(name) for name in differ} | {"value": float(row[metric])} for row in known]


def importances(points: Sequence[Point]) -> dict[str, float]:
    """Share of the metric's variance that each parameter explains, by Optuna's fANOVA (Hutter et al. 2014)."""
    import optuna

    names = _names(points)
    if len(points) < 4 or not names or len({point["value"] for point in points}) == 1:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    axes = {name: _axis([point[name] for point in points]) for name in names}
    kinds: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.CategoricalDistribution(list(range(len(axis.labels))))
        if axis.labels
        else optuna.distributions.FloatDistribution(axis.low, axis.high)
        for name, axis in axes.items()
    }
    for point in points:
        values = {name: axes[name].place(point[name]) for name in names}
        params = {name: int(value) if axes[name].labels else value for name, value in values.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=kinds, value=point["value"]))
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=_SEED)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def draw_importance(points: Sequence[Point], title: str) -> bytes | None:
    """A bar for each parameter; None where nothing can be said."""
    found = importances(points)
    if not found:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 1.2 + 0.42 * len(found)), dpi=110, layout="constrained")
    plot = figure.subplots()
    names = sorted(found, key=lambda name: found[name])
    bars = plot.barh(names, [found[name] for name in names], color="#3b6ea8")
    plot.bar_label(bars, labels=[f"{100 * found[name]:.0f} %" for name in names], padding=3, fontsize=9)
    plot.set_xlim(0, 1.1 * max(found.values()))
    guess = "; few combinations, a rough guess" if len(points) < _FEW else ""
    plot.set_title(title, loc="left", fontsize=11, fontweight="bold")
    plot.set_xlabel(f"share of the variance explained (fANOVA, {len(points)} combinations{guess})", fontsize=9)
    plot.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def draw_metric_against(points: Sequence[Point], metric: str, title: str) -> bytes | None:
    """The metric against each parameter: a dot a combination, a line through the best; None where none differs."""
    names = _names(points)
    if not names:
        return None
    from matplotlib.figure import Figure

    wide = min(len(names), 3)
    tall = math.ceil(len(names) / wide)
    figure = Figure(figsize=(4.2 * wide, 0.5 + 3.1 * tall), dpi=110, layout="constrained")
    plots = figure.subplots(tall, wide, squeeze=False, sharey=True).ravel()
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    jitter = np.random.default_rng(_SEED)
    for plot, name in zip(plots, names, strict=False):
        axis = _axis([point[name] for point in points])
        places = np.array([axis.place(point[name]) for point in points])
        values = np.array([point["value"] for point in points])
        width = 0.08 if axis.labels else 0.0
        plot.scatter(
            places + jitter.uniform(-width, width, len(places)), values, s=16, alpha=0.45, color="#3b6ea8", linewidths=0
        )
        best = [(place, values[places == place].max()) for place in sorted(set(places.tolist()))]
        if axis.labels:
            plot.plot(*zip(*best, strict=True), color="#c2562d", linewidth=1.4, marker="_", markersize=14)
        _scale(plot, axis, name)
        plot.grid(alpha=0.25)
        plot.spines[["top", "right"]].set_visible(False)
    for plot in plots[len(names) :]:
        plot.set_axis_off()
    for first in plots[::wide]:
        first.set_ylabel(metric)
    return _png(figure)


def draw_parallel(points: Sequence[Point], metric: str, title: str) -> bytes | None:
    """A line for each combination through all its parameters, coloured by the metric; None where none differs."""
    names = _names(points)
    if not names:
        return None
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    axes = [_axis([point[name] for point in points]) for name in names]
    values = [point["value"] for point in points]
    scale = Normalize(min(values), max(values) if max(values) > min(values) else min(values) + 1e-9)
    figure = Figure(figsize=(2.2 + 1.9 * len(names), 4.6), dpi=110, layout="constrained")
    plot = figure.subplots()
    columns = range(len(names) + 1)
    last = _axis(values, as_numbers=True)
    for point in sorted(points, key=lambda one: one["value"]):
        places = [axis.share(point[name]) for axis, name in zip(axes, names, strict=True)]
        colour = colormaps[_COLOURS](scale(point["value"]))
        best = point["value"] == max(values)
        plot.plot(columns, [*places, last.share(point["value"])], color=colour, alpha=1 if best else 0.4,
                  linewidth=2.6 if best else 1.1)  # fmt: skip
    for column, axis in zip(columns, [*axes, last], strict=True):
        plot.axvline(column, color="#999", linewidth=0.8)
        for label, share in axis.ticks():
            plot.text(column - 0.03, share, label, fontsize=8, ha="right", va="center",
                      bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6})  # fmt: skip
    plot.set_xticks(list(columns), [*names, metric], fontsize=9)
    plot.set_yticks([])
    plot.set_xlim(-0.45, len(names) + 0.1)
    plot.spines[:].set_visible(False)
    plot.set_title(title, loc="left", fontsize=11, fontweight="bold")
    figure.colorbar(ScalarMappable(norm=scale, cmap=_COLOURS), ax=plot, label=metric, pad=0.01, fraction=0.03)
    return _png(figure)


class _axis:  # noqa: N801 - reads as the function that makes one
    """Where values of a parameter stand: numbers on a line (of logarithms, where they span much), others evenly."""

    def __init__(self, values: Sequence[Any], *, as_numbers: bool = False) -> None:
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        distinct = sorted(set(numbers))
        self.is_line = len(numbers) == len(values) and (as_numbers or len(distinct) > 6)
        self.labels: list[str] = []
        self.is_log = False
        if self.is_line:
            low, high = float(distinct[0]), float(distinct[-1])
            self.is_log = low > 0 and high / low >= 5 and not as_numbers
            self.low, self.high = (math.log10(low), math.log10(high)) if self.is_log else (low, high)
        else:
            ordered = [_text(value) for value in distinct] if len(numbers) == len(values) else []
            others = sorted({_text(value) for value in values} - set(ordered))
            self.labels = ordered + others if ordered else _numbers_first(values)
            self.low, self.high = 0.0, float(max(1, len(self.labels) - 1))

    def place(self, value: Any) -> float:
        """On the axis."""
        if not self.is_line:
            return float(self.labels.index(_text(value)))
        return math.log10(value) if self.is_log else float(value)

    def share(self, value: Any) -> float:
        """0 at the low end, 1 at the high one."""
        return (self.place(value) - self.low) / ((self.high - self.low) or 1.0)

    def ticks(self) -> list[tuple[str, float]]:
        """Labels and where they stand, 0-1."""
        if self.labels:
            return [(label, i / max(1, len(self.labels) - 1)) for i, label in enumerate(self.labels)]
        places = np.linspace(self.low, self.high, 5)
        return [
            (f"{10**p if self.is_log else p:.3g}", (p - self.low) / ((self.high - self.low) or 1.0)) for p in places
        ]


def _scale(plot: Any, axis: _axis, name: str) -> None:
    if axis.labels:
        plot.set_xticks(range(len(axis.labels)), axis.labels, fontsize=8)
        plot.set_xlim(-0.5, len(axis.labels) - 0.5)
    else:
        places = np.linspace(axis.low, axis.high, 4)
        plot.set_xticks(places, [f"{10**place if axis.is_log else place:.2g}" for place in places], fontsize=8)
    plot.set_xlabel(name)


def _numbers_first(values: Sequence[Any]) -> list[str]:
    """Labels in a natural order: `auto`, then numbers by size."""
    once = {_text(value): value for value in values}

    def order(label: str) -> tuple[int, float, str]:
        value = once[label]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return (1, float(value), "") if is_number else (0, 0.0, label)

    return sorted(once, key=order)


def _names(points: Sequence[Point]) -> list[str]:
    return [name for name in (points[0] if points else {}) if name != "value"]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
