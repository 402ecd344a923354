"""BLIP-2 (Li et al. 2023, arXiv 2301.12597): a frozen ViT, a Q-Former, and a flan-t5 or opt language model.

A prompt without image tokens gives no error and silently ignores the photo, so they are counted here.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from core.errors import ModelError
from core.vlm.family import Batch, Family, Parts, Tensor, answer, base, continuation, without

__all__ = ["Blip2"]

_IMAGE_TOKEN = "<image>"


class Blip2(Family):
    """BLIP-2 with either kind of language model."""

    name = "blip2"
    title = "BLIP-2"
    model_type = "blip-2"
    model_class = "Blip2ForConditionalGeneration"
    base_prompt = "a photo of"
    parts = Parts(vision=("vision_model.", "qformer.", "query_tokens"), bridge=("language_projection.",))
    features_include = ("vision", "bridge")
    lora_presets: ClassVar = {
        "qv": r"language_model\..*\.(q|v|q_proj|v_proj)",
        "attention": r"language_model\..*\.(q|k|v|o|q_proj|k_proj|v_proj|out_proj)",
        "attention+dense": r"language_model\..*\.(q|k|v|o|wi|wi_0|wi_1|wo|q_proj|k_proj|v_proj|out_proj|fc1|fc2)",
        "all-linear": r"language_model\..*\.(q|k|v|o|wi|wi_0|wi_1|wo|q_proj|k_proj|v_proj|out_proj|fc1|fc2)",
    }

    def adjust(self, model: Any, processor: Any) -> None:
        """Give processor and config of older checkpoints what they lack: the image token and how many there are."""
        config, tokenizer = model.config, processor.tokenizer
        processor.num_query_tokens = config.num_query_tokens
        in_vocabulary = tokenizer.convert_tokens_to_ids(_IMAGE_TOKEN)
        if in_vocabulary is None or in_vocabulary == tokenizer.unk_token_id:
            tokenizer.add_tokens([_IMAGE_TOKEN], special_tokens=True)
            in_vocabulary = tokenizer.convert_tokens_to_ids(_IMAGE_TOKEN)
        if getattr(config, "image_token_index", None) is None:
            config.image_token_index = in_vocabulary
        _make_room(model, in_vocabulary + 1)

    def check(self, model: Any, processor: Any) -> Sequence[str]:
        wanted, got = model.config.image_token_index, processor.tokenizer.convert_tokens_to_ids(_IMAGE_TOKEN)
        if wanted != got:
            return [f"config.json says image token {wanted}, but the tokenizer's {_IMAGE_TOKEN} is {got}"]
        return ()

    def padding(self, model: Any) -> Literal["left", "right"] | None:
        return "left" if base(model).config.use_decoder_only_language_model else "right"

    def image_token_id(self, model: Any) -> int:
        return int(base(model).config.image_token_index)

    def prompt_ids(self, model: Any, processor: Any, prompt: str) -> list[int]:
        config = base(model).config
        image = [config.image_token_index] * config.num_query_tokens
        return [*image, *without(processor.tokenizer(prompt).input_ids, config.image_token_index)]

    def features(self, model: Any, pixel_values: Tensor) -> Tensor:
        return base(model).get_image_features(pixel_values).pooler_output

    def training_batch(self, model: Any, processor: Any, prompts: Sequence[str], captions: Sequence[str]) -> Batch:
        tokenizer = processor.tokenizer
        rows = [self.prompt_ids(model, processor, prompt) for prompt in prompts]
        if base(model).config.use_decoder_only_language_model:
            end = _end(base(model).language_model)
            texts = [[*tokenizer(text, add_special_tokens=False).input_ids, end] for text in captions]
            return continuation(rows, texts, tokenizer.pad_token_id)
        return answer(rows, [tokenizer(text).input_ids for text in captions], tokenizer.pad_token_id)

    def loss(self, model: Any, batch: Batch) -> Tensor:
        _assert_image_tokens(base(model).config, batch["input_ids"])
        if "features" not in batch:
            return model(**batch).loss
        from transformers.models.blip_2.modeling_blip_2 import BaseModelOutputWithVisionQformerOutputs

        rest = {name: value for name, value in batch.items() if name != "features"}
        stored = BaseModelOutputWithVisionQformerOutputs(pooler_output=batch["features"])
        return model(pixel_values=None, mm_encoder_outputs={"image": stored}, **rest).loss

    def generate(self, model: Any, features: Tensor, input_ids: Tensor, attention_mask: Tensor, **how: Any) -> Tensor:
        inner = base(model)
        _assert_image_tokens(inner.config, input_ids)
        embeds = inner.get_input_embeddings()(input_ids)
        places = (input_ids == inner.config.image_token_index).unsqueeze(-1)
        embeds = embeds.masked_scatter(places, features.to(embeds.dtype))
        told = {"inputs_embeds": embeds, "attention_mask": attention_mask}
        if not inner.config.use_decoder_only_language_model:
            return inner.language_model.generate(**told, **how)
        # The ids are not looked up again; with them words of the prompt count as said (no_repeat_ngram_size).
        tokens = inner.language_model.generate(input_ids=input_ids, **told, **how)
        return tokens[:, input_ids.shape[1] :]


def _make_room(model: Any, rows: int) -> None:
    """Let the image token be looked up; its row is never seen, since features take its place.

    The output side stays as it is: resizing both would tie flan-t5's own head and give the token a random score.
    """
    import torch

    old = model.get_input_embeddings()
    if rows > old.num_embeddings:
        new = torch.nn.Embedding(rows, old.embedding_dim, old.padding_idx, device="meta")
        more = old.weight.new_zeros(rows - old.num_embeddings, old.embedding_dim)
        new.weight = torch.nn.Parameter(torch.cat([old.weight.detach(), more]))
        model.set_input_embeddings(new)


def _end(language_model: Any) -> int:
    """The token that ends a caption: a line break for the published opt models, not the tokenizer's own."""
    end = language_model.generation_config.eos_token_id
    return int(end[0] if isinstance(end, list) else end)


def _assert_image_tokens(config: Any, input_ids: Tensor) -> None:
    counts = (input_ids == config.image_token_index).sum(1)
    if not bool((counts == config.num_query_tokens).all()):
        raise ModelError(
            f"BLIP-2 expects {config.num_query_tokens} image tokens before each prompt, got {counts.tolist()}; "
            "without them it would ignore the photo"
        )
