"""What the captioners learn from: rendered scenes, their captions, and the facts that a caption rests on."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from core.mini.canvas import Image
from core.mini.pictures import RENDER_SIZES
from core.mini.scenes import TOPICS, Scene, render, sample_scene

SIDE = 128  # px: a view is cut out of it
CHUNK = 200
NOT_TOLD = frozenset({"seed", "upright"})  # fields of a scene that no caption tells
UNASKED = -1

Job = tuple[int, int, int]
"""Seed, first index, count."""


@dataclass(frozen=True, kw_only=True)
class CaptionedScenes:
    """`images` (N, 3, S, S) uint8 and, for each, its caption and its facts, such as `{"food.count": "2"}`."""

    images: NDArray[np.uint8]
    captions: list[str]
    facts: list[dict[str, str]]

    @property
    def questions(self) -> dict[str, list[str]]:
        """For each fact the values that it takes, both sorted."""
        found: dict[str, set[str]] = {}
        for row in self.facts:
            for name, value in row.items():
                found.setdefault(name, set()).add(value)
        return {name: sorted(found[name]) for name in sorted(found)}

    def answers(self) -> NDArray[np.int64]:
        """(N, Q): position of the value of each question, UNASKED where the scene has no such fact."""
        questions = self.questions
        return np.array(
            [
                [values.index(row[name]) if name in row else UNASKED for name, values in questions.items()]
                for row in self.facts
            ]
        )


def facts_of(scene: Scene) -> dict[str, str]:
    """What the caption of a scene says, by `topic.field`, and the topic itself."""
    told = {field.name for field in fields(scene)} - NOT_TOLD
    return {"topic": scene.topic} | {f"{scene.topic}.{name}": str(getattr(scene, name)) for name in sorted(told)}


def make_captioned_scenes(count: int, seed: int, *, cache: Path | None = None) -> CaptionedScenes:
    """`count` rendered scenes, the topics in turn; kept in, and read from, the .npz file `cache` if one is named."""
    if cache is not None and cache.is_file():
        return _read(cache, count)
    jobs = [(seed, index, min(CHUNK, count - index)) for index in range(0, count, CHUNK)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_chunk, jobs))
    scenes = CaptionedScenes(
        images=np.concatenate([images for images, _, _ in parts]),
        captions=[caption for _, captions, _ in parts for caption in captions],
        facts=[row for _, _, facts in parts for row in facts],
    )
    if cache is not None:
        np.savez(cache, images=scenes.images, captions=scenes.captions, facts=[json.dumps(row) for row in scenes.facts])
    return scenes


def squashed(image: Image, side: int = SIDE) -> Image:
    """The whole picture in a square as an image processor makes it, channels first: (3, side, side) uint8."""
    small = Pillow.fromarray(image).resize((side, side), Pillow.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def _read(cache: Path, count: int) -> CaptionedScenes:
    with np.load(cache) as held:
        if len(held["images"]) < count:
            raise ValueError(f"expected {count} scenes in {cache}, found {len(held['images'])}; remove it")
        return CaptionedScenes(
            images=held["images"][:count],
            captions=held["captions"][:count].tolist(),
            facts=[json.loads(row) for row in held["facts"][:count].tolist()],
        )


def _chunk(job: Job) -> tuple[NDArray[np.uint8], list[str], list[dict[str, str]]]:
    import cv2

    seed, start, count = job
    cv2.setNumThreads(1)
    rng, names = np.random.default_rng([seed, 3, start]), tuple(TOPICS)
    scenes = [sample_scene(rng, names[(start + i) % len(names)]) for i in range(count)]
    images = [squashed(render(scene, size=RENDER_SIZES[rng.integers(len(RENDER_SIZES))])) for scene in scenes]
    return np.stack(images), [scene.caption for scene in scenes], [facts_of(scene) for scene in scenes]
