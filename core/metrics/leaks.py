"""What captions should not repeat: handles of accounts, and training captions word for word."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from core.handles import handles_in

__all__ = ["exact_matches", "handle_leaks", "verbatim_copies"]

Array = npt.NDArray[np.float64]


def handle_leaks(candidates: Sequence[str], *, allowed: Collection[str] = ()) -> Array:
    """1 for each raw caption that names an `@handle`, else 0: float64 (n,); the mean is the handle leak rate.

    Args:
        candidates: as they were written, not tokenised.
        allowed: handles that may be named, with or without "@", in any case.
    """
    known = {f"@{handle.lstrip('@＠﹫').lower()}" for handle in allowed}
    named = [{handle.lower() for handle in handles_in(text)} for text in candidates]
    return np.array([bool(names - known) for names in named], np.float64)


def verbatim_copies(candidates: Sequence[str], training: Iterable[str]) -> Array:
    """1 for each caption, of a word at least, that equals a training caption, both tokenised, else 0: float64 (n,)."""
    seen = set(training)
    return np.array([bool(candidate.split()) and candidate in seen for candidate in candidates], np.float64)


def exact_matches(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Array:
    """1 for each caption, of a word at least, that equals one of its references, tokenised, else 0: float64 (n,)."""
    pairs = zip(candidates, references, strict=True)
    return np.array([bool(candidate.split()) and candidate in own for candidate, own in pairs], np.float64)
