"""All text metrics of a set of captions against their references, each with an interval."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, InputError
from core.metrics import leaks
from core.metrics.bleu import bleu, sacrebleu_score
from core.metrics.cider import cider
from core.metrics.diversity import Diversity, distinct
from core.metrics.meteor import meteor, why_no_meteor
from core.metrics.normalise import Normalisation, normalise
from core.metrics.statistics import Interval, ItemStatistics, bootstrap_intervals, rate_interval
from core.metrics.text import rouge_l_items
from core.metrics.tokens import TOKENIZATION, tokenize
from core.metrics.wer import word_errors

__all__ = ["RATES", "Measured", "Score", "TextSettings", "measure", "scores"]

Array = npt.NDArray[np.float64]

RATES = frozenset({"exact_match", "handle_leak", "verbatim_copy"})
"""Metrics that are a share of captions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSettings:
    """How texts are read, and how sure the scores are to be."""

    tokenized: bool = False
    """Texts are words with single spaces between, taken as they are; else `core.metrics.tokens` splits them."""
    normalisation: Normalisation = field(default_factory=Normalisation)
    allowed_handles: tuple[str, ...] = ()
    meteor: bool = False
    """Compute METEOR too: needs Java, and about ten seconds to start it."""
    resamples: int = 1000
    """Of the bootstrap, and permutations of the tests; 0 leaves out both."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 0 or self.seed < 0:
            raise ConfigError(f"resamples and seed must be 0 or more, got {self.resamples} and {self.seed}")

    @property
    def tokenization(self) -> str:
        """Its name for a signature."""
        return "split on spaces" if self.tokenized else TOKENIZATION


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a set of captions measures, before intervals."""

    metrics: dict[str, ItemStatistics | Diversity]
    items: dict[str, Array]
    """Scores of single captions, float64 (n,), for the metrics that have them."""
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What else belongs to a metric, e.g. sacrebleu's signature."""
    absent: dict[str, str] = field(default_factory=dict)
    """Metrics that could not be had, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """A metric of a set of captions."""

    value: float
    interval: Interval | None
    """95 %; None where there are too few captions for one, or none was asked for."""
    method: str | None
    """How the interval was made: bootstrap, jackknife (distinct-n) or wilson (shares of captions)."""
    details: dict[str, Any] = field(default_factory=dict)


def measure(
    candidates: Sequence[str],
    references: Sequence[Sequence[str]],
    settings: TextSettings,
    *,
    training: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> Measured:
    """Compute every text metric.

    Args:
        candidates: n captions.
        references: one or more of each.
        training: captions that a model was trained on, for the verbatim-copy rate.
        names: of the captions, for messages; else their numbers from 0.

    Raises:
        InputError: there is no caption, or one has no reference with a word.
    """
    plain, plain_references = _normalised(candidates, references, settings)
    said = [_words(text, settings) for text in plain]
    wanted = [[_words(text, settings) for text in own] for own in plain_references]
    _check(wanted, references, names)
    errors = word_errors(said, wanted)
    means = {
        "rougeL": rouge_l_items(said, wanted),
        "cider": cider(said, wanted),
        "exact_match": leaks.exact_matches(said, wanted),
        "handle_leak": leaks.handle_leaks(candidates, allowed=settings.allowed_handles),
    }
    absent = {"verbatim_copy": "needs the captions that the model was trained on"}
    if training is not None:
        known = (_words(normalise(text, settings.normalisation), settings) for text in training)
        means["verbatim_copy"] = leaks.verbatim_copies(said, known)
        absent.clear()
    orders = bleu(said, wanted)
    bleus = [f"bleu{order}" for order in (1, 2, 3, 4)]
    sacre = sacrebleu_score(plain, plain_references, tokenized=settings.tokenized)
    metrics: dict[str, ItemStatistics | Diversity] = {
        **dict(zip(bleus, orders.corpus, strict=True)),
        "sacrebleu": sacre.corpus,
        **{name: ItemStatistics.mean(means[name]) for name in ("rougeL", "cider")},
        "wer": errors,
        **{f"distinct{order}": distinct(said, order) for order in (1, 2)},
        **{name: ItemStatistics.mean(values) for name, values in means.items() if name not in ("rougeL", "cider")},
    }
    items = {**dict(zip(bleus, orders.items.T, strict=True)), **means, "wer": errors.rows[:, 0] / errors.rows[:, 1]}
    if (found := _meteor(said, wanted, settings, absent)) is not None:
        metrics["meteor"], items["meteor"] = found, found.combine(found.rows)
    details = {"sacrebleu": {"printed": sacre.printed, "signature": sacre.signature}}
    return Measured(metrics=metrics, items=items, details=details, absent=absent)


def scores(measured: Measured, settings: TextSettings) -> dict[str, Score]:
    """Values and 95 % intervals by name, bootstrapped over the same draws of captions where no other way is better.

    Document frequencies of CIDEr stay those of the whole set of references in every draw.
    """
    summed = {name: one for name, one in measured.metrics.items() if isinstance(one, ItemStatistics)}
    intervals: dict[str, Interval | None] = {}
    methods = dict.fromkeys(summed, "bootstrap")
    if settings.resamples:
        found = bootstrap_intervals([*summed.values()], resamples=settings.resamples, seed=settings.seed)
        intervals = dict(zip(summed, found, strict=True))
        intervals |= {name: one.interval for name, one in measured.metrics.items() if isinstance(one, Diversity)}
        methods |= dict.fromkeys(measured.metrics.keys() - summed.keys(), "jackknife")
        for name in RATES & summed.keys():
            intervals[name], methods[name] = rate_interval(measured.items[name]), "wilson"
    return {
        name: Score(
            value=one.value,
            interval=intervals.get(name),
            method=None if intervals.get(name) is None else methods[name],
            details=measured.details.get(name, {}),
        )
        for name, one in measured.metrics.items()
    }


def _normalised(
    candidates: Sequence[str], references: Sequence[Sequence[str]], settings: TextSettings
) -> tuple[list[str], list[list[str]]]:
    how = settings.normalisation
    return [normalise(text, how) for text in candidates], [[normalise(text, how) for text in own] for own in references]


def _check(wanted: Sequence[Sequence[str]], given: Sequence[Sequence[str]], names: Sequence[str] | None) -> None:
    """Refuse what cannot be scored."""
    if not wanted:
        raise InputError("there is no caption to score")
    for number, own in enumerate(wanted):
        if not any(text.split() for text in own):
            which = number if names is None else repr(names[number])
            raise InputError(f"caption {which}: expected a reference that holds a word, got {given[number]!r:.80}")


def _meteor(
    said: Sequence[str], wanted: Sequence[Sequence[str]], settings: TextSettings, absent: dict[str, str]
) -> ItemStatistics | None:
    """METEOR, or None and a reason among the absent."""
    why_not = why_no_meteor() if settings.meteor else "not asked for: it needs Java and about ten seconds to start"
    if why_not is None:
        try:
            return meteor(said, wanted)
        except RuntimeError as error:
            why_not = str(error)
    absent["meteor"] = why_not
    return None


def _words(text: str, settings: TextSettings) -> str:
    return text if settings.tokenized else tokenize(text)
