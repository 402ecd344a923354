"""Which trials are left to be run: what the cache has is over before it begins, without a process of its own."""

from collections.abc import Callable
from dataclasses import dataclass

from distributed.sweep_search import Answer, Suggestions, Waiting
from distributed.sweep_settings import SweepSettings
from distributed.sweep_shared import Sweep
from distributed.sweep_space import Values
from distributed.sweep_trials import Trial
from distributed.sweep_write import best_of, is_scored

__all__ = ["Asking", "Ended", "answer_of", "objectives_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A trial that ended, however."""

    number: int
    trial: Trial | None
    """None where it was stopped early."""
    reused: bool = False
    written: int = 0


class Asking:
    """Asks for trials, and hands on those that have to be run.

    ASHA has to see the reports of all of them, so with it none is.
    """

    def __init__(self, sweep: Sweep, suggestions: Suggestions, *, retry: bool, ended: Callable[[Ended], None]) -> None:
        self._sweep = sweep
        self._suggestions = suggestions
        self._retry = retry
        self._ended = ended
        self._next: tuple[int, Values] | None = None

    def waits(self) -> bool:
        """Whether a trial is left; those that are over are told of."""
        if self._next is None:
            found = self.ask()
            self._next = None if isinstance(found, str) else found
        return self._next is not None

    def ask(self) -> tuple[int, Values] | Waiting | None:
        """Number and values of the next trial to be run."""
        if self._next is not None:
            (found, self._next) = (self._next, None)
            return found
        while True:
            values = self._suggestions.ask()
            if values is None or isinstance(values, str):
                return values
            number = len(self._suggestions.asked) - 1
            trial = self._known(values)
            if trial is None:
                return number, values
            self._suggestions.answer(number, answer_of(self._sweep, trial))
            self._ended(Ended(number=number, trial=trial, reused=True))

    def answer(self, number: int, answer: Answer) -> None:
        """What a trial reached."""
        self._suggestions.answer(number, answer)

    def _known(self, values: Values) -> Trial | None:
        key = self._sweep.key(values)
        trial = self._sweep.cache.find(key)
        if trial is None or self._sweep.settings.scheduler == "asha":
            return None
        if trial.status == "failed":
            return None if self._retry else trial
        return trial if is_scored(self._sweep, key, retry=self._retry) else None


def objectives_of(settings: SweepSettings) -> tuple[str, ...]:
    """The metrics that are to be high."""
    return {"rougeL": ("rougeL",), "clip": ("clip_cosine",)}.get(settings.objective, ("rougeL", "clip_cosine"))


def answer_of(sweep: Sweep, trial: Trial) -> Answer:
    """The most that the trial's model reaches in each objective, over all decodings."""
    if trial.status != "finished":
        return None
    best = best_of(sweep, trial.key)
    wanted = objectives_of(sweep.settings)
    return [best[name] for name in wanted] if set(wanted) <= set(best) else None
