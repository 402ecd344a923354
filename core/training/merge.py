"""Lay a LoRA adapter into its base: one ordinary checkpoint that needs no PEFT any more."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.errors import ModelError, OutputError
from core.settings import LoadSettings
from core.training.merge_card import write_merge_card
from core.vlm.adapters import Adapter
from core.vlm.checkpoint import Checkpoint, open_checkpoint
from core.vlm.loading import quiet
from core.vlm.model import Example, VisionLanguageModel
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate, write_prompt

__all__ = ["Merged", "merge_adapter"]

_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25}
"""How far the loss of the merged model may be off, by the format it is saved in: bfloat16 keeps 8 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What was written."""

    folder: Path
    parameters: int
    dtype: str
    """Number format of the saved weights."""
    loss_before: float
    """Loss of a test caption under base and adapter, in float32."""
    loss_after: float
    """The same under the checkpoint as it was saved and read again."""


def merge_adapter(checkpoint: Checkpoint, adapter: Adapter, out: Path, *, dtype: str | None = None) -> Merged:
    """Write a merged checkpoint with its card, read it again, and hold its loss against that of base and adapter.

    The base is loaded in full precision, also where the adapter was trained on a quantized one.

    Args:
        dtype: `float32` or `bfloat16`; None takes the base's own (float16 is saved as float32: BLIP-2 overflows in it).
        out: a folder that does not exist yet or is empty.

    Raises:
        ModelError: the adapter is not for this base, or the merged model does not write what the two did.
        OutputError: the folder is in use or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already; name a new or an empty folder")
    told = dtype or _dtype(checkpoint)
    settings = LoadSettings(device="cpu", dtype="float32", quantization="none", batch_size=1)
    model = VisionLanguageModel(checkpoint, settings, adapter=adapter)
    prompt = adapter.prompt or CLUB_PROMPT  # as captioning does for one that does not say
    before = _loss(model, prompt)
    merged, processor = _merge(model), model.processor
    parameters = sum(parameter.numel() for parameter in merged.parameters())
    try:
        out.mkdir(parents=True, exist_ok=True)
        with quiet():
            _with_config_size(merged).to(_torch_dtype(told)).save_pretrained(out)
            processor.save_pretrained(out)
        write_prompt(out, prompt)
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}") from None
    del merged, model  # one model in memory at a time
    again = VisionLanguageModel(open_checkpoint(out, name=str(out)), settings)
    after = _loss(again, prompt)
    if not abs(after - before) <= _TOLERANCE[told] * max(1.0, before):  # `not <=`: NaN is wrong, too
        raise ModelError(
            f"{out}: the merged model's loss is {after:.4f}, and {before:.4f} with the adapter on its base; "
            "do not use it, and report this"
        )
    done = Merged(folder=out, parameters=parameters, dtype=told, loss_before=before, loss_after=after)
    write_merge_card(done, checkpoint, adapter, again.checkpoint)
    return done


def _merge(model: VisionLanguageModel) -> Any:
    import torch

    with torch.inference_mode(False), torch.no_grad(), quiet():
        try:
            return model.model.merge_and_unload(safe_merge=True)
        except ValueError as error:  # safe_merge found NaN
            raise ModelError(f"{model.name}: {error}; the adapter is damaged, train it again") from error


def _loss(model: VisionLanguageModel, prompt: PromptTemplate) -> float:
    """Of one caption on a picture of coarse noise: any weight that went astray changes it."""
    import torch

    random = np.random.default_rng(0)
    picture = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).resize((256, 256))
    example = Example(pixel_values=model.pixels(picture), prompt=prompt.fill(None, []), caption="a photo of us")
    with torch.inference_mode():
        return float(model.loss(model.collate([example])))


def _with_config_size(model: Any) -> Any:
    """The model with as many word vectors as its config says: BLIP-2's image token may have been given a row."""
    import torch

    embedding = model.get_input_embeddings()
    said = model.config.get_text_config().vocab_size
    if embedding.weight.shape[0] > said:
        embedding.weight = torch.nn.Parameter(embedding.weight[:said].detach().clone())
        embedding.num_embeddings = said
    return model


def _dtype(checkpoint: Checkpoint) -> str:
    said = str(checkpoint.config.get("dtype") or checkpoint.config.get("torch_dtype"))
    return "bfloat16" if said == "bfloat16" else "float32"


def _torch_dtype(name: str) -> Any:
    import torch

    return getattr(torch, name)
