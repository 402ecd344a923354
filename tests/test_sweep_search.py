"""Which trials are asked for: without repeats, the same for the same seed, whatever order answers come in."""

import itertools
from typing import Any

import pytest
from pydantic import TypeAdapter

from distributed.sweep_search import Suggestions
from distributed.sweep_space import Space

SPACE: TypeAdapter[Any] = TypeAdapter(Space)


def suggestions(searcher: str, *, trials: int = 8, parallel: int = 2, seed: int = 0, **spaces: Any) -> Suggestions:
    spaces = spaces or {"x": {"uniform": [0, 1]}, "kind": ["a", "b"]}
    return Suggestions(
        spaces={name: SPACE.validate_python(space) for name, space in spaces.items()},
        searcher=searcher,
        trials=trials,
        parallel=parallel,
        objectives=1,
        seed=seed,
        defaults={"x": 0.5, "kind": "a"},
    )


def score(values: dict[str, Any]) -> float:
    return 1 - (values.get("x", 0.5) - 0.8) ** 2 + (0.1 if values.get("kind") == "b" else 0.0)


def run(source: Suggestions, *, late: bool = False) -> list[Any]:
    """Ask and answer, two under way; `late` answers the younger one first."""
    under_way: list[int] = []
    while True:
        found = source.ask()
        if isinstance(found, dict):
            under_way.append(len(source.asked) - 1)
        if found is None and not under_way:
            return source.asked
        if not isinstance(found, dict) or len(under_way) == 2:
            number = under_way.pop(1 if late and len(under_way) == 2 else 0)
            source.answer(number, [score(source.asked[number])])


@pytest.mark.parametrize("searcher", ["random", "optuna"])
def test_the_first_trial_is_the_defaults_and_none_is_repeated(searcher: str) -> None:
    asked = run(suggestions(searcher))
    assert asked[0] == {}
    assert len(asked) == 8
    assert len({str(values) for values in asked}) == 8


@pytest.mark.parametrize("searcher", ["random", "optuna"])
def test_the_order_of_answers_makes_no_difference(searcher: str) -> None:
    assert run(suggestions(searcher)) == run(suggestions(searcher), late=True)


@pytest.mark.parametrize("searcher", ["random", "optuna"])
def test_another_seed_asks_other_questions(searcher: str) -> None:
    assert run(suggestions(searcher))[1:] != run(suggestions(searcher, seed=1))[1:]


def test_a_small_space_ends_when_all_of_it_was_tried() -> None:
    for searcher in ("random", "optuna", "grid"):
        asked = run(suggestions(searcher, trials=50, x=[0.1, 0.5], kind=["a", "b"]))
        tried = {(values.get("x", 0.5), values.get("kind", "a")) for values in asked}
        assert tried == set(itertools.product([0.1, 0.5], "ab")), searcher
        assert len(asked) == 4, "the defaults are one of the four"


def test_the_grid_goes_in_order_and_stops_at_the_budget() -> None:
    asked = run(suggestions("grid", trials=3, x=[0.1, 0.2, 0.3], kind=["b"]))
    assert asked == [{}, {"x": 0.1, "kind": "b"}, {"x": 0.2, "kind": "b"}]


def test_optuna_waits_for_what_it_has_to_know() -> None:
    source = suggestions("optuna", parallel=2)
    assert isinstance(source.ask(), dict)
    assert isinstance(source.ask(), dict)
    assert source.ask() == "waiting", "trial 2 depends on trial 0"
    source.answer(1, [0.3])
    assert source.ask() == "waiting"
    source.answer(0, [0.2])
    assert isinstance(source.ask(), dict)


def test_optuna_finds_the_better_half_more_often_than_chance() -> None:
    def late_half(searcher: str) -> float:
        asked = run(suggestions(searcher, trials=40, seed=3))
        return sum(score(values) for values in asked[20:]) / 20

    assert late_half("optuna") > late_half("random")


def test_a_trial_that_failed_does_not_stop_the_search() -> None:
    source = suggestions("optuna", trials=5, parallel=1)
    for _ in range(5):
        assert isinstance(source.ask(), dict)
        source.answer(len(source.asked) - 1, None)
    assert source.ask() is None


def test_nothing_to_search_is_one_trial() -> None:
    source = Suggestions(spaces={}, searcher="random", trials=12, parallel=2, objectives=1, seed=0, defaults={})
    assert (source.ask(), source.ask(), source.expected()) == ({}, None, 1)
