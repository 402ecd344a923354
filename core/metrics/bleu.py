"""BLEU as coco-caption computes it, with arrays in place of dictionaries, and as sacrebleu does.

Both keep counts apart from the score, so that captions can be resampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.metrics.ngrams import counted_ngrams
from core.metrics.statistics import ItemStatistics

__all__ = ["Bleu", "SacreBleu", "bleu", "sacrebleu_score"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_SMALL, _TINY = 1e-9, 1e-15  # coco-caption's own guards against 0/0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bleu:
    """BLEU-1 to BLEU-4, 0-1: of the corpus, and of each item, float64 (n, 4)."""

    corpus: tuple[ItemStatistics, ...]
    items: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class SacreBleu:
    """sacrebleu's BLEU: its statistics (score 0-1), the score that it prints (0-100), and its signature."""

    corpus: ItemStatistics
    printed: float
    signature: str


def bleu(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Bleu:
    """BLEU (Papineni et al. 2002) with coco-caption's counts and the closest reference length.

    Args:
        candidates: n captions, words with spaces between.
        references: those of each.
    """
    n = len(candidates)
    item = np.concatenate([np.arange(n), np.repeat(np.arange(n), [len(own) for own in references])])
    texts = [*candidates, *(text for own in references for text in own)]
    lengths = np.array([len(text.split()) for text in texts], dtype=np.int64)
    matched = [_matched(text, gram, count, item, n) for text, gram, count in counted_ngrams(texts, orders=4)]
    guessed = [np.maximum(lengths[:n] - order, 0) for order in range(4)]
    closest = _closest_lengths(lengths[:n], lengths[n:], item[n:])
    rows = np.stack([lengths[:n], closest, *matched, *guessed], axis=1).astype(np.float64)
    corpus = tuple(ItemStatistics(rows=rows, combine=_Combine(order=order)) for order in (1, 2, 3, 4))
    return Bleu(corpus=corpus, items=np.stack([one.combine(rows) for one in corpus], axis=1))


def sacrebleu_score(candidates: Sequence[str], references: Sequence[Sequence[str]], *, tokenized: bool) -> SacreBleu:
    """sacrebleu's corpus BLEU-4 (Post 2018), case-sensitive, tokenised by its 13a rules unless tokenised already."""
    from sacrebleu.metrics.bleu import BLEU

    # effective_order silences a warning on single sentences; their counts are the same with and without.
    counter = BLEU(tokenize="none" if tokenized else "13a", force=True, effective_order=True)
    counted = [counter.sentence_score(one, list(own)) for one, own in zip(candidates, references, strict=True)]
    rows = np.array([[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in counted], dtype=np.float64)
    corpus = ItemStatistics(rows=rows, combine=_sacre_combine)
    return SacreBleu(corpus=corpus, printed=100 * corpus.value, signature=_signature(references, tokenized=tokenized))


def _signature(references: Sequence[Sequence[str]], *, tokenized: bool) -> str:
    """sacrebleu's own, which it knows only once it has counted references."""
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(tokenize="none" if tokenized else "13a", force=True)
    fewest, most = min(references, key=len), max(references, key=len)
    streams: list[Any] = [[fewest[i] if i < len(fewest) else None, text] for i, text in enumerate(most)]
    metric.corpus_score(["", ""], streams)
    return str(metric.get_signature())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Combine:
    """coco-caption's formula over sums (..., 10): lengths of candidate and reference, correct x 4, guessed x 4."""

    order: int

    def __call__(self, sums: Array) -> Array:
        correct, guessed = sums[..., 2 : 2 + self.order], sums[..., 6 : 6 + self.order]
        precision = np.prod((correct + _TINY) / (guessed + _SMALL), axis=-1) ** (1 / self.order)
        ratio = (sums[..., 0] + _TINY) / (sums[..., 1] + _SMALL)
        brevity = np.exp(np.minimum(0.0, 1 - 1 / ratio))
        return np.asarray(precision * brevity, dtype=np.float64)


def _sacre_combine(sums: Array) -> Array:
    """sacrebleu's formula with "exp" smoothing: the k-th order without a match counts as 1/2^k of one."""
    correct, total = sums[..., 2:6], sums[..., 6:10]
    missed = (correct == 0) & (total > 0)
    smoothed = np.where(missed, 0.5 ** np.cumsum(missed, axis=-1), correct)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.exp(np.mean(np.log(smoothed / total), axis=-1))
        brevity = np.exp(np.minimum(0.0, 1 - sums[..., 1] / sums[..., 0]))
    nothing = (total == 0).any(axis=-1) | (correct == 0).all(axis=-1)
    return np.asarray(np.where(nothing, 0.0, score * brevity), dtype=np.float64)


def _matched(text: Ints, gram: Ints, count: Ints, item: Ints, n: int) -> Ints:
    """How many of each candidate's n-grams are in its references, each at most as often as in one of them: (n,)."""
    split = int(np.searchsorted(text, n))
    width = int(gram.max(initial=0)) + 1
    wanted = item[text[split:]] * width + gram[split:]
    order = np.argsort(wanted, kind="stable")
    known, first = np.unique(wanted[order], return_index=True)
    if not len(known) or not split:
        return np.zeros(n, dtype=np.int64)
    most = np.maximum.reduceat(count[split:][order], first)
    said = text[:split] * width + gram[:split]
    at = np.minimum(np.searchsorted(known, said), len(known) - 1)
    matched = np.where(known[at] == said, np.minimum(count[:split], most[at]), 0)
    return np.bincount(text[:split], weights=matched, minlength=n).astype(np.int64)


def _closest_lengths(said: Ints, wanted: Ints, item: Ints) -> Ints:
    """The reference length nearest to each candidate's, of two as near the shorter: (n,)."""
    width = int(wanted.max(initial=0)) + 1
    found = np.full(len(said), np.iinfo(np.int64).max)
    np.minimum.at(found, item, np.abs(wanted - said[item]) * width + wanted)
    return np.asarray(found % width, dtype=np.int64)
