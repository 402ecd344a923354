"""Optimizers and learning-rate schedules by name: transformers', and CAME and REX from pytorch-optimizer."""

import math
from typing import Any

from core.errors import ModelError
from core.training.settings import TrainSettings

__all__ = ["optimizer_arguments", "own_optimizer", "rex_schedule", "warmup_steps"]

_NAMES = {"adamw_8bit": "adamw_bnb_8bit"}
"""Ours to transformers', where they differ."""


def optimizer_arguments(settings: TrainSettings) -> dict[str, Any]:
    """What of `TrainingArguments` concerns optimizer and schedule; warm-up is added when the steps are known."""
    own = settings.optimizer == "came"
    return {
        "optim": "adamw_torch" if own else _NAMES.get(settings.optimizer, settings.optimizer),
        "learning_rate": settings.lr,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "lr_scheduler_type": {"constant": "constant_with_warmup", "rex": "constant"}.get(
            settings.schedule, settings.schedule
        ),
    }


def own_optimizer(settings: TrainSettings) -> tuple[Any, dict[str, Any]] | None:
    """Class and arguments of an optimizer that transformers lacks; None where it has it."""
    if settings.optimizer != "came":
        return None
    try:
        from pytorch_optimizer import CAME
    except ImportError as error:
        raise ModelError("train.optimizer: came needs the package pytorch-optimizer; install it") from error
    return CAME, {"lr": settings.lr, "weight_decay": settings.weight_decay}


def warmup_steps(settings: TrainSettings, total: int) -> int:
    """Steps in which the learning rate rises."""
    if settings.warmup_steps is not None:
        return min(settings.warmup_steps, total)
    return math.ceil(settings.warmup_ratio * total)


def rex_schedule(optimizer: Any, *, warmup: int, total: int) -> Any:
    """REX (Chen et al. 2021, arXiv 2107.04197) after a linear warm-up, as factors of each group's learning rate.

    The library's schedule knows no warm-up and lets its first step pass at a rate of 0, so only its curve is used.

    Args:
        warmup: steps in which the rate rises.
        total: steps in all.
    """
    import torch
    from pytorch_optimizer import REXScheduler

    nothing = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    curve = REXScheduler(nothing, total_steps=max(1, total - warmup), max_lr=1.0, min_lr=0.0)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        curve.step_t = step - warmup
        return float(curve.get_linear_lr())

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
