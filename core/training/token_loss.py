"""What each word of a caption costs a model: cross-entropy by token, from one forward pass.

Shapes: B captions, L text tokens, V the vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.errors import ModelError
from core.vlm.family import IGNORED, Batch, Tensor, base
from core.vlm.loading import choose_dtype
from core.vlm.model import VisionLanguageModel

__all__ = ["TokenLosses", "in_eval_mode", "text_batch", "token_losses"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLosses:
    """The losses of a batch's captions."""

    mean: float
    """The training's own loss of the batch: mean over its tokens, with label smoothing where BLIP has any."""
    tokens: tuple[tuple[int, ...], ...]
    """Token ids of each caption, its end included."""
    losses: tuple[tuple[float, ...], ...]
    """For each of them its cross-entropy in nats, without smoothing: minus the log of its probability."""


def text_batch(
    model: VisionLanguageModel, features: Sequence[Tensor], prompts: Sequence[str], captions: Sequence[str]
) -> Batch:
    """A batch of captions on the model's device, from the features (T, D) of each photo.

    Raises:
        ModelError: prompt and caption are longer than the model has positions for.
    """
    import torch

    batch = model.family.training_batch(model.model, model.processor, prompts, captions)
    room, needed = model.family.positions(model.model), max(batch["input_ids"].shape[1], batch["labels"].shape[1])
    if room is not None and needed > room:
        raise ModelError(f"{model.name} has room for {room} tokens, but prompt and caption need {needed}; shorten one")
    dtype = getattr(torch, choose_dtype(model.settings))
    batch["features"] = torch.stack([row.to(model.device, dtype) for row in features])
    return {name: value.to(model.device) for name, value in batch.items()}


def token_losses(model: VisionLanguageModel, batch: Batch) -> TokenLosses:
    """The loss of each token of a batch's captions.

    Args:
        batch: as `VisionLanguageModel.collate` or `text_batch` makes it.
    """
    import torch
    from torch.nn.functional import cross_entropy

    labels = batch["labels"]
    with torch.inference_mode(), in_eval_mode(model.model), _logits(model.model) as seen:
        mean = float(model.loss(batch))
        logits = seen()[:, -labels.shape[1] :]  # GIT puts image tokens before the text
        if bool((labels[:, 0] == IGNORED).all()):  # the prompt stands in the row: each place tells the next token
            logits, labels = logits[:, :-1], labels[:, 1:]
        losses = cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    kept = labels != IGNORED
    return TokenLosses(
        mean=mean,
        tokens=tuple(tuple(row[keep].tolist()) for row, keep in zip(labels, kept, strict=True)),
        losses=tuple(tuple(row[keep].tolist()) for row, keep in zip(losses, kept, strict=True)),
    )


@contextmanager
def in_eval_mode(model: Any) -> Iterator[None]:
    """Dropout off, and afterwards each part back in the mode it was in: frozen ones stay in eval mode."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _logits(model: Any) -> Iterator[Callable[[], Tensor]]:
    """Reads the logits (B, L, V) of the last forward pass: the families' loss gives back a single number."""
    seen: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        if getattr(output, "logits", None) is not None:
            seen.append(output.logits)

    inner = base(model)
    modules = [inner, *([inner.text_decoder] if hasattr(inner, "text_decoder") else [])]  # BLIP's is called directly
    handles = [module.register_forward_hook(keep) for module in modules]
    try:
        yield lambda: seen[-1]
    finally:
        for handle in handles:
            handle.remove()
