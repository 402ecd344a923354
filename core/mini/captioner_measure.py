"""How often a mini captioner tells what is in rendered photos that it never saw."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from core.metrics.statistics import ItemStatistics, bootstrap_intervals, rate_interval
from core.mini.event import write_sample_event
from core.mini.measure import upright
from core.mini.scenes import TOPICS, Scene, render, sample_scene
from core.mini.training_scenes import facts_of, is_kept_back

BATCH = 16
SCENE_SEED = 41_000


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One photo that was captioned: its `topic`, what was done to it (`kind`), the canonical caption, what was said."""

    topic: str
    kind: str
    truth: str
    said: str


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
        pieces = [list(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
        return [text for piece in pieces for text in self._captions(piece)]

    def _captions(self, pictures: list[Pillow.Image]) -> list[str]:
        texts = {"text": [self.prompt] * len(pictures)} if self.prompt else {}
        inputs = self.processor(images=pictures, return_tensors="pt", **texts)
        said = self.model.generate(**inputs, max_new_tokens=48, do_sample=False)
        return [text.strip() for text in self.processor.batch_decode(said, skip_special_tokens=True)]


class Sayings:
    """Every canonical caption, with the facts that it tells."""

    @cached_property
    def facts(self) -> dict[str, dict[str, str]]:
        """Caption → facts."""
        rng = np.random.default_rng(0)
        scenes = [sample_scene(rng, topic) for topic in TOPICS for _ in range(4000)]
        return {scene.caption: facts_of(scene) for scene in scenes}

    def rights(self, said: str, truth: str) -> dict[str, bool]:
        """For each fact of the truth, whether it is told; none is by a sentence that is no canonical caption."""
        told = self.facts.get(said, {})
        return {name: told.get(name) == value for name, value in self.facts[truth].items()}


def event_photos(captioner: MiniCaptioner, *, events: int, first_seed: int, photos: int = 60) -> list[Shown]:
    """All photos of whole events, faulty shots and edited copies too, written as JPEGs and read back."""
    shown: list[Shown] = []
    for seed in range(first_seed, first_seed + events):
        with tempfile.TemporaryDirectory() as name:
            rows = write_sample_event(Path(name), photos=photos, seed=seed)
            said = captioner.captions([upright(Path(name) / row.file) for row in rows])
        for row, text in zip(rows, said, strict=True):
            shown.append(Shown(topic=row.topic, kind=row.fault or row.edit, truth=row.caption, said=text))
    return shown


def kept_back_photos(captioner: MiniCaptioner, *, count: int) -> list[Shown]:
    """`count` scenes whose combination of facts no captioner was ever trained on, the topics in turn, 800 px."""
    rng, names = np.random.default_rng(SCENE_SEED), tuple(TOPICS)
    scenes = [_kept_back_scene(rng, names[index % len(names)]) for index in range(count)]
    said = captioner.captions([Pillow.fromarray(render(scene)) for scene in scenes])
    return [
        Shown(topic=scene.topic, kind="original", truth=scene.caption, said=text)
        for scene, text in zip(scenes, said, strict=True)
    ]


def _kept_back_scene(rng: np.random.Generator, topic: str) -> Scene:
    while not is_kept_back((scene := sample_scene(rng, topic)).caption):
        pass
    return scene


def figures(shown: Sequence[Shown], sayings: Sayings) -> dict[str, Any]:
    """Exact captions and facts told rightly, with 95 % intervals over photos; also by topic, kind and fact."""
    exact = [row.said == row.truth for row in shown]
    rights = [sayings.rights(row.said, row.truth) for row in shown]
    attributes = [float(np.mean(list(right.values()))) for right in rights]
    by_fact: dict[str, list[bool]] = defaultdict(list)
    for right in rights:
        for name, told in right.items():
            by_fact[name].append(told)
    return {
        "photos": len(shown),
        "exact": _measured(exact, rate_interval(exact)),
        "attributes": _measured(attributes, bootstrap_intervals([ItemStatistics.mean(attributes)])[0]),
        "canonical": _share([row.said in sayings.facts for row in shown]),
        "by_topic": dict(_grouped(exact, attributes, [row.topic for row in shown])),
        "by_kind": dict(_grouped(exact, attributes, [row.kind for row in shown])),
        "by_fact": {name: _share(told) for name, told in sorted(by_fact.items())},
    }


def measure_captioner(folder: Path, *, events: int, first_seed: int, kept_back: int) -> dict[str, Any]:
    """The figures of a model card, over events and scenes that were used for nothing else."""
    captioner, sayings = MiniCaptioner(folder), Sayings()
    return {
        "unseen_photos": figures(event_photos(captioner, events=events, first_seed=first_seed), sayings),
        "never_trained_combinations": figures(kept_back_photos(captioner, count=kept_back), sayings),
    }


def _grouped(
    exact: Sequence[bool], attributes: Sequence[float], groups: Sequence[str]
) -> Iterator[tuple[str, dict[str, float]]]:
    for group in sorted(set(groups)):
        rows = [index for index, name in enumerate(groups) if name == group]
        yield (
            group,
            {
                "photos": len(rows),
                "exact": _share([exact[i] for i in rows]),
                "attributes": _share([attributes[i] for i in rows]),
            },
        )


def _measured(values: Sequence[float], interval: tuple[float, float] | None) -> dict[str, Any]:
    low, high = interval or (float("nan"), float("nan"))
    return {"value": _share(values), "interval": [round(low, 4), round(high, 4)]}


def _share(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
