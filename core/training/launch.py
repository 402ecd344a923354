"""How a run is put onto a machine: device, number format, and one process after another where there are several."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from core.settings import LoadSettings
from core.training.settings import Recipe

__all__ = ["is_main_process", "load_settings", "one_by_one"]


def is_main_process() -> bool:
    """Whether this process writes the run's folder: the only one, or the first of `accelerate launch`."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def one_by_one() -> Iterator[None]:
    """The main process goes first, then the others, so that they find done what it has done."""
    if "RANK" not in os.environ:
        yield
        return
    from accelerate import PartialState

    state = PartialState(cpu=os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true"))
    with state.main_process_first():
        yield


def load_settings(recipe: Recipe) -> LoadSettings:
    """An adapter's base is loaded in the format of computing; what is trained itself must be float32."""
    rank = os.environ.get("LOCAL_RANK")
    device = recipe.train.device
    if rank is not None and device == "auto":  # one device a process
        import torch

        device = f"cuda:{rank}" if torch.cuda.is_available() else "cpu"
    return LoadSettings(
        device=device,
        dtype=recipe.train.dtype if recipe.lora.enabled else "float32",
        quantization=recipe.quantization,
        batch_size=recipe.features.batch_size,
    )
