"""Bring a checkpoint into memory: device, number format, quantization, and whether the weights are the right ones."""

import logging
import platform
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.settings import LoadSettings
from core.vlm.checkpoint import Checkpoint

__all__ = ["choose_device", "choose_dtype", "load_model", "load_processor", "quiet"]


def choose_device(settings: LoadSettings) -> str:
    """`cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        ModelError: the device that was asked for is not there.
    """
    device, count = settings.device, _cuda_devices() if settings.device not in ("cpu", "mps") else 0
    if device == "auto":
        return "cuda" if count else "cpu"
    here = f"captioner.load.device is {device}, but this machine has"
    if device.startswith("cuda"):
        if not count:
            raise ModelError(f"{here} no CUDA device; use auto")
        if int(device.partition(":")[2] or 0) >= count:
            raise ModelError(f"{here} cuda:0 to cuda:{count - 1}")
    if device == "mps" and platform.system() != "Darwin":
        raise ModelError(f"{here} no Metal device; use auto")
    return device


def choose_dtype(settings: LoadSettings) -> str:
    """`float32` or `bfloat16`: auto takes bfloat16 where the device computes in it, since it halves the time.

    Never float16, in which BLIP-2 overflows to NaN.
    """
    if settings.dtype != "auto":
        return settings.dtype
    device = choose_device(settings)
    if device.startswith("cuda"):
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if device == "cpu" and _cpu_has_bfloat16() else "float32"


def load_processor(checkpoint: Checkpoint) -> Any:
    """The processor of a checkpoint.

    Raises:
        ModelError: its files are damaged or of another family.
    """
    from transformers import AutoProcessor

    with quiet(), explained(checkpoint, "processor"):
        processor = AutoProcessor.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise ModelError(
            f"{checkpoint.folder}: expected a processor of photos and text, got {type(processor).__name__}; "
            "copy preprocessor_config.json from the model that this one was made from"
        )
    return processor


def load_model(checkpoint: Checkpoint, settings: LoadSettings) -> Any:
    """The weights of a checkpoint, in evaluation mode.

    Raises:
        ModelError: weights are missing, superfluous or of another shape, or do not fit into memory.
    """
    import torch
    import transformers

    device = choose_device(settings)
    model_class = getattr(transformers, checkpoint.family.model_class)
    options: dict[str, Any] = {"dtype": getattr(torch, choose_dtype(settings))}
    if settings.quantization != "none":
        options |= {"quantization_config": quantization_config(settings), "device_map": {"": device}}
    # Weights born in inference mode could never be trained.
    with torch.inference_mode(False), quiet(), explained(checkpoint, "model"):
        model, info = model_class.from_pretrained(
            checkpoint.folder,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, in our words
            **options,
        )
    check_complete(checkpoint, model, info)
    if settings.quantization == "none":
        with explained(checkpoint, "model"):
            model = model.to(device)
    return model.eval()


def quantization_config(settings: LoadSettings) -> Any:
    """bitsandbytes' settings for 8- or 4-bit weights."""
    import torch
    from transformers import BitsAndBytesConfig

    if settings.quantization == "bnb_8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    dtype = getattr(torch, choose_dtype(settings))
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def check_complete(checkpoint: Checkpoint, model: Any, info: dict[str, Any]) -> None:
    """Weights that a file lacks would be random numbers, and the captions noise; layers left out are as bad."""
    expected = {name for name, _ in model.named_parameters()}
    # Files of older versions hold buffers and copies that nobody needs any more; a layer like others is no such thing.
    deeper = [name for name in info["unexpected_keys"] if re.sub(r"\.\d+\.", ".0.", name) in expected]
    wrong = {
        "are missing": info["missing_keys"],
        "have another shape": [name for name, *_ in info["mismatched_keys"]],
        "have no place": deeper,
    }
    found = [f"{len(names)} weights {what} (such as {min(names)})" for what, names in wrong.items() if names]
    if found:
        raise ModelError(f"{checkpoint.folder}: {' and '.join(found)}: config.json and weights do not belong together")


@contextmanager
def explained(checkpoint: Checkpoint, what: str) -> Iterator[None]:
    """Turns what goes wrong while a checkpoint is loaded into errors that say what to do."""
    try:
        yield
    except MemoryError as error:
        raise ModelError(f"{checkpoint.name} does not fit into memory; try captioner.load.quantization") from error
    except Exception as error:  # a library's own words for a damaged file are of any type
        message = " ".join(str(error).split())[:300]
        raise ModelError(f"{checkpoint.folder}: the {what} of {checkpoint.name} does not load: {message}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' reports and bars off the terminal: what matters is checked and raised."""
    from transformers.utils import logging as library

    level, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    library.set_verbosity(logging.CRITICAL)
    library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        library.set_verbosity(level)
        if bars:
            library.enable_progress_bar()


def _cuda_devices() -> int:
    # torch takes seconds to import: a run whose captions are all stored asks only whether there is a driver at all.
    if not (Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi")):
        return 0
    import torch

    return int(torch.cuda.device_count())


@cache
def _cpu_has_bfloat16() -> bool:
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.is_file() else ""
    return "avx512_bf16" in text or "amx_bf16" in text
