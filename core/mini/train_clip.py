"""Trains the small CLIP model: `python -m core.mini.train_clip --out core/mini/clip --seed 0 [--smoke]`."""

import argparse
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.mini.calibrate import calibrate
from core.mini.lexicon import CONCEPTS, NEUTRAL_PROMPT, PROMPTS, known_words, write_vocabulary
from core.mini.losses import caption_loss, instance_loss, label_logits, likeness_loss, prompt_means
from core.mini.pictures import Pictures, make_scenes, make_textures
from core.mini.scenes import LABELS
from core.mini.views import MEAN, STD, look, spoiled

IMAGE_SIZE, CONTEXT = 64, 24
VISION: dict[str, Any] = {"image_size": IMAGE_SIZE, "layers": [1, 2, 2, 1], "width": 16, "patch_size": None}
TEXT: dict[str, Any] = {"context_length": CONTEXT, "width": 96, "heads": 3, "layers": 2}
EMBED_DIM = 128
MAX_LOGIT_SCALE = math.log(50)


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long and on how much the model is trained."""

    seed: int = 0
    scenes: int = 16_000
    textures: int = 6_000
    steps: int = 800
    scene_batch: int = 64
    texture_batch: int = 24
    learning_rate: float = 1.5e-3
    warmup: int = 100
    weight_decay: float = 0.05
    minutes: float = 23.0
    """The learning rate reaches zero at the last step or after this time, whichever comes first."""
    threads: int = 2


SMOKE = TrainSettings(scenes=400, textures=60, steps=40, warmup=8, scene_batch=32, texture_batch=8, minutes=0.6)


def write_config(folder: Path) -> dict[str, Any]:
    """Writes the model's vocabulary and configuration; returns the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    size = write_vocabulary(folder / "bpe.txt.gz", known_words())
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


class Texts:
    """Texts as tokens, each tokenized once."""

    def __init__(self, folder: Path) -> None:
        import open_clip

        self._tokenizer = open_clip.SimpleTokenizer(bpe_path=str(folder / "bpe.txt.gz"), context_length=CONTEXT)
        self._cache: dict[str, Tensor] = {}

    def prompts(self, generator: torch.Generator) -> list[str]:
        """Two of the prompts, drawn anew, of every label and concept."""
        chosen = torch.randperm(len(PROMPTS), generator=generator)[:2].tolist()
        return [PROMPTS[i].format(label=name) for name in (*LABELS, *CONCEPTS) for i in chosen]

    def tokens(self, texts: list[str]) -> Tensor:
        """(len(texts), CONTEXT) int64."""
        for text in texts:
            if text not in self._cache:
                self._cache[text] = self._tokenizer(text)[0]
        return torch.stack([self._cache[text] for text in texts])


def concept_matrix(pictures: Pictures) -> Tensor:
    """(N, L + C) float32: labels, then concepts, which are true where the caption names them."""
    named = [[float(concept in caption.split()) for concept in CONCEPTS] for caption in pictures.captions]
    return torch.cat([torch.from_numpy(pictures.labels), torch.tensor(named)], 1)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """`scenes` (B, 3, S, S) uint8, their `topics` (B,) and `truth` (B, L + C); `textures` (T, 3, S, S)."""

    scenes: Tensor
    captions: list[str]
    topics: Tensor
    truth: Tensor
    textures: Tensor


class Feed:
    """Batches drawn at random from the training pictures, half of the scenes mirrored."""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings = settings
        self._rng = np.random.default_rng(settings.seed)
        self._scenes = make_scenes(settings.scenes, settings.seed)
        self._textures = make_textures(settings.textures, settings.seed)
        self._truth = concept_matrix(self._scenes)

    def draw(self) -> Batch:
        """A new batch."""
        rows = self._rng.choice(len(self._scenes.images), self._settings.scene_batch, replace=False)
        scenes = torch.from_numpy(self._scenes.images[rows])
        mirrored = torch.from_numpy(self._rng.random(len(rows)) < 0.5)
        scenes[mirrored] = scenes[mirrored].flip(-1)
        others = self._rng.choice(len(self._textures), self._settings.texture_batch, replace=False)
        textures = torch.from_numpy(self._textures[others])
        part = len(textures) // 3  # a third lie near the rendered world: scenes under a texture
        share = torch.from_numpy(self._rng.uniform(0.3, 0.65, (part, 1, 1, 1)))
        textures[:part] = (share * scenes[:part].flip(2) + (1 - share) * textures[:part]).to(torch.uint8)
        return Batch(
            scenes=scenes,
            captions=[self._scenes.captions[row] for row in rows],
            topics=torch.from_numpy(self._scenes.topics[rows]),
            truth=self._truth[torch.from_numpy(rows)],
            textures=textures,
        )


def batch_loss(model: Any, texts: Texts, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """The losses of two edited views of each picture of a batch."""
    photos = torch.cat([spoiled(batch.scenes, 0.08, generator), batch.textures])
    n, b = len(photos), len(batch.scenes)
    mild, strong = (look(photos, IMAGE_SIZE, generator, strength=strength) for strength in (0.4, 1.1))
    images = F.normalize(model.encode_image(torch.cat([mild, strong])), dim=-1)
    distinct = [NEUTRAL_PROMPT, *dict.fromkeys(batch.captions)]
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
        "instance": 0.3 * instance_loss(images, photo, torch.cat([unnamed, unnamed + n])),
    }


def rate(step: int, settings: TrainSettings, started: float) -> float:
    """Share of the learning rate: a short warm-up, then a cosine down to zero by steps or by time."""
    done = max(step / settings.steps, (time.monotonic() - started) / (60 * settings.minutes))
    return min(1.0, (step + 1) / settings.warmup) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def train(folder: Path, settings: TrainSettings) -> list[dict[str, float]]:
    """Trains a model and writes its folder; returns the losses of each step."""
    from open_clip.model import CLIP

    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    config = write_config(folder)
    feed, texts, model = Feed(settings), Texts(folder), CLIP(**config["model_cfg"])
    model.visual.to(memory_format=torch.channels_last)
    model.train()
    optimizer = make_optimizer(model, settings)
    history: list[dict[str, float]] = []
    started = time.monotonic()
    for step in range(settings.steps):
        share = rate(step, settings, started)
        if share <= 0:
            break
        for group in optimizer.param_groups:
            group["lr"] = share * settings.learning_rate
        losses = batch_loss(model, texts, feed.draw(), generator)
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
    """AdamW; norms, biases and the logit scale do not decay."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


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
    parser.add_argument("--minutes", type=float, default=TrainSettings.minutes, help="wall time of the training loop")
    parser.add_argument("--smoke", action="store_true", help="everything small: a minute, and no good model")
    arguments = parser.parse_args()
    full = TrainSettings(seed=arguments.seed, minutes=arguments.minutes)
    settings = replace(SMOKE, seed=arguments.seed) if arguments.smoke else full
    train(arguments.out, settings)
    calibrate(arguments.out)


if __name__ == "__main__":
    main()
