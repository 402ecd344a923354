"""Measures a mini captioner on photos of rendered events, written as JPEGs and read back.

`python -m core.mini.captioner_measure --model core/mini/git --events 6 --first-seed 400`
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from core.mini.captioner_data import facts_of
from core.mini.event import TruthRow, write_sample_event
from core.mini.measure import upright
from core.mini.scenes import TOPICS, sample_scene

BATCH = 16


class MiniCaptioner:
    """The captioner in a folder, for measuring: loaded as transformers loads any other."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.processor: Any = AutoProcessor.from_pretrained(folder)
        self.model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
        self.prompt: str = json.loads((folder / "montage.json").read_text(encoding="utf-8"))["prompt"]["text"]

    def captions(self, pictures: Sequence[Pillow.Image]) -> list[str]:
        """What it says of RGB pictures of any size, greedily."""
        texts = {"text": [self.prompt] * len(pictures)} if self.prompt else {}
        inputs = self.processor(images=list(pictures), return_tensors="pt", **texts)
        said = self.model.generate(**inputs, max_new_tokens=48, do_sample=False)
        return [text.strip() for text in self.processor.batch_decode(said, skip_special_tokens=True)]

    def files(self, paths: Sequence[Path]) -> list[str]:
        """What it says of photo files, turned upright."""
        pieces = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
        return [text for piece in pieces for text in self.captions([upright(path) for path in piece])]


class Sayings:
    """Every canonical caption, with the facts that it tells."""

    @cached_property
    def facts(self) -> dict[str, dict[str, str]]:
        """Caption → facts."""
        rng = np.random.default_rng(0)
        scenes = [sample_scene(rng, topic) for topic in TOPICS for _ in range(4000)]
        return {scene.caption: facts_of(scene) for scene in scenes}

    def right(self, said: str, truth: str) -> float:
        """Share of the truth's facts that a caption tells; 0 if it is none of the canonical captions."""
        told, true = self.facts.get(said, {}), self.facts[truth]
        return sum(told.get(name) == value for name, value in true.items()) / len(true)


def measure(folder: Path, *, events: int, first_seed: int, photos: int = 60) -> dict[str, Any]:
    """The figures of the model card, over events that were used for nothing else."""
    captioner, sayings = MiniCaptioner(folder), Sayings()
    rows: list[TruthRow] = []
    said: list[str] = []
    seconds = 0.0
    for seed in range(first_seed, first_seed + events):
        with tempfile.TemporaryDirectory() as name:
            new = write_sample_event(Path(name), photos=photos, seed=seed)
            started = time.monotonic()
            said += captioner.files([Path(name) / row.file for row in new])
            seconds += time.monotonic() - started
            rows += new
    return {
        "events": events,
        "photos": len(rows),
        "exact": _share([text == row.caption for text, row in zip(said, rows, strict=True)]),
        "attributes": _share([sayings.right(text, row.caption) for text, row in zip(said, rows, strict=True)]),
        "canonical": _share([text in sayings.facts for text in said]),
        "by_kind": _grouped(rows, said, sayings, [row.fault or row.edit for row in rows]),
        "by_topic": _grouped(rows, said, sayings, [row.topic for row in rows]),
        "seconds_per_photo": round(seconds / len(rows), 4),
    }


def _grouped(rows: list[TruthRow], said: list[str], sayings: Sayings, groups: list[str]) -> dict[str, dict[str, float]]:
    """Photos, exact captions and right attributes of each group."""
    exact: dict[str, list[float]] = defaultdict(list)
    right: dict[str, list[float]] = defaultdict(list)
    for row, text, group in zip(rows, said, groups, strict=True):
        exact[group].append(text == row.caption)
        right[group].append(sayings.right(text, row.caption))
    return {
        group: {"photos": len(exact[group]), "exact": _share(exact[group]), "attributes": _share(right[group])}
        for group in sorted(exact)
    }


def _share(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--events", type=int, default=6)
    parser.add_argument("--first-seed", type=int, default=400)
    parser.add_argument("--photos", type=int, default=60, help="of each event")
    arguments = parser.parse_args()
    figures = measure(
        arguments.model, events=arguments.events, first_seed=arguments.first_seed, photos=arguments.photos
    )
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
