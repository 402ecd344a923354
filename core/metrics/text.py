"""How near a text is to what people wrote."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pycocoevalcap.rouge.rouge import Rouge

__all__ = ["rouge_l", "rouge_l_items"]

Array = npt.NDArray[np.float64]


def rouge_l(candidate: str, references: Sequence[str]) -> float:
    """ROUGE-L as coco-caption computes it (Lin 2004; beta 1.2, the best precision and recall over references): 0-1.

    Texts are lower-cased, apostrophes dropped, and all other punctuation and symbols (emoji too) taken for spaces;
    coco-caption itself tokenises with a Java program, so scores can differ in the third decimal.

    Raises:
        ValueError: no reference holds a word.
    """
    worded = [words for words in map(_words, references) if words]
    if not worded:
        raise ValueError("ROUGE-L needs a reference that holds a word")
    said = _words(candidate)
    return float(Rouge().calc_score([said], worded)) if said else 0.0


def rouge_l_items(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Array:
    """coco-caption's ROUGE-L of each item, 0-1, float64 (n,); texts are words with single spaces between.

    A double space is a word to coco-caption, and so here.
    """
    from rapidfuzz.distance import LCSseq

    beta2, found = Rouge().beta ** 2, []
    for candidate, own in zip(candidates, references, strict=True):
        said, wanted = candidate.split(" "), [text.split(" ") for text in own]
        shared = [LCSseq.similarity(said, words) for words in wanted]
        precision = max(shared) / len(said)
        recall = max(common / len(words) for common, words in zip(shared, wanted, strict=True))
        found.append((1 + beta2) * precision * recall / (recall + beta2 * precision) if precision else 0.0)
    return np.array(found, dtype=np.float64)


def _words(text: str) -> str:
    """Words with one space between."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return " ".join("".join(_letter(c) for c in plain).split())


def _letter(character: str) -> str:
    if character in "'’":
        return ""
    return " " if unicodedata.category(character)[0] in "PSCZ" else character
