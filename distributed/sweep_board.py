"""The leaderboard: every combination of trained model, decoding and grouping, the best first."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed.sweep_shared import Sweep
from distributed.sweep_space import Values
from distributed.sweep_trials import Trial

__all__ = ["Board", "Row", "Tried", "make_board", "to_csv"]

_METRICS = ("rougeL", "clip_cosine", "clipscore", "bleu4", "cider", "exact_match", "wer", "distinct2")
_OF_POSTS = ("posts", "k", "silhouette", "clip", "chance", "gain")
_NOTHING = -1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A trial of this sweep."""

    number: int
    """0 is the recipe as it is."""
    values: Values
    """Of the searched training parameters."""
    key: str
    trial: Trial | None
    """None where it was stopped early, or the sweep ended before it did."""
    curve: Sequence[Mapping[str, float]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A combination; of a trial that did not finish the only one, without metrics."""

    trial: int
    decoding: int | None = None
    """0 is the default."""
    grouping: int | None = None
    status: str = "finished"
    reason: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    posts: Mapping[str, Any] = field(default_factory=dict)
    """As `GroupingScores`."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """Rows from the best to those that failed."""

    rows: tuple[Row, ...]
    front: tuple[Row, ...]
    """Model and decoding pairs than which none is better in both objectives, with their best grouping."""

    @property
    def best(self) -> Row | None:
        """The winner; None where no trial finished."""
        return self.rows[0] if self.rows and self.rows[0].metrics else None

    def find(self, trial: int, decoding: int, grouping: int) -> Row | None:
        """One combination."""
        wanted = (trial, decoding, grouping)
        return next((row for row in self.rows if (row.trial, row.decoding, row.grouping) == wanted), None)


def make_board(sweep: Sweep, tried: Sequence[Tried]) -> Board:
    """Read what trials left in the cache and put it in order.

    Model and decoding are compared by the objective alone, which no grouping changes; among their groupings the better
    one comes first. For two objectives each is stretched to 0-1 over all pairs, and the sum decides.
    """
    rows = [row for one in tried for row in _rows(sweep, one)]
    scored = [row for row in rows if row.metrics]
    score = _scores(scored, sweep.settings.objective)
    by = sweep.settings.grouping

    def order(row: Row) -> tuple[float, ...]:
        pair = (row.trial, row.decoding or 0)
        return (-score[pair], *map(float, pair), -_value(row.posts.get(by)), float(row.grouping or 0))

    ranked = sorted(scored, key=order)
    others = sorted((row for row in rows if not row.metrics), key=lambda row: (row.status == "failed", row.trial))
    return Board(rows=(*ranked, *others), front=_front(ranked))


def to_csv(sweep: Sweep, rows: Sequence[Row], tried: Sequence[Tried]) -> str:
    """Rows as CSV: rank, figures, and the value of everything that was searched."""
    spaces = sweep.settings.param_space
    by_number = {one.number: one for one in tried}
    defaults = sweep.data.recipe.model_dump(mode="json")
    lines = []
    for rank, row in enumerate(rows, start=1):
        one = by_number[row.trial]
        line: dict[str, Any] = {"rank": rank if row.metrics else "", "trial": row.trial, "decoding": row.decoding}
        line |= {"grouping": row.grouping, "status": row.status}
        line |= {name: row.metrics.get(name) for name in _METRICS}
        line |= {
            f"posts.{name}": row.posts.get(name) for name in ("posts", "k", "silhouette", "clip", "chance", "gain")
        }
        line |= {name: one.values.get(name, _at(defaults, name)) for name in spaces.training}
        for part, chosen, number in (
            ("decoding", sweep.decodings, row.decoding),
            ("cluster", sweep.groupings, row.grouping),
        ):
            names = spaces.decoding if part == "decoding" else spaces.clustering
            line |= {f"{part}.{name}": None if number is None else getattr(chosen[number], name) for name in names}
        line |= {"key": one.key, "reason": row.reason}
        lines.append({name: _text(value) for name, value in line.items()})
    buffer = io.StringIO()
    if lines:
        writer = csv.DictWriter(buffer, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return buffer.getvalue()


def _rows(sweep: Sweep, one: Tried) -> list[Row]:
    trial = one.trial
    if trial is None:
        last = one.curve[-1] if one.curve else None
        told = f"stopped after step {last['step']:g}" if last else "not run"
        return [Row(trial=one.number, status="stopped" if last else "not run", reason=told)]
    if trial.status == "failed":
        return [Row(trial=one.number, status="failed", reason=trial.reason)]
    rows = []
    for number, decoding in enumerate(sweep.decodings):
        found = sweep.cache.scored(one.key, sweep.scoring_key(one.key, decoding, "val"))
        if found is None or "failed" in found:
            reason = "not scored" if found is None else found["failed"]
            rows.append(Row(trial=one.number, decoding=number, status="failed", reason=reason))
            continue
        metrics = {name: found["metrics"].get(name) for name in _METRICS}
        for index, grouping in enumerate(sweep.groupings):
            posts = found["groupings"].get(sweep.grouping_key(grouping)) or {}
            rows.append(Row(trial=one.number, decoding=number, grouping=index, metrics=metrics, posts=posts))
    return rows


def _scores(rows: Sequence[Row], objective: str) -> dict[tuple[int, int], float]:
    names = {"rougeL": ("rougeL",), "clip": ("clip_cosine",)}.get(objective, ("rougeL", "clip_cosine"))
    total: dict[tuple[int, int], float] = {}
    for name in names:
        values = {(row.trial, row.decoding or 0): _value(row.metrics.get(name)) for row in rows}
        known = [value for value in values.values() if value > _NOTHING]
        low, high = (min(known), max(known)) if known else (0.0, 0.0)
        stretch = (high - low) or 1.0
        for pair, value in values.items():
            stretched = value if len(names) == 1 else (value - low) / stretch
            total[pair] = total.get(pair, 0.0) + stretched
    return total


def _front(ranked: Sequence[Row]) -> tuple[Row, ...]:
    """Of each pair the first row, where no other pair is at least as good in both and better in one."""
    pairs: dict[tuple[int, int], Row] = {}
    for row in ranked:
        pairs.setdefault((row.trial, row.decoding or 0), row)
    points = {
        pair: (_value(row.metrics.get("rougeL")), _value(row.metrics.get("clip_cosine"))) for pair, row in pairs.items()
    }
    on = [
        row
        for pair, row in pairs.items()
        if not any(a >= points[pair][0] and b >= points[pair][1] and (a, b) != points[pair] for a, b in points.values())
    ]
    return tuple(sorted(on, key=lambda row: (-_value(row.metrics.get("rougeL")), row.trial, row.decoding or 0)))


def _value(value: Any) -> float:
    return _NOTHING if value is None else float(value)


def _at(data: Mapping[str, Any], key: str) -> Any:
    for part in key.split("."):
        data = data[part]
    return data


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value
