"""Two sets of captions of the same photos: which metric differs, and by how much."""

from dataclasses import dataclass

from core.errors import ConfigError
from core.metrics.corpus import Measured, TextSettings
from core.metrics.diversity import Diversity, diversity_difference, diversity_permutation
from core.metrics.statistics import Interval, ItemStatistics, paired_bootstrap, paired_permutation

__all__ = ["LOWER_IS_BETTER", "Comparison", "compare"]

LOWER_IS_BETTER = frozenset({"wer", "handle_leak", "verbatim_copy"})

_SIGNIFICANT = 0.05
_NOTHING = 1e-4  # what coco-caption's guards leave of a BLEU where nothing matches; it follows lengths, not quality


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A metric of two sets of captions."""

    a: float
    b: float
    difference: float
    """b less a."""
    interval: Interval | None
    """95 % of the difference, by the paired bootstrap (for distinct-n the jackknife)."""
    p_value: float
    """Paired permutation test, two-sided; not corrected for the number of metrics looked at."""
    verdict: str
    """"a is better", "b is better", or "no difference shown" where the p-value is 5 % or more."""


def compare(a: Measured, b: Measured, settings: TextSettings) -> dict[str, Comparison]:
    """Compare every metric that both have.

    Raises:
        ConfigError: no test can be made with `resamples` 0.
    """
    if not settings.resamples:
        raise ConfigError("comparing two sets of captions needs resamples; the setting is 0")
    found = {}
    for name, first in a.metrics.items():
        if name not in b.metrics:
            continue
        interval, p_value = _tested(first, b.metrics[name], settings)
        difference = b.metrics[name].value - first.value
        found[name] = Comparison(
            a=first.value,
            b=b.metrics[name].value,
            difference=difference,
            interval=interval,
            p_value=p_value,
            verdict=_verdict(first.value, b.metrics[name].value, p_value, lower=name in LOWER_IS_BETTER),
        )
    return found


def _tested(
    a: ItemStatistics | Diversity, b: ItemStatistics | Diversity, settings: TextSettings
) -> tuple[Interval | None, float]:
    count, seed = settings.resamples, settings.seed
    if isinstance(a, Diversity) and isinstance(b, Diversity):
        return diversity_difference(a, b), diversity_permutation(a, b, permutations=count, seed=seed)
    if isinstance(a, ItemStatistics) and isinstance(b, ItemStatistics):
        return (
            paired_bootstrap(a, b, resamples=count, seed=seed),
            paired_permutation(a, b, permutations=count, seed=seed),
        )
    raise TypeError(f"cannot compare {type(a).__name__} with {type(b).__name__}")


def _verdict(a: float, b: float, p_value: float, *, lower: bool) -> str:
    if p_value >= _SIGNIFICANT or a == b or max(abs(a), abs(b)) < _NOTHING:
        return "no difference shown"
    return "b is better" if (b < a) == lower else "a is better"
