"""BLIP (Li et al. 2022, arXiv 2201.12086): a text decoder that attends to image tokens."""

from collections.abc import Sequence
from typing import Any, ClassVar

from core.vlm.family import Batch, Family, Parts, Tensor, base, continuation

__all__ = ["Blip"]


class Blip(Family):
    """A caption begins with `[DEC]`, then the prompt; positions are learnt, so prompts of a batch are equally long."""

    name = "blip"
    title = "BLIP"
    model_type = "blip"
    model_class = "BlipForConditionalGeneration"
    base_prompt = ""
    parts = Parts(vision=("vision_model.",))
    features_include = ("vision",)
    lora_presets: ClassVar = {
        "qv": r"text_decoder\..*\.(query|value)",
        "attention": r"text_decoder\..*\.(query|key|value|attention\.output\.dense|crossattention\.output\.dense)",
        "attention+dense": r"text_decoder\.bert\.encoder\..*\.(query|key|value|dense)",
        "all-linear": r"text_decoder\.bert\.encoder\..*\.(query|key|value|dense)",
    }

    def padding(self, model: Any) -> None:
        return None

    def prompt_ids(self, model: Any, processor: Any, prompt: str) -> list[int]:
        start = base(model).config.text_config.bos_token_id
        return [start, *processor.tokenizer(prompt, add_special_tokens=False).input_ids]

    def features(self, model: Any, pixel_values: Tensor) -> Tensor:
        return base(model).vision_model(pixel_values).last_hidden_state

    def training_batch(self, model: Any, processor: Any, prompts: Sequence[str], captions: Sequence[str]) -> Batch:
        tokenizer, end = processor.tokenizer, base(model).config.text_config.sep_token_id
        texts = [[*tokenizer(text, add_special_tokens=False).input_ids, end] for text in captions]
        return continuation([self.prompt_ids(model, processor, p) for p in prompts], texts, tokenizer.pad_token_id)

    def loss(self, model: Any, batch: Batch) -> Tensor:
        if "features" not in batch:
            return model(**batch).loss
        rest = {name: value for name, value in batch.items() if name != "features"}
        return base(model).text_decoder(encoder_hidden_states=batch["features"], reduction="mean", **rest).loss

    def generate(self, model: Any, features: Tensor, input_ids: Tensor, attention_mask: Tensor, **how: Any) -> Tensor:
        import torch

        config = base(model).config.text_config
        seen = torch.ones(features.shape[:2], dtype=torch.int64, device=features.device)
        tokens = base(model).text_decoder.generate(
            input_ids=input_ids,
            attention_mask=attention_mask,
            encoder_hidden_states=features,
            encoder_attention_mask=seen,
            eos_token_id=config.sep_token_id,
            pad_token_id=config.pad_token_id,
            **how,
        )
        return tokens[:, input_ids.shape[1] :]
