"""What the tests of vision-language models share: settings, photos, captions, adapters."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.settings import DecodingSettings, LoadSettings
from core.vlm.adapters import Adapter
from core.vlm.checkpoint import open_checkpoint
from core.vlm.loading import quiet
from core.vlm.model import VisionLanguageModel

FAMILIES = ["blip2-t5", "blip2-opt", "git", "florence2", "blip"]
"""Names of the checkpoints that `vlm_folder` builds."""


def load_settings(**changed: Any) -> LoadSettings:
    """float32 on the processor, four photos a batch, unless told otherwise."""
    plain = {"device": "cpu", "dtype": "float32", "quantization": "none", "batch_size": 4}
    return LoadSettings(**(plain | changed))


def decoding(**changed: Any) -> DecodingSettings:
    """Greedy, twelve words, unless told otherwise."""
    plain = {"num_beams": 1, "max_new_tokens": 12, "length_penalty": 1.0, "no_repeat_ngram_size": 0, "do_sample": False}
    return DecodingSettings(**(plain | {"temperature": 1.0, "top_p": 1.0, "seed": None} | changed))


def open_model(folder: Path, *, adapter: Adapter | None = None, **changed: Any) -> VisionLanguageModel:
    """A folder's model as Montage loads it."""
    checkpoint = open_checkpoint(folder, name=folder.name)
    return VisionLanguageModel(checkpoint, load_settings(**changed), adapter=adapter)


def photos(count: int) -> list[Image.Image]:
    """Photos of coarse noise, each another."""
    random = np.random.default_rng(5)
    return [Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize((60, 40)) for _ in range(count)]


def captions(model: VisionLanguageModel, prompt: str = "a photo of", *, count: int = 3, **how: Any) -> list[str]:
    """What a model says of the first photos."""
    features = model.features([model.pixels(photo) for photo in photos(count)])
    written = model.generate(list(features), [prompt] * count, decoding(**how))
    return [texts[0] for texts in written]


def lora_config(model: VisionLanguageModel, preset: str = "attention", **changed: Any) -> Any:
    """PEFT's settings for one of a family's presets."""
    import peft

    return peft.LoraConfig(target_modules=model.family.lora_presets[preset], **({"r": 4, "lora_alpha": 8} | changed))


def save_adapter(folder: Path, base: Path, config: Any, *, seed: int = 1) -> Path:
    """Write an adapter whose weights are not zero, as after training."""
    import peft

    with quiet():
        adapted = peft.get_peft_model(open_model(base).model, config)
        torch.manual_seed(seed)
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.4)
        adapted.save_pretrained(folder)
    return folder
