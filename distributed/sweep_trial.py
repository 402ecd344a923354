"""One trial: a recipe is trained, unless it was before, and written with in every decoding. Knows nothing of Ray."""

import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import ConfigError, MontageError
from core.store import Store
from core.training.arguments import LOWER_IS_BETTER, monitored
from core.training.recipe import LoadedRecipe
from core.training.run import train
from core.training.run_folder import RunFolder
from core.training.settings import Recipe
from distributed.sweep_shared import Sweep, TrialError
from distributed.sweep_space import Values
from distributed.sweep_trials import Trial
from distributed.sweep_write import score_parts, scored_in

__all__ = ["Outcome", "Report", "run_trial"]

Report = Callable[[Mapping[str, float]], None]
"""Called with the metrics of each evaluation, `step` among them; what it raises ends the trial."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What running a trial came to."""

    trial: Trial
    reused: bool
    """It was trained before, in this sweep or another."""
    written: int
    """Decodings that were not there yet."""


def run_trial(sweep: Sweep, values: Values, *, report: Report, retry: bool = False) -> Outcome:
    """Train and score, or find that both were done; whatever goes wrong is the trial's outcome, not an error.

    Args:
        values: of the searched training parameters.
        retry: run a trial again that failed.
    """
    key, cache = sweep.key(values), sweep.cache
    with cache.lock(key):
        trial = cache.find(key)
        if trial is not None and trial.status == "failed" and retry:
            trial = _again(sweep, trial)
        reused, written = trial is not None, 0
        if trial is None:
            trial = _tried(key, lambda: _train(sweep, sweep.recipe(values), key, report))
            cache.keep(trial)
        if trial.status == "finished":
            trial, written = _scored(sweep, values, trial, retry=retry)
    for metrics in trial.curve if reused else ():
        report(metrics)
    return Outcome(trial=trial, reused=reused, written=written)


def _train(sweep: Sweep, recipe: Recipe, key: str, report: Report) -> Trial:
    cache = sweep.cache
    folder = cache.training_folder(key)
    begun, cpu = time.perf_counter(), time.process_time()
    resume = (folder / "settings.yaml").is_file()
    curve = cache.curve(key) if resume else []
    for metrics in curve:
        report(metrics)
    reported = {metrics["step"] for metrics in curve}

    def told(step: int, metrics: Mapping[str, float], checkpoint: Path | None) -> None:
        """A step that is judged again after an interruption is not counted twice."""
        if not metrics or step in reported:
            return
        found = _point(recipe, step, metrics)
        reported.add(step)
        curve.append(found)
        cache.keep_curve(key, curve)
        report(found)

    loaded = LoadedRecipe(name=f"{sweep.name}", path=folder / "settings.yaml", recipe=recipe)
    options: dict[str, Any] = {"store": Store(sweep.store_root), "command": sweep.command, "report": told}
    try:
        run = train(loaded, folder, resume=resume, **options)
    except ConfigError:
        if not resume:
            raise
        shutil.rmtree(folder)  # it was begun where the data lay elsewhere
        run = train(loaded, folder, **options)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # to go on from, which nobody will
    return Trial(
        key=key,
        status="finished",
        steps=run.steps,
        best_step=run.best_step,
        chosen=str(run.chosen.relative_to(cache.folder(key))),
        curve=curve,
        seconds=round(time.perf_counter() - begun, 3),
        cpu_seconds=round(time.process_time() - cpu, 3),
        about=RunFolder(folder).about(),
    )


def _again(sweep: Sweep, trial: Trial) -> Trial | None:
    """A trial that failed as if it had not; one that was trained, but could not be written with, stays trained."""
    if trial.chosen:
        return replace(trial, status="finished", reason="")
    sweep.cache.forget(trial.key)
    shutil.rmtree(sweep.cache.training_folder(trial.key), ignore_errors=True)
    return None


def _scored(sweep: Sweep, values: Values, trial: Trial, *, retry: bool) -> tuple[Trial, int]:
    """The trial, failed where its model could not be written with at all, and how many decodings were new."""
    new = sum(found is None for found in scored_in(sweep, trial.key))

    def work() -> Trial:
        score_parts(sweep, sweep.recipe(values), trial, sweep.decodings, "val", retry=retry)
        return trial

    after = _tried(trial.key, work)
    if after.status == "failed":
        after = replace(trial, status="failed", reason=f"trained, but cannot be written with: {after.reason}")
    if after != sweep.cache.find(trial.key):
        sweep.cache.keep(after)
    return after, new


def _tried(key: str, work: Callable[[], Trial]) -> Trial:
    """The trial, or why it failed."""
    try:
        return work()
    except TrialError as error:
        reason = str(error)
    except MemoryError:
        reason = "out of memory"
    except MontageError as error:
        reason = str(error)
    except (RuntimeError, ValueError, ArithmeticError, OSError, KeyError, IndexError, TypeError) as error:
        told = " ".join(str(error).split())[:300]
        reason = f"out of memory: {told}" if "out of memory" in told.lower() else f"{type(error).__name__}: {told}"
    return Trial(key=key, status="failed", reason=reason)


def _point(recipe: Recipe, step: int, metrics: Mapping[str, float]) -> dict[str, float]:
    """An evaluation, with `monitor`: what decides, the higher the better.

    Raises:
        TrialError: the loss is no number any more.
    """
    found = {name if name == "eval_loss" else name.removeprefix("eval_"): float(v) for name, v in metrics.items()}
    loss = found.get("eval_loss")
    if loss is not None and not math.isfinite(loss):
        raise TrialError(f"the loss is {loss} after step {step}; a lower learning rate may help")
    name = monitored(recipe)
    value = found.get(name, math.nan)
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0
    return {"step": float(step), "monitor": sign * value} | {k: v for k, v in found.items() if math.isfinite(v)}
