"""transformers' Trainer, with our loss, our evaluation, and checkpoints of what is trained only."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.training.optim import rex_schedule
from core.training.padding import pad_last_batches
from core.training.weights import load_trained

_Trainer: Any = object  # transformers takes seconds to import: `trainer_class` puts its Trainer in

__all__ = ["Report", "callbacks", "trainer_class"]

Metrics = dict[str, float]
Report = Callable[[int, Metrics, Path | None], bool | None]
"""Called with (step, metrics, folder of the checkpoint); true ends the training."""


class _CaptionTrainer(_Trainer):  # type: ignore[misc]
    """What is ours of the Trainer; its `model` is a `core.training.learner.learner`."""

    control: Any
    lr_scheduler: Any

    def setup(
        self,
        *,
        schedule: str,
        judge: Callable[[int], Metrics],
        save: Callable[[Path], None],
        keep_best: Callable[[int], None],
        write_log: Callable[[list[dict[str, Any]]], None],
        report: Report,
    ) -> None:
        """Give it what the Trainer's own arguments have no place for.

        Args:
            judge: evaluates the model as it is at a step.
            save: writes a checkpoint's weights.
            keep_best: is told of each new best step.
            write_log: is given the whole log after each entry.
            report: is called on every process after each evaluation and each checkpoint, once where both were made;
                the main process's answer holds for all.
        """
        self._schedule = schedule
        self._judge = judge
        self._save_weights = save
        self._keep_best = keep_best
        self._write_log = write_log
        self._report = report
        self.was_stopped = False
        self._begun = time.perf_counter()
        self._seconds_before = 0.0

    def evaluate(self, *_: Any, **__: Any) -> Metrics:
        """Evaluate with our evaluator, on the main process alone."""
        from accelerate.utils import broadcast_object_list

        found: list[Metrics] = [{}]
        if self.is_world_process_zero():
            judged = self._judge(self.state.global_step)
            found[0] = {f"eval_{name.removeprefix('eval_')}": value for name, value in judged.items()}
        metrics: Metrics = broadcast_object_list(found)[0]
        monitored = self.args.metric_for_best_model
        if monitored is not None and monitored not in metrics:
            raise ConfigError(
                f"eval.metric_to_monitor: {monitored.removeprefix('eval_')} could not be computed; there are "
                f"{', '.join(name.removeprefix('eval_') for name in metrics)}"
            )
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> Metrics:
        metrics: Metrics = super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)
        if skip_scheduler:  # before the first step
            self._ask(None)
        return metrics

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        evaluates, saves = self.control.should_evaluate, self.control.should_save
        super()._maybe_log_save_evaluate(*args, **kwargs)
        if evaluates or saves:
            step = self.state.global_step
            self._ask(Path(self.args.output_dir) / f"checkpoint-{step}" if saves else None)

    def _ask(self, checkpoint: Path | None) -> None:
        """Report, and stop where the answer says so."""
        from accelerate.utils import broadcast_object_list

        metrics = _logged(self.state.log_history, self.state.global_step)
        answer = [bool(self._report(self.state.global_step, metrics, checkpoint))]
        if broadcast_object_list(answer)[0]:
            self.control.should_training_stop = self.was_stopped = True

    def get_train_dataloader(self) -> Any:
        """The Trainer's, which ends as that of a single process."""
        loader = super().get_train_dataloader()
        pad_last_batches(loader.batch_sampler)
        return loader

    def judge_once(self) -> None:
        """Evaluate the last weights, unless they were: a run may be killed between its last checkpoint and that."""
        step = self.state.global_step
        if not any(entry["step"] == step and "eval_loss" in entry for entry in self.state.log_history):
            self._determine_best_metric(self.evaluate(), None)
            self._ask(None)

    def collect(self) -> None:
        """Bring what was learnt into the model that is saved, which is the same one."""

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the seconds of training so far."""
        if "train_runtime" in logs:  # the Trainer's summary, which is no step's
            return
        logs["seconds"] = round(self._seconds_before + time.perf_counter() - self._begun, 2)
        super().log(logs, start_time)
        if self.is_world_process_zero():
            self._write_log(self.state.log_history)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """REX, which transformers lacks, or one of its own."""
        if self._schedule != "rex" or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        warmup = self.args.get_warmup_steps(num_training_steps)
        self.lr_scheduler = rex_schedule(optimizer or self.optimizer, warmup=warmup, total=num_training_steps)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def _determine_best_metric(self, metrics: Metrics, trial: Any) -> bool:
        is_best = bool(super()._determine_best_metric(metrics, trial))
        if is_best and self.args.should_save:
            self._keep_best(self.state.global_step)
        return is_best

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if self.args.should_save:
            self._save_weights(Path(output_dir or self.args.output_dir))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_trained(self.model.model, Path(resume_from_checkpoint))

    def _load_callback_state(self) -> None:
        super()._load_callback_state()
        self._seconds_before = max((entry.get("seconds", 0.0) for entry in self.state.log_history), default=0.0)
        self._begun = time.perf_counter()


def _logged(history: list[dict[str, Any]], step: int | None) -> Metrics:
    """What was logged at a step, by the names that an evaluation has for it."""
    found = {name: value for entry in history if entry["step"] == step for name, value in entry.items()}
    found.pop("step", None)
    names = {"loss": "train_loss", "eval_loss": "eval_loss"}  # else the two would have one name
    return {names.get(name, name.removeprefix("eval_")): value for name, value in found.items()}


@cache
def trainer_class() -> Any:
    """The Trainer; transformers is imported here."""
    from transformers import Trainer

    return type("CaptionTrainer", (_CaptionTrainer, Trainer), {"__doc__": _CaptionTrainer.__doc__})


def callbacks(dataset: Any, patience: int | None, on_step: Callable[[int, int], None]) -> list[Any]:
    """What hangs on to the Trainer: the dataset's epoch, early stopping, and progress.

    Args:
        dataset: is told its epoch before it is read.
        patience: evaluations without a better one after which training stops; None or 0 never does.
        on_step: called with (steps done, steps in all).
    """
    from transformers import EarlyStoppingCallback, TrainerCallback

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            dataset.set_epoch(int((state.epoch or 0) + 1e-6))

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                on_step(state.global_step, state.max_steps)

    return [Steps(), *([EarlyStoppingCallback(patience)] if patience else [])]
