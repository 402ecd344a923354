"""How much memory and how many operations one step of training takes, about."""

import math
import time
from typing import Any

from core.settings import LoadSettings
from core.training.base_model import Shape
from core.training.settings import Recipe
from core.vlm.family import base
from core.vlm.loading import choose_device, choose_dtype

__all__ = ["Work"]

_STATE_BYTES = {"adamw_torch": 8.0, "adamw_torch_fused": 8.0, "adamw_8bit": 2.0, "adafactor": 0.1, "came": 4.1}
"""Of the optimizer for each trained parameter; the factored ones keep rows and columns only."""
_WEIGHT_BYTES = {"float32": 4.0, "bfloat16": 2.0, "bnb_8bit": 1.0, "bnb_4bit": 0.5}
_EFFICIENCY = 0.4
"""Of a model's many small products, against one large product."""


class Work:
    """Memory and arithmetic of one step of a model on the meta device.

    Args:
        counts: parameters by part, `trainable` and `total`.
        prompt_tokens: of a prompt, on average.
    """

    def __init__(
        self,
        model: Any,
        shape: Shape,
        recipe: Recipe,
        counts: dict[str, int],
        *,
        features_stored: bool,
        prompt_tokens: int,
    ) -> None:
        self.recipe = recipe
        self.counts = counts
        self.features_stored = features_stored
        self.prompt_tokens = prompt_tokens
        self.text = base(model).config.get_text_config()
        self.image_tokens = _image_tokens(base(model).config)
        settings = LoadSettings(device=recipe.train.device, dtype=recipe.train.dtype, quantization="none", batch_size=1)
        self.device, self.dtype = choose_device(settings), choose_dtype(settings)
        self.reads_apart = bool(getattr(self.text, "is_encoder_decoder", False))

    def memory_gb(self) -> dict[str, float]:
        """By what it is for, in 10⁹ bytes."""
        lora, trainable = self.recipe.lora.enabled, self.counts["trainable"]
        kept = self.counts["total"] - trainable if lora else 0
        if lora and self.features_stored:
            kept -= self.counts["vision"]
        kind = self.recipe.quantization if self.recipe.quantization != "none" else self.dtype
        found = {
            "weights": kept * _WEIGHT_BYTES[kind] + trainable * 4.0,
            "gradients": trainable * 4.0,
            "optimizer": trainable * _STATE_BYTES[self.recipe.train.optimizer],
            "activations": self._activation_bytes(),
        }
        return {name: round(value / 1e9, 3) for name, value in (found | {"total": sum(found.values())}).items()}

    def _activation_bytes(self) -> float:
        """Of a transformer: Korthikanti et al. 2022 (arXiv 2205.05198), equation 2, and the logits with gradients."""
        batch, caption = self.recipe.train.per_device_train_batch_size, self.recipe.train.max_seq_len
        read = self.image_tokens + self.prompt_tokens
        if self.reads_apart:
            kept = self._layers_bytes(batch, read, "encoder_layers", "num_layers")
            kept += self._layers_bytes(batch, caption, "decoder_layers", "num_decoder_layers", "num_layers")
        else:
            kept = self._layers_bytes(batch, read + caption, "num_hidden_layers", "num_layers")
        logits = batch * (caption if self.reads_apart else read + caption) * int(self.text.vocab_size)
        return kept + 3 * 4.0 * logits

    def _layers_bytes(self, batch: int, length: int, *names: str) -> float:
        layers = _of(self.text, *names)
        width, heads = _of(self.text, "hidden_size", "d_model"), _of(self.text, "num_attention_heads", "num_heads")
        each = 2.0 if self.dtype == "bfloat16" else 4.0
        layer = each / 2 * length * batch * width * (34 + 5 * heads * length / width)
        if self.recipe.train.gradient_checkpointing:  # each layer's input, and one layer in full
            return layers * each * length * batch * width + layer
        return layers * layer

    def seconds_per_step(self, caption: int) -> float:
        """From this machine's speed; forward 2 operations a weight and token, backward as many for inputs, and again
        for weights where they are trained."""
        batch = self.recipe.train.per_device_train_batch_size * self.recipe.train.gradient_accumulation_steps
        full = not self.recipe.lora.enabled
        read = self.image_tokens + self.prompt_tokens
        seen = (read + caption) / 2 if self.reads_apart else read + caption
        work = (6 if full else 4) * self.counts["language"] * seen
        if not self.features_stored:
            trained = full and not self.recipe.freeze.freeze_vision
            work += (6 if trained else 2) * self.counts["vision"] * self.image_tokens
        return work * batch / (_EFFICIENCY * _operations_per_s(self.device, self.dtype))


def _image_tokens(config: Any) -> int:
    """Tokens that the language side reads of a photo, as far as the config tells; 577 for Florence-2 at 768 px."""
    if hasattr(config, "num_query_tokens"):
        return int(config.num_query_tokens)
    vision = config.vision_config
    if hasattr(vision, "image_size") and hasattr(vision, "patch_size") and isinstance(vision.patch_size, int):
        return int(vision.image_size // vision.patch_size) ** 2 + 1
    return 577


def _of(config: Any, *names: str) -> int:
    return int(next(getattr(config, name) for name in names if getattr(config, name, None) is not None))


def _operations_per_s(device: str, dtype: str) -> float:
    """Floating-point operations a second in a product of two matrices."""
    import torch

    size = 4096 if device.startswith("cuda") else 768
    one = torch.ones(size, size, device=device, dtype=getattr(torch, dtype))
    best = math.inf
    for _ in range(4):  # the first is slower
        begun = time.perf_counter()
        total = (one @ one)[0, 0].item()
        best = min(best, time.perf_counter() - begun)
    assert total > 0
    return 2.0 * size**3 / best
