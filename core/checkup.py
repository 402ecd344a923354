"""Whether a model works here, from its files to a caption (`montage doctor --model`).

A model can fail in silence: weights that are missing are random, and a prompt without image tokens ignores the photo.
"""

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import psutil
from PIL import Image

from core.doctor import Finding, readable_size
from core.errors import ModelError, MontageError
from core.settings import CaptionerSettings
from core.vlm.loading import choose_device, choose_dtype
from core.vlm.model import Example, VisionLanguageModel

__all__ = ["examine_model"]

_CAPTIONS = ("a photo of people on a stage", "two plates of food", "a street at night")
"""Several, since in bfloat16 one loss may be equal by chance."""


def examine_model(
    model: VisionLanguageModel, prompt: str, pictures: Sequence[Image.Image], settings: CaptionerSettings
) -> Iterator[Finding]:
    """Take a model from its files to a caption, step by step; stops at the first that fails.

    Args:
        prompt: filled in.
        pictures: two different ones.
    """
    steps: list[tuple[str, Callable[[], tuple[str, dict[str, Any]]]]] = [
        ("files", lambda: _files(model)),
        ("processor", lambda: _processor(model)),
        ("weights", lambda: _weights(model)),
        ("prompt", lambda: _prompt(model, prompt)),
        ("looks at the photo", lambda: _looks(model, prompt, pictures)),
        ("loss", lambda: _loss(model, prompt, pictures[0])),
        ("caption", lambda: _caption(model, prompt, pictures, settings)),
    ]
    for subject, step in steps:
        start = time.perf_counter()
        try:
            detail, facts = step()
        except MontageError as error:
            yield Finding(subject=subject, status="failed", detail=str(error))
            return
        except Exception as error:  # whatever a library trips over is what the doctor is there to tell
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
            yield Finding(subject=subject, status="failed", detail=message)
            return
        yield Finding(
            subject=subject, status="ok", detail=detail, seconds=round(time.perf_counter() - start, 2), facts=facts
        )


def _files(model: VisionLanguageModel) -> tuple[str, dict[str, Any]]:
    checkpoint = model.checkpoint
    size = sum(path.stat().st_size for path in checkpoint.weights)
    many = len(checkpoint.weights)
    count = f"{many} file{'s' if many > 1 else ''}"
    return (
        f"{checkpoint.folder}: {checkpoint.family.title}, {readable_size(size)} of safetensors in {count}",
        {"family": checkpoint.family.name, "bytes": size, "files": many, "key": checkpoint.key},
    )


def _processor(model: VisionLanguageModel) -> tuple[str, dict[str, Any]]:
    size, words = model.family.image_size_px(model.processor), len(model.processor.tokenizer)
    return f"photos of {size} x {size} pixels, {words} tokens", {"image_size_px": size, "vocabulary": words}


def _weights(model: VisionLanguageModel) -> tuple[str, dict[str, Any]]:
    device, dtype = choose_device(model.settings), choose_dtype(model.settings)
    before = _memory(device)
    model.load()
    counts = model.parameter_counts()
    grown = _memory(device) - before
    parts = ", ".join(f"{part} {counts[part]:,}" for part in ("vision", "bridge", "language") if counts[part])
    kind = dtype if model.settings.quantization == "none" else model.settings.quantization
    facts = {"parameters": counts, "device": device, "dtype": kind, "memory_bytes": grown}
    return f"{counts['total']:,} parameters ({parts}), {kind} on {device}, {readable_size(grown)} more memory", facts


def _prompt(model: VisionLanguageModel, prompt: str) -> tuple[str, dict[str, Any]]:
    tokens = model.family.prompt_ids(model.model, model.processor, prompt)
    image_token = model.family.image_token_id(model.model)
    images = tokens.count(image_token) if image_token is not None else 0
    among = f", {images} of them image tokens" if images else ""
    return f"{prompt!r} becomes {len(tokens)} tokens{among}", {"tokens": len(tokens), "image_tokens": images}


def _looks(model: VisionLanguageModel, prompt: str, pictures: Sequence[Image.Image]) -> tuple[str, dict[str, Any]]:
    """Two photos must give different losses: a model that does not look at the photo gives the same ones."""
    losses = [[_loss_of(model, prompt, picture, text) for text in _CAPTIONS] for picture in pictures]
    if not np.isfinite(losses).all():
        raise ModelError(f"the loss is {losses}, not a number: choose another captioner.load.dtype")
    if losses[0] == losses[1]:
        raise ModelError("two different photos give exactly the same losses: the model does not look at the photo")
    return f"two photos give different losses ({losses[0][0]:.3f}, {losses[1][0]:.3f})", {"losses": losses}


def _loss(model: VisionLanguageModel, prompt: str, picture: Image.Image) -> tuple[str, dict[str, Any]]:
    """Stored features must serve as well as the photo: training and sweeps rely on it."""
    direct = _loss_of(model, prompt, picture, _CAPTIONS[0])
    features = model.features([model.pixels(picture)])[0].detach().float().cpu().numpy()
    stored = _mean_loss(model, [Example(features=features, prompt=prompt, caption=_CAPTIONS[0])])
    if abs(stored - direct) > 1e-2 * max(1.0, abs(direct)):
        raise ModelError(f"from stored features the loss is {stored:.4f}, from the photo {direct:.4f}")
    return f"{direct:.3f} from the photo, {stored:.3f} from stored features", {"photo": direct, "features": stored}


def _caption(
    model: VisionLanguageModel, prompt: str, pictures: Sequence[Image.Image], settings: CaptionerSettings
) -> tuple[str, dict[str, Any]]:
    seconds, text = [], ""
    for picture in pictures:  # the first one also pays for what is set up only once
        start = time.perf_counter()
        [[text, *_]] = model.generate(model.features([model.pixels(picture)]), [prompt], settings.decoding, seeds=[[0]])
        seconds.append(round(time.perf_counter() - start, 3))
    peak = _peak_memory()
    facts = {"caption": text, "seconds": seconds[-1], "peak_memory_bytes": peak}
    return f"{text!r} in {seconds[-1]:.2f} s; most memory so far {readable_size(peak)}", facts


def _loss_of(model: VisionLanguageModel, prompt: str, picture: Image.Image, caption: str) -> float:
    return _mean_loss(model, [Example(pixel_values=model.pixels(picture), prompt=prompt, caption=caption)])


def _mean_loss(model: VisionLanguageModel, examples: Sequence[Example]) -> float:
    import torch

    model.load()
    with torch.inference_mode():
        return float(model.loss(model.collate(examples)))


def _memory(device: str) -> int:
    """Bytes in use where the model goes."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_allocated())
    return int(psutil.Process().memory_info().rss)


def _peak_memory() -> int:
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # not on Windows
        return int(psutil.Process().memory_info().rss)
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
