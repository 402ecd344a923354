"""What is wrong with a line of training data, named so that it can be found and mended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Problem", "bad_lines", "line_ranges"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong with one line or item."""

    file: str
    line: int | None
    """1-based line of a records file, or number of an item of an import; None where the whole file is meant."""
    field: str | None
    reason: str
    """A short word: `not_json`, `missing`, `unreadable`, …"""
    message: str
    """A sentence: what was expected, what came, what to do."""
    severity: Literal["error", "warning"] = "error"
    """An error makes the line unusable; a line with a warning is used as it is."""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def bad_lines(problems: Iterable[Problem]) -> list[int]:
    """The lines that cannot be used, in order, each once."""
    return sorted({p.line for p in problems if p.severity == "error" and p.line is not None})


def line_ranges(lines: Sequence[int]) -> str:
    """Line numbers as a person writes them.

    >>> line_ranges([3, 7, 8, 9])
    '3, 7-9'
    """
    runs: list[tuple[int, int]] = []
    for line in sorted(set(lines)):
        if runs and runs[-1][1] == line - 1:
            runs[-1] = (runs[-1][0], line)
        else:
            runs.append((line, line))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
