"""Which training parameters are tried next: at random, in a grid, or by Optuna. Knows nothing of Ray.

A sweep is a function of its file and seed: trials have numbers, and what is asked for number n depends on nothing but
the results of numbers up to n - `parallel`. So a sweep whose driver was killed asks the same questions again, and
finds those that were answered in the trial cache, whatever order the answers came in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import numpy as np

from core.store import digest
from distributed.sweep_space import Values, draw, every_combination

__all__ = ["Answer", "Suggestions", "Waiting"]

_TRIES = 200
"""Draws for a combination that was not tried before; then the space counts as exhausted."""
Waiting = Literal["waiting"]
Answer = Sequence[float] | None
"""What a trial reached, the higher the better; None where it failed or was stopped."""


@dataclass(kw_only=True)
class Suggestions:
    """Values for one trial after another; trial 0 takes the recipe as it is.

    Args:
        spaces: of each training parameter.
        searcher: `random`, `grid` or `optuna`.
        trials: most that are asked for, the defaults among them.
        parallel: trials that may be under way at a time.
        objectives: how many numbers an answer has.
        defaults: the recipe's own values of the parameters.
    """

    spaces: Mapping[str, Any]
    searcher: str
    trials: int
    parallel: int
    objectives: int
    seed: int
    defaults: Values
    asked: list[Values] = field(default_factory=list)
    _answers: dict[int, Answer] = field(default_factory=dict)
    _told: int = 0
    _known: dict[str, int] = field(default_factory=dict)
    _source: Any = None

    def __post_init__(self) -> None:
        if self.searcher == "optuna":
            self._source = _Tpe(self.spaces, self.objectives, self.seed)
        elif self.searcher == "grid":
            self._source = every_combination(self.spaces) or iter(())
        else:
            self._source = np.random.default_rng(self.seed)

    def ask(self) -> Values | Waiting | None:
        """Values of the next trial, `waiting` where an answer must come first, None where there is none left."""
        number = len(self.asked)
        if number >= self.trials or (number > 0 and not self.spaces):
            return None
        if number == 0:
            return self._note({})
        if self.searcher == "optuna" and not self._tell_up_to(number - self.parallel):
            return "waiting"
        found = next(self._new(), None)
        if found is None:
            self.trials = number  # exhausted
            return None
        return self._note(found)

    def answer(self, number: int, answer: Answer) -> None:
        """What a trial that was asked for reached."""
        self._answers[number] = answer

    def expected(self) -> int:
        """How many trials there will be at most."""
        every = every_combination(self.spaces) if self.spaces else iter(())
        if not self.spaces:
            return 1
        return self.trials if every is None else min(self.trials, 1 + sum(1 for _ in islice(every, self.trials)))

    def _note(self, values: Values) -> Values:
        self._known[self._identity(values)] = len(self.asked)
        self.asked.append(values)
        return values

    def _identity(self, values: Values) -> str:
        return digest("values", {name: str(value) for name, value in sorted((self.defaults | values).items())})

    def _new(self) -> Iterator[Values]:
        """Combinations that were not asked for before."""
        if self.searcher == "grid":
            yield from (values for values in self._source if self._identity(values) not in self._known)
            return
        for _ in range(_TRIES):
            if isinstance(self._source, _Tpe):
                values = self._source.ask(len(self.asked))
                known = self._known.get(self._identity(values))
                if known is not None:  # only what was told counts: other answers may or may not be there yet
                    self._source.tell_again(self._answers.get(known) if known < self._told else None)
                    continue
            else:
                values = draw(self.spaces, self._source)
                if self._identity(values) in self._known:
                    continue
            yield values

    def _tell_up_to(self, number: int) -> bool:
        """Hand the answers on in the order of the questions; False where one is missing."""
        while self._told <= number:
            if self._told not in self._answers:
                return False
            self._source.tell(self._told, self.asked[self._told] or self.defaults, self._answers[self._told])
            self._told += 1
        return True


class _Tpe:
    """Optuna's sampler, with the values of choices under their numbers, since Optuna takes plain values only."""

    def __init__(self, spaces: Mapping[str, Any], objectives: int, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._spaces = spaces
        self._study = optuna.create_study(
            directions=["maximize"] * objectives, sampler=optuna.samplers.TPESampler(seed=seed)
        )
        self._waiting: dict[int, Any] = {}
        self._last: Any = None
        self._objectives = objectives

    def ask(self, number: int) -> Values:
        self._last = self._study.ask(self._distributions())
        self._waiting[number] = self._last
        found: Values = {}
        for name, space in self._spaces.items():
            value = self._last.params[name]
            if space.choices is not None:
                found[name] = space.choices[value]
            else:
                found[name] = int(value) if space.is_whole else float(f"{value:.4g}")
        return found

    def tell(self, number: int, values: Values, answer: Answer) -> None:
        trial = self._waiting.pop(number, None)
        if trial is not None:
            self._finish(trial, answer)
        elif answer is not None and all(space.holds(values.get(name)) for name, space in self._spaces.items()):
            made = self._optuna.trial.create_trial(
                params={name: self._code(name, values[name]) for name in self._spaces},
                distributions=self._distributions(),
                values=list(answer),
            )
            self._study.add_trial(made)

    def tell_again(self, answer: Answer) -> None:
        """The last question was asked before."""
        self._finish(self._last, answer)

    def _finish(self, trial: Any, answer: Answer) -> None:
        if answer is None or not np.isfinite(answer).all():
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, list(answer))

    def _code(self, name: str, value: Any) -> Any:
        choices = self._spaces[name].choices
        return value if choices is None else choices.index(value)

    def _distributions(self) -> dict[str, Any]:
        kinds = self._optuna.distributions
        found = {}
        for name, space in self._spaces.items():
            if space.choices is not None:
                found[name] = kinds.CategoricalDistribution(list(range(len(space.choices))))
            elif space.is_whole:
                found[name] = kinds.IntDistribution(int(space.ends[0]), int(space.ends[1]), log=space.is_log)
            else:
                found[name] = kinds.FloatDistribution(*space.ends, log=space.is_log)
        return found
