"""A sentence with gaps, and for each fact of a scene the words that fill its gap."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

__all__ = ["Saying", "plural", "same"]

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True, kw_only=True)
class Saying:
    """What a club says of one topic; `gaps` holds, for each fact (a field of the scene), its values' words."""

    text: str
    gaps: Mapping[str, Mapping[Any, str]]

    def of(self, scene: object) -> str:
        """The club's words for a scene.

        Raises:
            KeyError: the scene has a value that the club has no words for.
        """
        return self.text.format(**{fact: words[getattr(scene, fact)] for fact, words in self.gaps.items()})

    def every(self) -> list[str]:
        """The words for all combinations of facts, in the order of the tables."""
        return [
            self.text.format(**dict(zip(self.gaps, words, strict=True)))
            for words in product(*(table.values() for table in self.gaps.values()))
        ]


def same(*values: str, capital: bool = False) -> dict[str, str]:
    """Values that are their own words, with a capital first letter if asked."""
    return {value: value.capitalize() if capital else value for value in values}


def plural(low: int, high: int, one: str, more: str, *, capital: bool = False) -> dict[int, str]:
    """Counts from `low` to `high`; `{}` in the words is the number."""
    words = {count: (one if count == 1 else more).format(NUMBERS[count]) for count in range(low, high + 1)}
    return {count: text[:1].upper() + text[1:] if capital else text for count, text in words.items()}
