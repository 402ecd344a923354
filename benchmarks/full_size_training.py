"""The training part of `benchmarks.full_size`: LoRA steps with photos, and with features from the store."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from core.training.freeze import frozen_modules
from core.training.learner import without_vision
from core.training.lora import add_adapter
from core.training.settings import LoraSettings
from core.vlm.family import IGNORED, Batch, Family
from core.vlm.loading import quiet

WARMUP_STEPS = 2
LORA = {"blip2": ["q", "k", "v", "o"], "git": ["query", "key", "value", "dense"], "florence2": ["q_proj", "v_proj"]}
"""As in the recipes."""
Row = dict[str, Any]
Texts = Callable[[int], tuple[list[int], list[int]]]
"""Prompt and label ids for photos of so many image tokens."""
Meter = tuple[Callable[[Callable[[], object]], float], Callable[[], None], Callable[[], Row]]
"""Seconds of a call; begin to measure memory; what was measured."""


def measure_training(
    family: Family, model: Any, pixels: torch.Tensor, texts: Texts, batches: Sequence[int], steps: int, meter: Meter
) -> Iterator[Row]:
    """Photos a second and peak memory for each batch size; the model loses its vision side on the way.

    Args:
        pixels: as many photos as the largest batch has.
        steps: that are measured.
    """
    with torch.no_grad():  # not inference mode, whose tensors cannot be trained on
        stored = torch.cat([family.features(model, pixels[i : i + 1]).cpu() for i in range(len(pixels))])
    settings = LoraSettings(r=16, alpha=16, dropout=0.05, target_modules=tuple(LORA[family.name]))
    adapted = add_adapter(model, family, settings, base_name="random", seed=0)
    prompt, labels = texts(stored.shape[1])
    for way in ("LoRA", "LoRA, features stored"):
        from_store = way != "LoRA"
        if from_store:
            without_vision(adapted, family)
        for size in batches:
            seen = {"features": stored[:size].to(pixels)} if from_store else {"pixel_values": pixels[:size]}
            row = {"what": way, "batch": size, "photos_a_second": None, "peak_memory_bytes": None}
            row["stored_bytes_a_photo"] = stored[0].numel() * stored[0].element_size()
            try:
                yield row | _measured(family, adapted, _batch(family, prompt, labels, seen), steps, meter)
            except torch.OutOfMemoryError:
                yield row


def _measured(family: Family, model: Any, batch: Batch, steps: int, meter: Meter) -> Row:
    timed, reset_memory, memory = meter
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4)
    model.train()
    for module in frozen_modules(model, family):
        module.training = False

    def step() -> None:
        family.loss(model, batch).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    reset_memory()
    with quiet():
        for _ in range(WARMUP_STEPS):
            step()
        seconds = timed(lambda: [step() for _ in range(steps)])
    size = len(batch["labels"])
    return {"photos_a_second": steps * size / seconds, "trainable": sum(p.numel() for p in trained)} | memory()


def _batch(family: Family, prompt: list[int], labels: list[int], seen: Batch) -> Batch:
    """One prompt and caption for each photo; GIT reads both as one text."""
    [photos] = seen.values()
    one_text = family.name == "git"
    ids = prompt + labels if one_text else prompt
    wanted = [IGNORED] * len(prompt) + labels if one_text else labels

    def repeated(row: list[int]) -> torch.Tensor:
        return torch.tensor([row] * len(photos), device=photos.device)

    return {
        "input_ids": repeated(ids),
        "attention_mask": torch.ones_like(repeated(ids)),
        "labels": repeated(wanted),
    } | seen
