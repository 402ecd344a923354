"""How a run is put onto a machine: device, number format, and what several processes share out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from core.errors import ConfigError
from core.settings import LoadSettings
from core.training.settings import Recipe

__all__ = [
    "GROUP_TIMEOUT_S",
    "BatchShare",
    "is_main_process",
    "load_settings",
    "one_by_one",
    "process_count",
    "share_of_batch",
]

GROUP_TIMEOUT_S = 24 * 3600
"""How long processes wait for one another: while the main one evaluates or looks at photos, all others do.

torch's own 10 to 30 minutes are too short for that. Nobody waits so long for a process that died: its launcher
(torchrun, accelerate, Ray) ends the others.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchShare:
    """What one process does of each step."""

    size: int
    """Examples that it takes at a time."""
    accumulation: int
    """Times that it does so before the optimizer's step."""


def is_main_process() -> bool:
    """Whether this process writes the run's folder: the only one, or the first of several."""
    return os.environ.get("RANK", "0") == "0"


def process_count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def share_of_batch(recipe: Recipe, processes: int) -> BatchShare:
    """Divide a recipe's batch among processes, so that each step learns from what one process would.

    Of the ways that there are, the one with the largest pieces that are no larger than the recipe's.

    Raises:
        ConfigError: it cannot be divided.
    """
    size, accumulation = recipe.train.per_device_train_batch_size, recipe.train.gradient_accumulation_steps
    examples, rest = divmod(size * accumulation, processes)
    if rest:
        whole = size * accumulation
        good = [n for n in range(1, whole + 1) if whole % n == 0]
        raise ConfigError(
            f"the recipe's batch of {whole} examples (train.per_device_train_batch_size {size} x "
            f"train.gradient_accumulation_steps {accumulation}) cannot be divided among {processes} workers; "
            f"take {', '.join(map(str, good))} workers, or another batch"
        )
    piece = max(n for n in range(1, min(size, examples) + 1) if examples % n == 0)
    return BatchShare(size=piece, accumulation=examples // piece)


@contextmanager
def one_by_one(device: str) -> Iterator[None]:
    """The main process goes first, then the others, so that they find done what it has done.

    Args:
        device: that this process trains on.
    """
    if "RANK" not in os.environ:
        yield
        return
    from accelerate import PartialState

    with PartialState(cpu=device == "cpu", timeout=timedelta(seconds=GROUP_TIMEOUT_S)).main_process_first():
        yield


def load_settings(recipe: Recipe) -> LoadSettings:
    """An adapter's base is loaded in the format of computing; what is trained itself must be float32.

    Raises:
        ConfigError: several processes are to share one device.
    """
    return LoadSettings(
        device=_device(recipe.train.device),
        dtype=recipe.train.dtype if recipe.lora.enabled else "float32",
        quantization=recipe.quantization,
        batch_size=recipe.features.batch_size,
    )


def _device(asked: str) -> str:
    """One device a process."""
    if process_count() > 1 and ":" in asked:
        raise ConfigError(
            f"train.device is {asked}, but {process_count()} processes train and each needs a GPU of its own; "
            "set train.device=auto (CUDA_VISIBLE_DEVICES says which GPUs are taken), or start a single process"
        )
    if "LOCAL_RANK" not in os.environ or asked not in ("auto", "cuda"):
        return asked
    told = os.environ.get("ACCELERATE_TORCH_DEVICE")  # by Ray, which gave this process its GPU or none
    if told is not None and asked == "auto":
        return told
    import torch

    return f"cuda:{os.environ['LOCAL_RANK']}" if asked == "cuda" or torch.cuda.is_available() else "cpu"
