"""Microsoft GIT (Wang et al. 2022, arXiv 2205.14100): image tokens before the text, one decoder for both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from core.vlm.family import Batch, Family, Parts, Tensor, base, continuation

__all__ = ["Git"]


class Git(Family):
    """GIT's text embeddings count positions from the first token, so prompts of one batch must be equally long."""

    name = "git"
    title = "Microsoft GIT"
    model_type = "git"
    model_class = "GitForCausalLM"
    base_prompt = ""
    parts = Parts(vision=("git.image_encoder.",), bridge=("git.visual_projection.", "git.img_temporal_embedding"))
    features_include = ("vision",)
    lora_presets: ClassVar = {
        "qv": r"git\.encoder\..*\.(query|value)",
        "attention": r"git\.encoder\..*\.(query|key|value|attention\.output\.dense)",
        "attention+dense": r"git\.encoder\..*\.(query|key|value|dense)",
        "all-linear": r"git\.encoder\..*\.(query|key|value|dense)",
    }

    def padding(self, model: Any) -> None:
        return None

    def prompt_ids(self, model: Any, processor: Any, prompt: str) -> list[int]:
        tokenizer = processor.tokenizer
        return [tokenizer.cls_token_id, *tokenizer(prompt, add_special_tokens=False).input_ids]

    def features(self, model: Any, pixel_values: Tensor) -> Tensor:
        return base(model).git.image_encoder(pixel_values).last_hidden_state

    def training_batch(self, model: Any, processor: Any, prompts: Sequence[str], captions: Sequence[str]) -> Batch:
        tokenizer = processor.tokenizer
        texts = [[*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.sep_token_id] for text in captions]
        return continuation([self.prompt_ids(model, processor, p) for p in prompts], texts, tokenizer.pad_token_id)

    def loss(self, model: Any, batch: Batch) -> Tensor:
        if "features" not in batch:
            return model(**batch).loss
        rest = {name: value for name, value in batch.items() if name != "features"}
        with _stored(model):
            return model(pixel_values=batch["features"][:, None], **rest).loss

    def generate(self, model: Any, features: Tensor, input_ids: Tensor, attention_mask: Tensor, **how: Any) -> Tensor:
        with _stored(model):
            tokens = model.generate(
                pixel_values=features[:, None], input_ids=input_ids, attention_mask=attention_mask, **how
            )
        return tokens[:, input_ids.shape[1] :]


@contextmanager
def _stored(model: Any) -> Iterator[None]:
    """Let features (B, 1, T, D) pass where the image encoder would take pixels: GIT has no way in for them."""
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    class StoredFeatures(torch.nn.Module):
        def forward(self, features: Tensor, **_: Any) -> BaseModelOutput:
            return BaseModelOutput(last_hidden_state=features[:, 0])

    inner = base(model).git
    encoder, inner.image_encoder = inner.image_encoder, StoredFeatures()
    try:
        yield
    finally:
        inner.image_encoder = encoder
