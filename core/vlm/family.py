"""What sets one model family apart from the others, behind one small interface.

Shapes: B photos, T image tokens, L text tokens, D the width of the features.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from core.settings import Family as FamilyName

__all__ = ["IGNORED", "Batch", "Family", "Parts", "Tensor", "answer", "base", "continuation", "mask", "pad", "without"]

Tensor: TypeAlias = Any
Batch: TypeAlias = dict[str, Tensor]
IGNORED = -100
"""Label of a token that the loss leaves out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Prefixes of parameter names; whatever has none of them is the language side."""

    vision: tuple[str, ...]
    """What looks at pixels."""
    bridge: tuple[str, ...] = ()
    """What carries features from vision to language."""

    def of(self, parameter: str) -> str:
        """`vision`, `bridge` or `language`, for the name of a parameter or module, with or without PEFT's prefix."""
        name = parameter.removeprefix("base_model.model.") + "."
        return "vision" if name.startswith(self.vision) else "bridge" if name.startswith(self.bridge) else "language"


class Family(ABC):
    """A model family."""

    name: ClassVar[FamilyName]
    title: ClassVar[str]
    """As its authors call it."""
    model_type: ClassVar[str]
    """In `config.json`."""
    model_class: ClassVar[str]
    """The class in transformers."""
    base_prompt: ClassVar[str]
    """What a published checkpoint is given that was trained on no prompt of ours."""
    parts: ClassVar[Parts]
    features_include: ClassVar[tuple[str, ...]]
    """Which parts stored features have passed through; training any of them makes stored features wrong."""
    lora_presets: ClassVar[Mapping[str, str]]
    """Regular expressions of module names: `qv`, `attention`, `attention+dense`, `all-linear`. Language side only."""

    def adjust(self, model: Any, processor: Any) -> None:  # noqa: B027
        """Mend what older checkpoints lack, in place; nothing for most."""

    def check(self, model: Any, processor: Any) -> Sequence[str]:
        """What is wrong with a loaded checkpoint, as sentences; none when all is well."""
        return ()

    def image_size_px(self, processor: Any) -> int:
        """The side of the square that a photo is brought to."""
        size = processor.image_processor.size
        return int(size["height"] if "height" in size else size["shortest_edge"])

    def image_token_id(self, model: Any) -> int | None:
        """The token in whose places a prompt takes up the photo; None for models that take it in otherwise."""
        return None

    def padding(self, model: Any) -> Literal["left", "right"] | None:
        """The side on which shorter prompts of a batch are filled up without a change of the result; None: neither."""
        return "right"

    def positions(self, model: Any) -> int | None:
        """The most tokens of a text, where positions are learnt; None where there is no limit."""
        text = base(model).config.get_text_config()
        return None if text.model_type == "t5" else int(text.max_position_embeddings)

    def tokens_needed(self, model: Any, prompt: int, new: int) -> int:
        """Positions that a prompt and as many new tokens take up, for models that continue the prompt."""
        return prompt + new

    @abstractmethod
    def prompt_ids(self, model: Any, processor: Any, prompt: str) -> list[int]:
        """Token ids of a prompt as the model wants it, image tokens included."""

    @abstractmethod
    def features(self, model: Any, pixel_values: Tensor) -> Tensor:
        """What the frozen side makes of photos (B, 3, H, W): (B, T, D)."""

    @abstractmethod
    def training_batch(self, model: Any, processor: Any, prompts: Sequence[str], captions: Sequence[str]) -> Batch:
        """`input_ids`, `attention_mask` and `labels` (B, L), without the photos."""

    @abstractmethod
    def loss(self, model: Any, batch: Batch) -> Tensor:
        """Mean cross-entropy of the captions of a training batch with `features` (B, T, D) or `pixel_values`."""

    @abstractmethod
    def generate(self, model: Any, features: Tensor, input_ids: Tensor, attention_mask: Tensor, **how: Any) -> Tensor:
        """New token ids (B * sequences, L), without the prompt."""


def base(model: Any) -> Any:
    """The transformers model inside a PEFT model, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def pad(rows: Sequence[Sequence[int]], value: int, *, left: bool = False) -> Tensor:
    """Token ids of unequal length as one int64 tensor (B, longest)."""
    import torch

    longest = max(map(len, rows))
    filled = [
        [value] * (longest - len(row)) + [*row] if left else [*row] + [value] * (longest - len(row)) for row in rows
    ]
    return torch.tensor(filled, dtype=torch.int64)


def mask(rows: Sequence[Sequence[int]], *, left: bool = False) -> Tensor:
    """1 where `pad` put a token, 0 where it filled up."""
    return pad([[1] * len(row) for row in rows], 0, left=left)


def continuation(prompts: Sequence[list[int]], captions: Sequence[list[int]], pad_id: int) -> Batch:
    """Prompt and caption in one row each, for models that continue a text; the loss sees the caption only."""
    rows = [[*prompt, *caption] for prompt, caption in zip(prompts, captions, strict=True)]
    labels = [[IGNORED] * len(prompt) + caption for prompt, caption in zip(prompts, captions, strict=True)]
    return {"input_ids": pad(rows, pad_id), "attention_mask": mask(rows), "labels": pad(labels, IGNORED)}


def answer(prompts: Sequence[list[int]], captions: Sequence[list[int]], pad_id: int) -> Batch:
    """Prompt for the encoder, caption for the decoder."""
    return {"input_ids": pad(prompts, pad_id), "attention_mask": mask(prompts), "labels": pad(captions, IGNORED)}


def without(ids: Sequence[int], unwanted: int) -> list[int]:
    """Token ids of a text but one: an event called `<image>` must not pass for the photo."""
    return [token for token in ids if token != unwanted]
