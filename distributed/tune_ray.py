"""Ray Tune's part of a sweep: which trials run where and when, and which are stopped early. Scores come from the cache.

Of Tune's own state nothing is kept: a sweep whose driver died asks the same questions again, and finds the answers in
the trial cache (`docs/adr/0010`).
"""

import logging
import math
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from distributed.sweep_asking import Asking, Ended, answer_of, objectives_of
from distributed.sweep_search import Suggestions
from distributed.sweep_settings import SweepSettings
from distributed.sweep_shared import Sweep
from distributed.sweep_trial import run_trial
from distributed.sweep_trials import Trial

__all__ = ["on_cluster", "room_for", "run_trials"]

_ENDLESS = 10**9
"""Steps that no trial takes: where a run ends is the recipe's to say."""
_FAILED = -1e9


def room_for(settings: SweepSettings) -> int:
    """How many trials the connected cluster can run at a time; at least one."""
    import ray

    wanted = {"CPU": settings.resources.cpus, "GPU": settings.resources.gpus}
    has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = min(int(has.get(name, 0.0) / amount) for name, amount in wanted.items() if amount)
    most = settings.resources.parallel
    return max(1, room if most is None else min(room, most))


def on_cluster(settings: SweepSettings, work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function once, with what a trial is given, rather than where the driver happens to be.

    Raises:
        Exception: as the function raised it.
    """
    import ray
    from ray.exceptions import RayTaskError

    task = ray.remote(num_cpus=settings.resources.cpus, num_gpus=settings.resources.gpus, max_retries=0)(work)
    try:
        return ray.get(task.remote(*arguments))
    except RayTaskError as error:
        raise error.cause from None


def run_trials(
    sweep: Sweep,
    suggestions: Suggestions,
    scratch: Path,
    *,
    parallel: int,
    seconds: float | None,
    retry: bool,
    ended: Callable[[Ended], None],
) -> None:
    """Run all trials of a sweep.

    Args:
        scratch: a folder for Tune's own state, removed in the end; on several machines all must see it.
        seconds: that are left; what runs longer is stopped. None: as long as it takes.
        retry: run trials again that failed before.
        ended: called with each trial that ended.
    """
    from ray import tune

    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # curves are in the trial cache
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # tables of its own, also where it is told to be silent
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    settings = sweep.settings
    asking = Asking(sweep, suggestions, retry=retry, ended=ended)
    if not asking.waits() or (seconds is not None and seconds <= 0):
        return
    shutil.rmtree(scratch, ignore_errors=True)
    trainable = tune.with_resources(
        tune.with_parameters(_trainable, sweep=sweep, retry=retry),
        {"cpu": settings.resources.cpus, "gpu": settings.resources.gpus},
    )
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=_searcher(asking, len(objectives_of(settings))),
            scheduler=_scheduler(settings),
            num_samples=suggestions.trials,
            max_concurrent_trials=parallel,
            time_budget_s=seconds,
            trial_name_creator=lambda trial: f"trial-{trial.config['number']:03d}",
            trial_dirname_creator=lambda trial: f"{trial.config['number']:03d}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(scratch),
            verbose=0,
            callbacks=[_watch(sweep, ended)],
            failure_config=tune.FailureConfig(max_failures=0),  # what failed would fail again
        ),
    )
    try:
        tuner.fit()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _trainable(config: Mapping[str, Any], sweep: Sweep | None = None, retry: bool = False) -> None:
    """A trial, in a process of its own."""
    import torch
    from ray import tune

    assert sweep is not None
    torch.set_num_threads(max(1, int(sweep.settings.resources.cpus)))
    last = {"step": 0.0, "monitor": _FAILED}

    def report(metrics: Mapping[str, float]) -> None:
        last.update(step=metrics["step"], monitor=metrics["monitor"])
        tune.report(dict(last))

    outcome = run_trial(sweep, dict(config["values"]), report=report, retry=retry)
    answer = answer_of(sweep, outcome.trial)
    about = {"ended": True, "failed": answer is None, "reused": outcome.reused, "written": outcome.written}
    reached = {f"answer_{i}": value for i, value in enumerate(answer or ())}
    tune.report(({**last} if answer is not None else {"step": 0.0, "monitor": _FAILED}) | about | reached)


def _scheduler(settings: SweepSettings) -> Any:
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

    if settings.scheduler == "none":
        return FIFOScheduler()  # type: ignore[no-untyped-call]
    return ASHAScheduler(
        time_attr="step",  # the run's own: Tune's count begins anew where a trial goes on
        metric="monitor",
        mode="max",
        max_t=_ENDLESS,
        grace_period=settings.asha.grace_steps,
        reduction_factor=settings.asha.reduction_factor,
    )


class _Here:
    """A thing of this process. Tune writes searchers and callbacks to disk, for a restore that is not used here."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __reduce__(self) -> Any:
        return _Here, (None,)


def _searcher(asking: Asking, objectives: int) -> Any:
    """The trials as Tune asks for them."""
    from ray.tune.search import Searcher

    here = _Here(asking)

    class Asking(Searcher):
        def __init__(self) -> None:
            super().__init__()
            self._numbers: dict[str, int] = {}

        def suggest(self, trial_id: str) -> Any:
            found = here.thing.ask()
            if found is None:
                return Searcher.FINISHED
            if isinstance(found, str):
                return None
            self._numbers[trial_id], values = found
            return {"number": self._numbers[trial_id], "values": values}

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            reached = [(result or {}).get(f"answer_{i}", math.nan) for i in range(objectives)]
            known = not error and all(isinstance(v, float) and math.isfinite(v) for v in reached)
            here.thing.answer(self._numbers[trial_id], reached if known else None)

        def save(self, checkpoint_path: str) -> None:
            Path(checkpoint_path).touch()  # nothing to keep: the same seed asks the same again

        def restore(self, checkpoint_path: str) -> None:
            pass

    return Asking()


def _watch(sweep: Sweep, ended: Callable[[Ended], None]) -> Any:
    """Tells of each trial that ended, and notes those whose process died."""
    from ray import tune

    here = _Here(ended)

    class Watch(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            last = trial.last_result or {}
            number, key = trial.config["number"], sweep.key(trial.config["values"])
            here.thing(
                Ended(
                    number=number,
                    trial=sweep.cache.find(key),
                    reused=bool(last.get("reused")),
                    written=int(last.get("written", 0)),
                )
            )

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            key = sweep.key(trial.config["values"])
            if sweep.cache.find(key) is None:
                sweep.cache.keep(Trial(key=key, status="failed", reason=_told(trial)))
            here.thing(Ended(number=trial.config["number"], trial=sweep.cache.find(key)))

    return Watch()


def _told(trial: Any) -> str:
    """Why a trial's process ended, in a line."""
    error = trial.get_error()
    text = " ".join(str(error).split()) or "unknown"
    if "OutOfMemory" in type(error).__name__ or "memory" in text.lower():
        return f"out of memory: {text[:300]}"
    return f"its process died: {text[:300]}"
