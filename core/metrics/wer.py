"""Word error rate."""

from collections.abc import Sequence

import numpy as np

from core.metrics.statistics import ItemStatistics

__all__ = ["word_errors"]


def word_errors(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> ItemStatistics:
    """Words to insert, delete or replace, by words of the reference; may pass 1. The sums' ratio is the corpus WER.

    Of several references the one that gives an item the lowest rate counts (of equal rates the shorter); references
    without a word are passed over. With one reference it is what jiwer computes.

    Args:
        candidates: n captions, words with spaces between.
        references: those of each, at least one with a word.
    """
    rows = [_nearest(candidate.split(), own) for candidate, own in zip(candidates, references, strict=True)]
    return ItemStatistics(rows=np.array(rows, dtype=np.float64).reshape(-1, 2))


def _nearest(said: list[str], references: Sequence[str]) -> tuple[int, int]:
    """Errors and words against the nearest reference."""
    from rapidfuzz.distance import Levenshtein

    split = [words for words in map(str.split, references) if words]
    return min(((Levenshtein.distance(said, words), len(words)) for words in split), key=lambda c: (c[0] / c[1], c[1]))
