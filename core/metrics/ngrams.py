"""N-grams of many texts as numbers."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["counted_ngrams", "ngram_ids"]

Ints = npt.NDArray[np.int64]


def ngram_ids(texts: Sequence[str], orders: int) -> Iterator[tuple[Ints, Ints]]:
    """For n = 1 … `orders`: the text in which each n-gram stands and the n-gram's number, both int64 (occurrences,).

    Equal n-grams have equal numbers, 0 … distinct n-grams - 1.
    """
    numbers: dict[str, int] = {}
    split = [text.split() for text in texts]
    words = np.array([numbers.setdefault(word, len(numbers)) for own in split for word in own], dtype=np.int64)
    text = np.repeat(np.arange(len(split)), [len(own) for own in split])
    gram = words
    for order in range(1, orders + 1):
        if order > 1:  # an n-gram is the (n-1)-gram before it and one word more, of the same text
            inside = text[: -(order - 1)] == text[order - 1 :]
            longer = gram[: len(words) - order + 1] * (len(numbers) or 1) + words[order - 1 :]
            _, numbered = np.unique(longer, return_inverse=True)
            gram = numbered.astype(np.int64)
            ids = np.unique(gram[inside], return_inverse=True)[1].astype(np.int64)
            yield text[: len(inside)][inside], ids
        else:
            yield text, gram


def counted_ngrams(texts: Sequence[str], orders: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """For n = 1 … `orders`: text, n-gram, and how often it stands there; sorted by text, then n-gram."""
    for text, gram in ngram_ids(texts, orders):
        width = int(gram.max(initial=0)) + 1
        pairs, count = np.unique(text * width + gram, return_counts=True)
        yield pairs // width, pairs % width, count.astype(np.int64)
