"""What a sweep tells whoever waits for it: what will be run, how far it is, what was not done again, what is best."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from distributed.sweep_board import Board, Row, Tried
from distributed.sweep_final import Final
from distributed.sweep_shared import Sweep

__all__ = ["Told", "duration"]

_SHOWN = 10


class Told:
    """Prints; nothing where it is told to be quiet.

    Args:
        quiet: print nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True, width=_width())
        self._begun = time.perf_counter()
        self._over = 0
        self._stage = ""

    def say(self, sentence: str) -> None:
        """A line."""
        self.console.print(escape(sentence))

    def stage(self, what: str, done: int, total: int) -> None:
        """What is done before the first trial; a line when it begins, and one when it is done."""
        if what != self._stage:
            self._stage = what
            self.say(f"  {what}: {total} photos")

    def plan(self, sweep: Sweep, trials: int, parallel: int) -> None:
        """What will be run."""
        decodings, groupings, settings = len(sweep.decodings), len(sweep.groupings), sweep.settings
        data = sweep.data
        self.say(
            f"{sweep.name}: up to {trials} trained models x {decodings} decodings x {groupings} groupings "
            f"= {trials * decodings * groupings} combinations; only the {trials} trainings cost training"
        )
        hours = "" if settings.budget.hours is None else f", at most {settings.budget.hours:g} hours"
        asha = " stopped early by ASHA," if settings.scheduler == "asha" else ""
        self.say(
            f"  {settings.searcher} search,{asha} {parallel} at a time{hours}; best by {_goal(settings.objective)}"
        )
        self.say(
            f"  {len(data.train)} records to learn from, {len(data.val)} to compare on, {len(data.test)} that only the "
            "winner sees"
        )
        for notice in data.notices:
            self.say(f"  Note: {notice}")

    def over(self, tried: Tried, reused: bool, best: Mapping[str, float], expected: int) -> None:
        """A trial ended."""
        self._over += 1
        trial, values = tried.trial, ", ".join(f"{name}={_short(value)}" for name, value in tried.values.items())
        what = f"[{self._over}/{expected}] trial {tried.number} ({values or 'the recipe as it is'})"
        if trial is None:
            self.say(f"{what}: stopped after step {tried.curve[-1]['step']:g}" if tried.curve else f"{what}: stopped")
        elif trial.status == "failed":
            self.say(f"{what}: FAILED: {trial.reason}")
        else:
            figures = ", ".join(f"{name} {value:.4f}" for name, value in best.items())
            how = "done before" if reused else f"{trial.steps} steps in {duration(trial.seconds)}"
            self.say(f"{what}: {how}; best {figures}{self._left(expected)}")

    def reused(self, counts: Mapping[str, int], saved: float) -> None:
        """What was found done."""
        parts = [
            f"{counts['trials_reused']} of {counts['trials']} trainings",
            f"{counts['decodings_reused']} of {counts['decodings']} times that captions were written",
            f"{counts['photos_found']} of {counts['photos']} photos looked at",
        ]
        self.say(f"Not done again: {', '.join(parts)}; {duration(saved)} of CPU time saved")

    def board(self, sweep: Sweep, board: Board, tried: Sequence[Tried]) -> None:
        """The best of each model and decoding, and the defaults."""
        by_number = {one.number: one for one in tried}
        table = Table(box=None, padding=(0, 2, 0, 0), title="Best on the validation records", title_justify="left")
        for name in ("rank", "trial", "rougeL", "clip_cosine", "post gain", "k", "settings"):
            table.add_column(name, justify="left" if name == "settings" else "right", no_wrap=name != "settings")
        seen: set[tuple[int, int | None]] = set()
        for rank, row in enumerate(board.rows, start=1):
            pair = (row.trial, row.decoding)
            if not row.metrics or pair in seen:
                continue
            seen.add(pair)
            is_default = pair == (0, 0)
            if len(seen) <= _SHOWN or is_default:
                table.add_row(*_cells(sweep, row, rank, by_number[row.trial]))
        self.console.print(table)
        failed = [one for one in tried if one.trial is not None and one.trial.status == "failed"]
        for one in failed:
            assert one.trial is not None
            self.say(f"Failed: trial {one.number}: {one.trial.reason}")

    def final(self, final: Final) -> None:
        """The winner's own figures."""
        self.say(f"The winner on {final.records} test records that no trial saw:")
        table = Table(
            "metric", "winner", "95 %", "defaults", "difference, 95 %", "p", "", box=None, padding=(0, 2, 0, 0)
        )
        for name, figure in final.figures.items():
            table.add_row(
                name,
                f"{figure.value:.4f}",
                _ends(figure.interval),
                "" if figure.default is None else f"{figure.default:.4f}",
                _ends(figure.difference, sign=True),
                "" if figure.p_value is None else f"{figure.p_value:.4f}",
                figure.verdict,
            )
        self.console.print(table)
        if final.posts and final.default_posts:
            own, base = final.posts, final.default_posts
            self.say(
                f"Its grouping: {own['posts']} posts, gain {own['gain']:.4f} (default: {base['posts']} posts, gain "
                f"{base['gain']:.4f})"
            )
        for notice in final.notices:
            self.say(f"Note: {notice}")

    def places(self, folder: Path, adapter: Path | None, why_not: str, results: Path, uploaded: str | None) -> None:
        """Where things lie."""
        self.say(f"Folder: {folder} (leaderboard.csv, pareto.csv, sweep.json, trials/, plots/)")
        if adapter is not None:
            self.say(f"Adapter: {adapter}, named in {results / 'best.json'}; `montage adapters rollback` undoes that")
        else:
            self.say(f"No adapter was published: {why_not}")
        if uploaded:
            self.say(f"Copied to {uploaded}")

    def _left(self, expected: int) -> str:
        left = expected - self._over
        if left <= 0:
            return ""
        each = (time.perf_counter() - self._begun) / self._over
        return f"; about {duration(each * left)} left"

    def begin_trials(self) -> None:
        """The clock that tells the time left starts here."""
        self._begun, self._over = time.perf_counter(), 0


def duration(seconds: float) -> str:
    """`2 h 5 min`, `3 min 10 s`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _width() -> int | None:
    """A terminal's own; wide enough for the tables where it is a log."""
    return None if sys.stderr.isatty() else 140


def _cells(sweep: Sweep, row: Row, rank: int, one: Tried) -> list[str]:
    spaces = sweep.settings.param_space
    settings = [f"{name}={_short(value)}" for name, value in one.values.items()]
    settings += [f"{name}={_short(getattr(sweep.decodings[row.decoding or 0], name))}" for name in spaces.decoding]
    settings += [f"{name}={_short(getattr(sweep.groupings[row.grouping or 0], name))}" for name in spaces.clustering]
    if (row.trial, row.decoding) == (0, 0):
        settings.insert(0, "DEFAULTS")
    figures = [row.metrics.get("rougeL"), row.metrics.get("clip_cosine"), row.posts.get("gain")]
    shown = ["" if value is None else f"{value:.4f}" for value in figures]
    return [str(rank), str(row.trial), *shown, _short(row.posts.get("k", "")), escape(" ".join(settings))]


def _goal(objective: str) -> str:
    return {"rougeL": "ROUGE-L", "clip": "CLIP score"}.get(objective, "ROUGE-L and CLIP score together")


def _ends(interval: tuple[float, float] | None, *, sign: bool = False) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f"{low:+.4f} to {high:+.4f}" if sign else f"{low:.4f} to {high:.4f}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
