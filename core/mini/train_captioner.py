"""Trains a mini captioner: `python -m core.mini.train_captioner --family git --out core/mini/git [--smoke]`."""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from core.mini.captioner_init import copy_eyes, start_seeing
from core.mini.captioner_learner import IGNORED, Learner
from core.mini.captioner_models import FAMILIES, IMAGE_SIZE, vision_tower
from core.mini.training_scenes import CaptionedScenes, make_captioned_scenes
from core.mini.views import MEAN, STD, look, spoiled

SAVE_EVERY = 500  # steps
CAPTION_WEIGHT = 3.0


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long and on how much a captioner is trained; it ends by steps, not by the clock, so it can be repeated."""

    seed: int = 0
    scenes: int = 30_000
    batch: int = 48
    learning_rate: float = 1.5e-3
    warmup_steps: int = 150
    weight_decay: float = 0.05
    seeing_steps: int = 4_800
    """First only the part that sees is trained, on the facts of the scenes."""
    telling_steps: int = 2_600
    """Then captions and facts together."""
    falling_share: float = 0.4
    """Of all steps: at the end the learning rate falls to zero."""
    facts_weight: float = 0.5
    blanks: float = 0.4
    """Share of a caption's earlier words that are hidden while the next is learnt."""
    strength: float = 0.8
    """Of the edits of `views.look`; while the learning rate falls, down to a third of it."""
    threads: int = 2

    @property
    def steps(self) -> int:
        """All steps."""
        return self.seeing_steps + self.telling_steps


WITH_EYES = TrainSettings(seeing_steps=200, telling_steps=2_000, falling_share=0.7, learning_rate=1e-3)
"""For a captioner whose vision tower has learnt to see before."""
SMOKE = TrainSettings(scenes=200, batch=16, seeing_steps=12, telling_steps=12, warmup_steps=4)


def batches(scenes: CaptionedScenes, settings: TrainSettings) -> Iterator[NDArray[np.int64]]:
    """Positions of the scenes of one batch after another: every scene once, then again in another order."""
    rng = np.random.default_rng([settings.seed, 5])
    while True:
        order = rng.permutation(len(scenes.captions))
        for start in range(0, len(order) - settings.batch + 1, settings.batch):
            yield order[start : start + settings.batch]


def make_optimizer(learner: Learner, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW; norms and biases do not decay."""
    decaying = [p for p in learner.parameters() if p.ndim > 1]
    others = [p for p in learner.parameters() if p.ndim <= 1]
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), fused=True)


def rate(step: int, settings: TrainSettings) -> float:
    """Share of the learning rate: a short warm-up, level, then straight down to zero."""
    left = (settings.steps - step) / (settings.falling_share * settings.steps)
    return min(1.0, (step + 1) / settings.warmup_steps, left)


def train(
    learner: Learner,
    scenes: CaptionedScenes,
    settings: TrainSettings,
    generator: torch.Generator,
    *,
    folder: Path | None = None,
) -> list[dict[str, float]]:
    """Trains in place, saves to `folder` on the way; returns the losses of each step."""
    answers, optimizer = torch.from_numpy(scenes.answers()), make_optimizer(learner, settings)
    history: list[dict[str, float]] = []
    started = time.monotonic()
    for step, rows in enumerate(islice(batches(scenes, settings), settings.steps)):
        share = rate(step, settings)
        if folder is not None and step % SAVE_EVERY == SAVE_EVERY - 1:
            save(learner, folder)
        for group in optimizer.param_groups:
            group["lr"] = share * settings.learning_rate
        strength = settings.strength * max(1 / 3, share)
        pixel_values = looked_at(torch.from_numpy(scenes.images[rows]), generator, strength)
        captions = [scenes.captions[row] for row in rows] if step >= settings.seeing_steps else []
        losses = losses_of(learner, pixel_values, captions, answers[torch.from_numpy(rows)], settings, generator)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        history.append({name: loss.item() for name, loss in losses.items()})
        if step % 100 == 0:
            line = " ".join(f"{name} {value:.3f}" for name, value in history[-1].items())
            print(f"{step:5d} {time.monotonic() - started:6.0f} s  {line}", flush=True)
    return history


def looked_at(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """(N, 3, IMAGE_SIZE, IMAGE_SIZE) float32: uint8 pictures edited, half of them mirrored, a few spoiled."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    images[mirrored] = images[mirrored].flip(-1)
    edited = len(images) // 3
    plain = F.interpolate(images[edited:].float(), (IMAGE_SIZE, IMAGE_SIZE), mode="bilinear")
    shifted = look(spoiled(images[:edited], 0.1, generator), IMAGE_SIZE, generator, strength=strength)
    return torch.cat([shifted, (plain / 255 - MEAN) / STD])


def losses_of(
    learner: Learner,
    pixel_values: Tensor,
    captions: list[str],
    answers: Tensor,
    settings: TrainSettings,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """The loss of the facts and, where captions are given, of the captions."""
    if not captions:
        learner.see(pixel_values)
        return {"facts": settings.facts_weight * learner.facts_loss(answers)}
    logits, labels = learner.predict(pixel_values, captions, blanks=settings.blanks, generator=generator)
    caption = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
    return {"caption": CAPTION_WEIGHT * caption, "facts": settings.facts_weight * learner.facts_loss(answers)}


def save(learner: Learner, folder: Path) -> None:
    """Writes the folder as the hub lays it out, weights in half precision; each file is replaced whole."""
    from transformers import GenerationConfig

    model, text = learner.model, learner.model.config.get_text_config()
    special = {name: getattr(text, name, None) for name in ("bos_token_id", "eos_token_id", "decoder_start_token_id")}
    model.generation_config = GenerationConfig(**special, pad_token_id=text.pad_token_id, max_new_tokens=48)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        made = Path(name)
        learner.processor.save_pretrained(made)
        halves: dict[int, Tensor] = {}  # weights that are tied stay tied
        state = {k: halves.setdefault(w.data_ptr(), w.half()) for k, w in model.state_dict().items()}
        model.save_pretrained(made, state_dict=state)
        (made / "montage.json").write_text(json.dumps({"prompt": {"text": learner.prompt}}) + "\n", encoding="utf-8")
        for path in made.iterdir():
            path.chmod(0o644)
            os.replace(path, folder / path.name)


def make_learner(
    family: str, scenes: CaptionedScenes, settings: TrainSettings, eyes: Path | None = None
) -> tuple[Learner, torch.Generator]:
    """A captioner before training, its vision tower copied from the mini BLIP-2 in `eyes` if that is named."""
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    learner = Learner(family, scenes.questions)
    examples = looked_at(torch.from_numpy(scenes.images[:200].copy()), generator, 0)
    if eyes is None:
        start_seeing(vision_tower(learner.model), examples, generator)
    else:
        copy_eyes(eyes, vision_tower(learner.model), examples)
    return learner, generator


def load_weights(learner: Learner, folder: Path) -> None:
    """Sets the model's weights to those of a saved folder; the heads for facts stay."""
    saved = type(learner.model).from_pretrained(folder, dtype=torch.float32)
    learner.model.load_state_dict(saved.state_dict())


def main() -> None:
    """Renders, trains and saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=sorted(FAMILIES), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=TrainSettings.threads)
    parser.add_argument("--smoke", action="store_true", help="everything small: seconds, and no good model")
    parser.add_argument("--eyes", type=Path, help="a mini BLIP-2's folder, whose vision tower a GIT starts with")
    parser.add_argument("--resume", type=Path, help="a folder of the same family, whose weights are trained further")
    parser.add_argument("--cache", type=Path, help="an .npz file that keeps the rendered scenes")
    arguments = parser.parse_args()
    if arguments.eyes and arguments.family != "git":
        parser.error(f"--eyes expects --family git, got {arguments.family}")
    base = SMOKE if arguments.smoke else WITH_EYES if arguments.eyes else TrainSettings()
    settings = replace(base, seed=arguments.seed, threads=arguments.threads)
    if arguments.resume:
        settings = replace(settings, seeing_steps=100, telling_steps=2_000, falling_share=1.0, learning_rate=9e-4)
    torch.set_num_threads(settings.threads)
    scenes = make_captioned_scenes(settings.scenes, settings.seed, cache=arguments.cache)
    learner, generator = make_learner(arguments.family, scenes, settings, arguments.eyes)
    if arguments.resume:
        load_weights(learner, arguments.resume)
    history = train(learner, scenes, settings, generator, folder=arguments.out)
    save(learner, arguments.out)
    print(json.dumps({"steps": len(history), **history[-1]}))


if __name__ == "__main__":
    main()
