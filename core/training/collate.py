"""Training batches from examples, on the processor: the Trainer brings them to its device."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.vlm.family import Batch
from core.vlm.model import Example, VisionLanguageModel

__all__ = ["Collator", "cut_caption"]


class Collator:
    """Puts examples into one batch: `input_ids`, `attention_mask`, `labels`, and `features` or `pixel_values`.

    Labels are padded with -100, which the loss leaves out. Unlike `VisionLanguageModel.collate` it touches no device,
    so that it may run in the processes that read ahead.
    """

    def __init__(self, model: VisionLanguageModel) -> None:
        self._model = model

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """One batch."""
        import torch

        model = self._model
        prompts, captions = [e.prompt for e in examples], [e.caption for e in examples]
        batch = model.family.training_batch(model.model, model.processor, prompts, captions)
        if examples[0].features is not None:
            batch["features"] = torch.stack([torch.as_tensor(e.features) for e in examples])
        else:
            photos = [e.pixel_values for e in examples if e.pixel_values is not None]
            batch["pixel_values"] = torch.from_numpy(np.stack(photos))
        return batch


def cut_caption(caption: str, tokenizer: Any, most_tokens: int) -> str:
    """The caption, cut where it has more than so many tokens, its end token included."""
    offsets = tokenizer(caption, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return caption if len(offsets) < most_tokens else caption[: offsets[most_tokens - 2][1]].rstrip()
