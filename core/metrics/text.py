"""How near a text is to what people wrote."""

import unicodedata
from collections.abc import Sequence

from pycocoevalcap.rouge.rouge import Rouge

__all__ = ["rouge_l"]


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


def _words(text: str) -> str:
    """Words with one space between."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return " ".join("".join(_letter(c) for c in plain).split())


def _letter(character: str) -> str:
    if character in "'’":
        return ""
    return " " if unicodedata.category(character)[0] in "PSCZ" else character
