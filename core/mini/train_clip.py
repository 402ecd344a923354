"""Trains the small CLIP model: `python -m core.mini.train_clip --eyes core/mini/blip2 --out core/mini/clip`."""

import argparse
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.mini.calibrate import calibrate
from core.mini.captioner_init import open_clip_eyes
from core.mini.captioner_models import IMAGE_SIZE, PATCH_SIZE
from core.mini.captioner_models import VISION as VISION_CONFIG
from core.mini.clip_data import CONTEXT, Batch, Feed, Texts
from core.mini.lexicon import NEUTRAL_PROMPT, write_vocabulary
from core.mini.losses import caption_loss, instance_loss, label_logits, likeness_loss, prompt_means
from core.mini.scenes import LABELS
from core.mini.views import MEAN, STD, look, spoiled
from core.mini.voiced import caption_words

VISION: dict[str, Any] = {
    "image_size": IMAGE_SIZE,
    "patch_size": PATCH_SIZE,
    "layers": VISION_CONFIG["num_hidden_layers"],
    "width": VISION_CONFIG["hidden_size"],
    "head_width": VISION_CONFIG["hidden_size"] // VISION_CONFIG["num_attention_heads"],
    "no_ln_pre": True,
}
"""The same tower as the captioners have, so that one pair of eyes serves all."""
TEXT: dict[str, Any] = {"context_length": CONTEXT, "width": 128, "heads": 4, "layers": 2}
EMBED_DIM = 128
MAX_LOGIT_SCALE = math.log(50)


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long and on how much the model is trained."""

    seed: int = 0
    scenes: int = 30_000
    textures: int = 6_000
    steps: int = 1_400
    scene_batch: int = 48
    texture_batch: int = 24
    learning_rate: float = 1.5e-3
    eyes_share: float = 0.4
    """Of the learning rate, for a vision tower that has learnt to see before."""
    warmup: int = 100
    weight_decay: float = 0.05
    other_captions: int = 160
    """Captions of other scenes, from which an image must tell its own."""
    threads: int = 2


SMOKE = TrainSettings(scenes=400, textures=60, steps=40, warmup=8, scene_batch=32, texture_batch=8, other_captions=20)


def write_config(folder: Path) -> dict[str, Any]:
    """Writes the model's vocabulary and configuration; returns the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    size = write_vocabulary(folder / "bpe.txt.gz", caption_words())
    config = {
        "model_cfg": {"embed_dim": EMBED_DIM, "vision_cfg": VISION, "text_cfg": TEXT | {"vocab_size": size}},
        "preprocess_cfg": {
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return config


def batch_loss(model: Any, texts: Texts, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """The losses of two edited views of each picture of a batch."""
    photos = torch.cat([spoiled(batch.scenes, 0.08, generator), batch.textures])
    n, b = len(photos), len(batch.scenes)
    mild, strong = (look(photos, IMAGE_SIZE, generator, strength=strength) for strength in (0.4, 1.1))
    images = F.normalize(model.encode_image(torch.cat([mild, strong])), dim=-1)
    distinct = [NEUTRAL_PROMPT, *dict.fromkeys([*batch.captions, *batch.others])]
    prompts = texts.prompts(generator)
    encoded = F.normalize(model.encode_text(texts.tokens([*prompts, *distinct])), dim=-1)
    of_labels = encoded[: len(prompts)].reshape(-1, 2, EMBED_DIM)
    of_captions = encoded[len(prompts) :]
    own = torch.tensor([distinct.index(caption) for caption in batch.captions] + [0] * (n - b)).repeat(2)
    scale, photo = model.logit_scale.exp(), torch.arange(n).repeat(2)
    logits = label_logits(images, prompt_means(of_labels), of_captions[0], scale)
    target = torch.cat([batch.truth, torch.zeros(n - b, batch.truth.shape[1])]).repeat(2, 1)
    binary = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    unnamed = torch.arange(b, n)
    topics = torch.cat([batch.topics, torch.full((n - b,), -1)]).repeat(2)
    return {
        "caption": caption_loss(images, of_captions, own, scale),
        "label": 3 * (binary[:, : len(LABELS)].mean() + 0.3 * binary[:, len(LABELS) :].mean()),
        "likeness": likeness_loss(images, photo, topics),
        "instance": 0.6 * instance_loss(images, photo, torch.cat([unnamed, unnamed + n])),
    }


def rate(step: int, settings: TrainSettings) -> float:
    """Share of the learning rate: a short warm-up, then a cosine down to zero."""
    return min(1.0, (step + 1) / settings.warmup) * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def train(
    folder: Path, settings: TrainSettings, *, eyes: Path | None = None, cache: Path | None = None
) -> list[dict[str, float]]:
    """Trains a model and writes its folder; returns the losses of each step.

    `eyes`: the folder of a mini BLIP-2, whose vision tower it starts with; `cache`: see `make_captioned_scenes`.
    """
    from open_clip.model import CLIP

    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    config = write_config(folder)
    feed = Feed(scenes=settings.scenes, textures=settings.textures, seed=settings.seed, cache=cache)
    sizes = {"scenes": settings.scene_batch, "textures": settings.texture_batch, "others": settings.other_captions}
    texts, model = Texts(folder), CLIP(**config["model_cfg"])
    if eyes is not None:
        open_clip_eyes(eyes, model.visual)
    model.train()
    optimizer = make_optimizer(model, replace(settings, eyes_share=1.0) if eyes is None else settings)
    full = [group["lr"] for group in optimizer.param_groups]
    history: list[dict[str, float]] = []
    started = time.monotonic()
    for step in range(settings.steps):
        share = rate(step, settings)
        for group, learning_rate in zip(optimizer.param_groups, full, strict=True):
            group["lr"] = share * learning_rate
        losses = batch_loss(model, texts, feed.draw(**sizes), generator)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=MAX_LOGIT_SCALE)
        history.append({name: loss.item() for name, loss in losses.items()})
        if step % 50 == 0:
            line = " ".join(f"{name} {value:.3f}" for name, value in history[-1].items())
            print(f"{step:5d} {time.monotonic() - started:6.0f} s  {line}", flush=True)
    save_weights(model, folder)
    return history


def make_optimizer(model: Any, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW; norms, biases and the logit scale do not decay, the vision tower moves more slowly."""
    groups = []
    for seeing, learning_rate in (
        (True, settings.eyes_share * settings.learning_rate),
        (False, settings.learning_rate),
    ):
        part = [p for name, p in model.named_parameters() if name.startswith("visual.") is seeing]
        for decay in (settings.weight_decay, 0.0):
            params = [p for p in part if (p.ndim > 1) is (decay > 0)]
            groups.append({"params": params, "lr": learning_rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def save_weights(model: Any, folder: Path) -> None:
    """Stores the weights in half precision; open_clip loads them into single precision."""
    from safetensors.torch import save_file

    state = {
        k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in model.state_dict().items()
    }
    save_file(state, folder / "open_clip_model.safetensors")


def main() -> None:
    """Trains, then calibrates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=TrainSettings.threads)
    parser.add_argument("--eyes", type=Path, help="a mini BLIP-2's folder, whose vision tower it starts with")
    parser.add_argument("--cache", type=Path, help="an .npz file that keeps the rendered scenes")
    parser.add_argument("--smoke", action="store_true", help="everything small: a minute, and no good model")
    arguments = parser.parse_args()
    settings = replace(SMOKE if arguments.smoke else TrainSettings(), seed=arguments.seed, threads=arguments.threads)
    train(arguments.out, settings, eyes=arguments.eyes, cache=arguments.cache)
    calibrate(arguments.out)


if __name__ == "__main__":
    main()
