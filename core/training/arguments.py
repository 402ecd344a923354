"""A recipe as transformers' `TrainingArguments`."""

import importlib.util
import os
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.settings import LoadSettings
from core.training.launch import GROUP_TIMEOUT_S, BatchShare
from core.training.optim import optimizer_arguments
from core.training.settings import Recipe
from core.vlm.loading import choose_dtype

__all__ = ["LOWER_IS_BETTER", "monitored", "trainer_arguments"]

LOWER_IS_BETTER = frozenset({"eval_loss", "perplexity", "wer", "handle_leak_rate", "verbatim_copy_rate"})


_TOLD: dict[str, str] = {}
"""Variables that this process set for its trackers."""


def monitored(recipe: Recipe) -> str:
    """The metric that decides, by the name an evaluation has for it."""
    return "eval_loss" if recipe.eval.metric_to_monitor == "val_loss" else recipe.eval.metric_to_monitor


def trainer_arguments(recipe: Recipe, folder: Path, *, device: str, share: BatchShare) -> Any:
    """The Trainer's arguments.

    Args:
        folder: the run's.
        device: `cpu`, `cuda`, …, as the model was loaded on.
        share: what this process does of each step.

    Raises:
        ConfigError: a tracker is not installed.
    """
    from transformers import TrainingArguments

    train, evaluation = recipe.train, recipe.eval
    metric = monitored(recipe)
    arguments = TrainingArguments(
        output_dir=str(folder / "checkpoints"),
        per_device_train_batch_size=share.size,
        per_device_eval_batch_size=train.per_device_eval_batch_size,
        gradient_accumulation_steps=share.accumulation,
        num_train_epochs=train.num_train_epochs,
        max_steps=train.steps_limit,
        **optimizer_arguments(train),
        warmup_steps=train.warmup_ratio if train.warmup_steps is None else train.warmup_steps,
        seed=train.seed,
        data_seed=train.seed,
        use_cpu=device == "cpu",
        ddp_timeout=GROUP_TIMEOUT_S,
        bf16=_computes_in_bfloat16(recipe),
        logging_steps=train.log_every_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,  # a loss that is no number is to be seen
        **_every("eval", evaluation.every_steps),
        **_every("save", train.save_every_steps),
        save_total_limit=train.save_total_limit,
        eval_on_start=evaluation.baseline,
        metric_for_best_model="eval_loss" if metric == "eval_loss" else f"eval_{metric}",
        greater_is_better=metric not in LOWER_IS_BETTER,
        restore_callback_states_from_checkpoint=True,
        dataloader_num_workers=train.workers,
        dataloader_pin_memory=device.startswith("cuda"),
        remove_unused_columns=False,
        label_names=["labels"],
        disable_tqdm=True,
        report_to=_trackers(recipe, folder),
        run_name=folder.name,
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # else the Trainer would spread each batch over all GPUs, and multiply its size
    return arguments


def _every(what: str, steps: int | None) -> dict[str, Any]:
    return {f"{what}_strategy": "epoch"} if steps is None else {f"{what}_strategy": "steps", f"{what}_steps": steps}


def _computes_in_bfloat16(recipe: Recipe) -> bool:
    """Whether float32 weights of a full fine-tune are computed with in bfloat16; an adapter's base is loaded in it."""
    wanted = LoadSettings(device=recipe.train.device, dtype=recipe.train.dtype, quantization="none", batch_size=1)
    return not recipe.lora.enabled and choose_dtype(wanted) == "bfloat16"


def _trackers(recipe: Recipe, folder: Path) -> list[str] | str:
    """Their names, after checking that they are here and telling them to stay on this machine."""
    for name in recipe.train.trackers:
        if importlib.util.find_spec(name) is None:
            raise ConfigError(f"train.trackers: {name} is not installed; run `pip install {name}`, or take it out")
    if not recipe.train.trackers:
        return "none"
    _tell("WANDB_MODE", "offline")
    _tell("WANDB_DIR", str(folder))
    _tell("TENSORBOARD_LOGGING_DIR", str(folder / "tensorboard"))
    _tell("MLFLOW_TRACKING_URI", f"sqlite:///{(folder / 'mlflow.db').resolve()}")
    return list(recipe.train.trackers)


def _tell(name: str, value: str) -> None:
    """Set a variable that the user has not set; one that an earlier run in this process set is not the user's."""
    if os.environ.get(name) == _TOLD.get(name):
        os.environ[name] = _TOLD[name] = value
