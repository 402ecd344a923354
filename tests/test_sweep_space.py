"""What a parameter may be, how it is drawn, and which combinations there are."""

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from distributed.sweep_space import Space, draw, every_combination

SPACE: TypeAdapter[Any] = TypeAdapter(Space)


def space(given: Any) -> Any:
    return SPACE.validate_python(given)


def test_a_list_is_short_for_choices() -> None:
    assert space([1, 2]) == space({"choices": [1, 2]})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "got none"),
        ({"uniform": [0, 1], "choices": [1]}, "got choices, uniform"),
        ({"uniform": [1, 0]}, r"the smaller first, got \[1, 0\]"),
        ({"loguniform": [0, 1]}, "needs numbers above 0"),
        ({"choices": [1, 1]}, "listed twice"),
        ({"choices": []}, "at least 1 item"),
        ({"int": [1.5, 2]}, "valid integer"),
    ],
)
def test_what_is_no_space_is_refused(given: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        space(given)


@pytest.mark.parametrize(
    ("given", "low", "high", "kind"),
    [
        ({"uniform": [0, 1]}, 0, 1, float),
        ({"loguniform": [1e-4, 1e-2]}, 1e-4, 1e-2, float),
        ({"int": [2, 5]}, 2, 5, int),
        ({"logint": [1, 64]}, 1, 64, int),
    ],
)
def test_draws_lie_in_the_range_and_reach_both_halves(given: Any, low: float, high: float, kind: type) -> None:
    one, generator = space(given), np.random.default_rng(0)
    drawn = [one.draw(generator) for _ in range(300)]
    assert all(isinstance(value, kind) and low <= value <= high and one.holds(value) for value in drawn)
    middle = (low * high) ** 0.5 if one.is_log else (low + high) / 2
    below = sum(value < middle for value in drawn)
    assert 75 < below < 225, "a logarithmic range is spread over orders of magnitude"


def test_draws_follow_the_seed() -> None:
    spaces = {"a": space([1, 2, 3]), "b": space({"uniform": [0, 1]})}
    first = [draw(spaces, np.random.default_rng(5)) for _ in range(2)]
    assert first[0] == first[1]
    assert draw(spaces, np.random.default_rng(6)) != first[0]


def test_all_combinations_in_order_and_none_of_a_range() -> None:
    spaces = {"a": space([1, 2]), "b": space({"int": [5, 6]})}
    assert list(every_combination(spaces) or ()) == [
        {"a": 1, "b": 5},
        {"a": 1, "b": 6},
        {"a": 2, "b": 5},
        {"a": 2, "b": 6},
    ]
    assert every_combination(spaces | {"c": space({"uniform": [0, 1]})}) is None
