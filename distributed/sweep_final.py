"""The winner's own figure: scored once more on records that no trial saw, and held against the defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from core.metrics.corpus import measure
from core.metrics.corpus import scores as with_intervals
from core.metrics.paired import compare
from core.metrics.statistics import (
    FEW_ITEMS,
    Interval,
    ItemStatistics,
    bootstrap_intervals,
    paired_bootstrap,
    paired_permutation,
)
from distributed.sweep_board import Row, Tried
from distributed.sweep_scores import text_settings
from distributed.sweep_shared import Sweep
from distributed.sweep_write import score_parts

__all__ = ["Figure", "Final", "score_winner"]

_RESAMPLES = 2000
_TEXTS = ("rougeL", "bleu4", "cider", "exact_match")
_CLIP = ("clip_cosine", "clipscore")
_SIGNIFICANT = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A metric of the winner on the test records."""

    value: float
    interval: Interval | None
    """95 %, bootstrap over records."""
    default: float | None = None
    """The defaults' value."""
    difference: Interval | None = None
    """95 % of winner less defaults, by the paired bootstrap."""
    p_value: float | None = None
    """Paired permutation test, two-sided."""
    verdict: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Final:
    """What is reported of a sweep."""

    records: int
    figures: Mapping[str, Figure]
    posts: Mapping[str, Any] = field(default_factory=dict)
    """The winner's grouping, as `GroupingScores`."""
    default_posts: Mapping[str, Any] = field(default_factory=dict)
    """The default grouping, with the winner's captions."""
    notices: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "records": self.records,
            "metrics": {name: asdict(figure) for name, figure in self.figures.items()},
            "posts": dict(self.posts),
            "default_posts": dict(self.default_posts),
            "notices": list(self.notices),
        }


def score_winner(sweep: Sweep, best: Row, tried: Sequence[Tried]) -> Final:
    """Score the best combination and the defaults on the test records.

    Raises:
        MontageError: the winner cannot be written with on them; it could be on the validation records.
    """
    by_number = {one.number: one for one in tried}
    own = _test(sweep, by_number[best.trial], best.decoding or 0)
    base = by_number.get(0)
    is_default = (best.trial, best.decoding) == (0, 0)
    other = None
    if base is not None and base.trial is not None and base.trial.status == "finished" and not is_default:
        other = _test(sweep, base, 0)
    notices = []
    if len(sweep.data.test) < FEW_ITEMS:
        notices.append(f"only {len(sweep.data.test)} test records: too few to conclude from")
    if is_default:
        notices.append("nothing that was tried is better than the defaults on the validation records")
    elif other is None:
        notices.append("the defaults were not trained to their end, so there is nothing to compare with")
    keys = [sweep.grouping_key(sweep.groupings[i]) for i in (best.grouping or 0, 0)]
    return Final(
        records=len(sweep.data.test),
        figures=_figures(sweep, own, other),
        posts=own["groupings"].get(keys[0]) or {},
        default_posts=own["groupings"].get(keys[1]) or {},
        notices=tuple(notices),
    )


def _test(sweep: Sweep, one: Tried, decoding: int) -> dict[str, Any]:
    assert one.trial is not None
    found = score_parts(sweep, sweep.recipe(one.values), one.trial, [sweep.decodings[decoding]], "test")[0]
    if "failed" in found:
        raise RuntimeError(f"trial {one.number} cannot caption the test records: {found['failed']}")
    return found


def _figures(sweep: Sweep, own: Mapping[str, Any], other: Mapping[str, Any] | None) -> dict[str, Figure]:
    references = [record.captions for record in sweep.data.test]
    settings = text_settings(sweep.data.recipe, resamples=_RESAMPLES, seed=sweep.settings.seed)
    measured = measure(own["captions"], references, settings)
    scored = with_intervals(measured, settings)
    compared = {} if other is None else compare(measure(other["captions"], references, settings), measured, settings)
    figures = {}
    for name in _TEXTS:
        figure = Figure(value=scored[name].value, interval=scored[name].interval)
        if name in compared:
            c = compared[name]
            verdict = {"a is better": "worse than the defaults", "b is better": "better than the defaults"}
            figure = Figure(
                value=figure.value, interval=figure.interval, default=c.a, difference=c.interval, p_value=c.p_value,
                verdict=verdict.get(c.verdict, c.verdict),
            )  # fmt: skip
        figures[name] = figure
    for name in _CLIP:
        a = None if other is None else other["items"][name]
        if any(value is not None for value in own["items"][name]):
            figures[name] = _clip(own["items"][name], a, sweep.settings.seed)
    return figures


def _clip(own: Sequence[float | None], other: Sequence[float | None] | None, seed: int) -> Figure:
    mine = ItemStatistics.mean(np.array(own, dtype=np.float64))
    (interval,) = bootstrap_intervals([mine], resamples=_RESAMPLES, seed=seed)
    if other is None or all(value is None for value in other):
        return Figure(value=mine.value, interval=interval)
    theirs = ItemStatistics.mean(np.array(other, dtype=np.float64))
    p_value = paired_permutation(theirs, mine, permutations=_RESAMPLES, seed=seed)
    better = "better" if mine.value > theirs.value else "worse"
    return Figure(
        value=mine.value,
        interval=interval,
        default=theirs.value,
        difference=paired_bootstrap(theirs, mine, resamples=_RESAMPLES, seed=seed),
        p_value=p_value,
        verdict=f"{better} than the defaults" if p_value < _SIGNIFICANT else "no difference shown",
    )
