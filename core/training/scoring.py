"""Scores of predictions: text metrics, loss and CLIP fit, of each photo and of all with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.metrics import leaks
from core.metrics.clip import ClipFit
from core.metrics.corpus import TextSettings, measure
from core.metrics.diversity import Diversity
from core.metrics.normalise import normalise
from core.metrics.statistics import FEW_ITEMS, Interval, ItemStatistics, bootstrap_intervals
from core.metrics.tokens import tokenize

__all__ = ["LOWER_IS_BETTER", "METRICS", "Scores", "few", "loss_scores", "score_captions", "score_clip"]

Array = npt.NDArray[np.float64]

METRICS = (
    "eval_loss", "perplexity", "bleu1", "bleu2", "bleu4", "rougeL", "cider", "wer", "exact_match", "distinct1",
    "distinct2", "clip_cosine", "clipscore", "handle_leak_rate", "verbatim_copy_rate",
)  # fmt: skip
"""Every metric of an evaluation, in the order in which they are shown."""
LOWER_IS_BETTER = frozenset({"eval_loss", "perplexity", "wer", "handle_leak_rate", "verbatim_copy_rate"})

_OF_ALL = ("bleu1", "bleu2", "bleu4", "rougeL", "cider", "wer", "exact_match", "distinct1", "distinct2")
_OF_EACH = ("bleu4", "rougeL", "cider", "exact_match")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Scores of some predictions."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    items: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """Scores of each prediction, where a metric has them."""
    notices: tuple[str, ...] = ()

    def __or__(self, other: "Scores") -> "Scores":
        """Both."""
        return Scores(
            metrics={**self.metrics, **other.metrics},
            intervals={**self.intervals, **other.intervals},
            items={**self.items, **other.items},
            notices=(*self.notices, *other.notices),
        )


def score_captions(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    settings: TextSettings,
    *,
    training: Sequence[str] | None = None,
) -> Scores:
    """Text metrics. Predictions whose references hold no word, once they are normalised, are counted and left out.

    Args:
        predictions: as the model wrote them.
        references: one or more of each.
        training: captions that the model learnt from.
    """
    leaked = leaks.handle_leaks(predictions, allowed=settings.allowed_handles)
    scores = _with_intervals({"handle_leak_rate": ItemStatistics.mean(leaked)}, settings)
    worded = [i for i, own in enumerate(references) if any(_has_words(text, settings) for text in own)]
    if len(worded) < len(references):
        left = len(references) - len(worded)
        scores |= Scores(
            metrics={}, notices=(f"records without a word in their captions: {left}; they have no text metrics",)
        )
    if not worded:
        return scores
    said = [predictions[i] for i in worded]
    wanted = [[text for text in references[i] if _has_words(text, settings)] for i in worded]
    measured = measure(said, wanted, settings, training=training)
    found = {name: measured.metrics[name] for name in _OF_ALL if name in measured.metrics}
    if "verbatim_copy" in measured.metrics:
        found["verbatim_copy_rate"] = measured.metrics["verbatim_copy"]
    items = {name: _spread(measured.items[name], worded, len(predictions)) for name in _OF_EACH}
    return scores | _with_intervals(found, settings) | Scores(metrics={}, items=items)


def loss_scores(mean: float, losses: Sequence[Sequence[float]], settings: TextSettings) -> Scores:
    """`eval_loss` and `perplexity`.

    Args:
        mean: the training's own loss over all tokens; with label smoothing it is not that of the tokens below.
        losses: cross-entropy of each caption's tokens, in nats.
    """
    rows = np.array([[sum(row), len(row)] for row in losses], dtype=np.float64)
    plain = ItemStatistics(rows=rows)
    scores = _with_intervals(
        {"eval_loss": plain, "perplexity": ItemStatistics(rows=rows, combine=_perplexity)}, settings
    )
    smoothed = abs(mean - plain.value) > 0.01 * max(1.0, abs(plain.value))
    intervals = {name: ends for name, ends in scores.intervals.items() if not (smoothed and name == "eval_loss")}
    each = [float(total / count) for total, count in rows]
    return Scores(metrics={**scores.metrics, "eval_loss": mean}, intervals=intervals, items={"loss": each})


def score_clip(fits: Sequence[ClipFit | None], settings: TextSettings) -> Scores:
    """`clip_cosine` and `clipscore`, over the captions that the CLIP model can judge."""
    judged = [fit for fit in fits if fit is not None]
    items = {
        "clip_cosine": [None if fit is None else fit.clip_cosine for fit in fits],
        "clipscore": [None if fit is None else fit.clipscore for fit in fits],
    }
    left = len(fits) - len(judged)
    said = f"the CLIP model cannot judge {left} of {len(fits)} captions or photos; clip_cosine is over the others"
    notices = (said,) if left else ()
    if not judged:
        return Scores(metrics={}, items=items, notices=notices)
    found = {name: ItemStatistics.mean([getattr(fit, name) for fit in judged]) for name in items}
    return _with_intervals(found, settings) | Scores(metrics={}, items=items, notices=notices)


def few(count: int) -> tuple[str, ...]:
    """The sentence that a table of too few records bears."""
    return (f"only {count} records: too few to conclude from",) if count < FEW_ITEMS else ()


def _with_intervals(found: Mapping[str, ItemStatistics | Diversity], settings: TextSettings) -> Scores:
    summed = {name: one for name, one in found.items() if isinstance(one, ItemStatistics)}
    intervals: dict[str, Interval | None] = {
        name: one.interval for name, one in found.items() if isinstance(one, Diversity)
    }
    if settings.resamples:
        drawn = bootstrap_intervals(list(summed.values()), resamples=settings.resamples, seed=settings.seed)
        intervals |= dict(zip(summed, drawn, strict=True))
    return Scores(
        metrics={name: one.value for name, one in found.items()},
        intervals={name: ends for name, ends in intervals.items() if ends is not None},
    )


def _perplexity(sums: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(sums[..., 0] / sums[..., 1]), dtype=np.float64)


def _has_words(text: str, settings: TextSettings) -> bool:
    plain = normalise(text, settings.normalisation)
    return bool(plain.split() if settings.tokenized else tokenize(plain))


def _spread(values: Array, places: Sequence[int], count: int) -> list[float | None]:
    """Values at their places among `count`, None at the others."""
    spread: list[float | None] = [None] * count
    for place, value in zip(places, values, strict=True):
        spread[place] = float(value)
    return spread
