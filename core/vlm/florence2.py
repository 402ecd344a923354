"""Florence-2 (Xiao et al. 2023, arXiv 2311.06242), the native transformers class: DaViT and a BART that answers."""

from collections.abc import Sequence
from typing import Any, ClassVar

from core.errors import ModelError
from core.vlm.family import Batch, Family, Parts, Tensor, answer, base, without

__all__ = ["Florence2"]


class Florence2(Family):
    """A prompt may be one of its task tokens, such as `<CAPTION>`, which stands for a question."""

    name = "florence2"
    title = "Florence-2"
    model_type = "florence2"
    model_class = "Florence2ForConditionalGeneration"
    base_prompt = "<CAPTION>"
    parts = Parts(vision=("model.vision_tower.",), bridge=("model.multi_modal_projector.",))
    features_include = ("vision", "bridge")
    lora_presets: ClassVar = {
        "qv": r"model\.language_model\..*\.(q_proj|v_proj)",
        "attention": r"model\.language_model\..*\.(q_proj|k_proj|v_proj|out_proj)",
        "attention+dense": r"model\.language_model\..*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)",
        "all-linear": r"model\.language_model\..*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)",
    }

    def tokens_needed(self, model: Any, prompt: int, new: int) -> int:
        return max(prompt, new)  # one reads, the other writes

    def check(self, model: Any, processor: Any) -> Sequence[str]:
        wanted, got = model.config.image_token_id, processor.tokenizer.convert_tokens_to_ids("<image>")
        if wanted != got:
            return [f"config.json says image token {wanted}, but the tokenizer's <image> is {got}"]
        return ()

    def image_token_id(self, model: Any) -> int:
        return int(base(model).config.image_token_id)

    def prompt_ids(self, model: Any, processor: Any, prompt: str) -> list[int]:
        tokenizer, image_token = processor.tokenizer, base(model).config.image_token_id
        question = processor.task_prompts_without_inputs.get(prompt, prompt)
        text = without(tokenizer(question, add_special_tokens=False).input_ids, image_token)
        image = [image_token] * int(processor.num_image_tokens)
        return [*image, tokenizer.bos_token_id, *text, tokenizer.eos_token_id]

    def features(self, model: Any, pixel_values: Tensor) -> Tensor:
        return base(model).get_image_features(pixel_values).pooler_output

    def training_batch(self, model: Any, processor: Any, prompts: Sequence[str], captions: Sequence[str]) -> Batch:
        tokenizer = processor.tokenizer
        rows = [self.prompt_ids(model, processor, prompt) for prompt in prompts]
        return answer(rows, [tokenizer(text).input_ids for text in captions], tokenizer.pad_token_id)

    def loss(self, model: Any, batch: Batch) -> Tensor:
        if "features" not in batch:
            return model(**batch).loss
        rest = {name: value for name, value in batch.items() if name not in ("features", "input_ids")}
        return model(inputs_embeds=self._embeds(model, batch["features"], batch["input_ids"]), **rest).loss

    def generate(self, model: Any, features: Tensor, input_ids: Tensor, attention_mask: Tensor, **how: Any) -> Tensor:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        _assert_image_tokens(base(model).config, input_ids, features)
        stored = {"image": BaseModelOutputWithPooling(pooler_output=features)}
        return base(model).generate(
            input_ids=input_ids, attention_mask=attention_mask, mm_encoder_outputs=stored, **how
        )

    def _embeds(self, model: Any, features: Tensor, input_ids: Tensor) -> Tensor:
        _assert_image_tokens(base(model).config, input_ids, features)
        embeds = base(model).get_input_embeddings()(input_ids)
        places = (input_ids == base(model).config.image_token_id).unsqueeze(-1)
        return embeds.masked_scatter(places, features.to(embeds.dtype))


def _assert_image_tokens(config: Any, input_ids: Tensor, features: Tensor) -> None:
    counts = (input_ids == config.image_token_id).sum(1)
    if not bool((counts == features.shape[1]).all()):
        raise ModelError(
            f"Florence-2 makes {features.shape[1]} image tokens of a photo of this size, but the prompt has room for "
            f"{counts.tolist()}; put {features.shape[1]} as image_seq_length into preprocessor_config.json"
        )
