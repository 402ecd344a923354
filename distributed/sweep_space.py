"""What a sweep searches: for each parameter the values that it may take. Knows nothing of Ray or of what is trained."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from core.settings_base import Settings

__all__ = ["Space", "Values", "draw", "every_combination"]

Values = dict[str, Any]
"""A value for each parameter."""
_KINDS = ("choices", "uniform", "loguniform", "int", "logint")


def _as_choices(value: Any) -> Any:
    """`[1, 2]` is short for `{choices: [1, 2]}`."""
    return {"choices": value} if isinstance(value, list | tuple) else value


class _Space(Settings):
    """The values of one parameter, in exactly one of five ways."""

    choices: Annotated[tuple[Any, ...], Field(min_length=1)] | None = None
    """Any of these."""
    uniform: tuple[float, float] | None = None
    """A number between two, both included."""
    loguniform: tuple[float, float] | None = None
    """The same, evenly over orders of magnitude: for learning rates."""
    int_: Annotated[tuple[int, int] | None, Field(alias="int")] = None
    """A whole number between two, both included."""
    logint: tuple[int, int] | None = None
    """The same, evenly over orders of magnitude."""

    @model_validator(mode="after")
    def _one_kind(self) -> "_Space":
        given = [kind for kind in _KINDS if self._of(kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected a list of values, or one of {', '.join(_KINDS)}, got {', '.join(given) or 'none'}"
            )
        if given[0] == "choices":
            if len({str(value) for value in self.choices or ()}) < len(self.choices or ()):
                raise ValueError(f"a value is listed twice, got {list(self.choices or ())}")
            return self
        low, high = self.ends
        if not low < high or not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"expected two numbers, the smaller first, got [{low:g}, {high:g}]")
        if self.is_log and low <= 0:
            raise ValueError(f"{given[0]} needs numbers above 0, got [{low:g}, {high:g}]")
        return self

    @property
    def kind(self) -> str:
        """How the values are given."""
        return next(kind for kind in _KINDS if self._of(kind) is not None)

    @property
    def ends(self) -> tuple[float, float]:
        """Least and greatest value of a range."""
        low, high = self._of(self.kind)
        return low, high

    @property
    def is_log(self) -> bool:
        """Whether the values are spread over orders of magnitude."""
        return self.kind in ("loguniform", "logint")

    @property
    def is_whole(self) -> bool:
        """Whether the values of a range are whole numbers."""
        return self.kind in ("int", "logint")

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Values to be checked before anything runs: all choices, or both ends."""
        return self.choices if self.choices is not None else self.ends

    @property
    def listed(self) -> tuple[Any, ...] | None:
        """All values in order, where they are few enough to be listed; None for a range of numbers."""
        if self.choices is not None:
            return self.choices
        if self.kind == "int":
            return tuple(range(int(self.ends[0]), int(self.ends[1]) + 1))
        return None

    def draw(self, generator: np.random.Generator) -> Any:
        """One value at random."""
        if self.choices is not None:
            return self.choices[int(generator.integers(len(self.choices)))]
        low, high = self.ends
        if self.kind == "int":
            return int(generator.integers(int(low), int(high) + 1))
        value = math.exp(generator.uniform(math.log(low), math.log(high))) if self.is_log else None
        if self.kind == "logint":
            return min(max(round(value or low), int(low)), int(high))
        return _rounded(generator.uniform(low, high) if value is None else value)

    def holds(self, value: Any) -> bool:
        """Whether a value lies within it."""
        if self.choices is not None:
            return value in self.choices
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.ends[0] <= value <= self.ends[1] and (not self.is_whole or value == int(value))

    def _of(self, kind: str) -> Any:
        return self.int_ if kind == "int" else getattr(self, kind)


Space = Annotated[_Space, BeforeValidator(_as_choices)]


def draw(spaces: Mapping[str, _Space], generator: np.random.Generator) -> Values:
    """A value for each parameter, at random."""
    return {name: space.draw(generator) for name, space in spaces.items()}


def every_combination(spaces: Mapping[str, _Space]) -> Iterator[Values] | None:
    """All combinations, the last parameter changing fastest; None where a range holds too many to be listed."""
    listed = [space.listed for space in spaces.values()]
    if any(values is None for values in listed):
        return None
    product = itertools.product(*(values for values in listed if values is not None))
    return (dict(zip(spaces, values, strict=True)) for values in product)


def _rounded(value: float) -> float:
    """Four significant digits: a setting that can be read aloud, and written down without loss."""
    return float(f"{value:.4g}")
