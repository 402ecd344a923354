"""What the captioners learn from: rendered scenes, their captions, and the facts that a caption rests on."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from core.mini.canvas import Image
from core.mini.scenes import LABELS, TOPICS, Scene, render, sample_scene

SIDE = 128  # px: a view is cut out of it
RENDER_SIZES = ((320, 240), (400, 300), (400, 267), (560, 420))
CHUNK = 200
NOT_TOLD = frozenset({"seed", "upright"})  # fields of a scene that no caption tells
UNASKED = -1
NEVER_TRAINED = 26  # of 256: the share of captions, that is of combinations of facts, that is kept for measuring

Job = tuple[int, int, int]
"""Seed, first index, count."""


@dataclass(frozen=True, kw_only=True)
class CaptionedScenes:
    """`images` (N, 3, S, S) uint8 and of each its caption, its facts, such as `{"food.count": "2"}`, and its labels."""

    images: NDArray[np.uint8]
    captions: list[str]
    facts: list[dict[str, str]]
    labels: list[tuple[str, ...]]

    @property
    def topics(self) -> NDArray[np.int64]:
        """(N,): position of the topic in TOPICS."""
        names = tuple(TOPICS)
        return np.array([names.index(row["topic"]) for row in self.facts])

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


def is_kept_back(caption: str) -> bool:
    """Whether no captioner is ever trained on scenes with this caption: a tenth of them, by their hash."""
    return hashlib.sha256(caption.encode()).digest()[0] < NEVER_TRAINED


def trained_scene(rng: np.random.Generator, topic: str) -> Scene:
    """A scene of the topic that is not kept back."""
    while is_kept_back((scene := sample_scene(rng, topic)).caption):
        pass
    return scene


def facts_of(scene: Scene) -> dict[str, str]:
    """What the caption of a scene says, by `topic.field`, and the topic itself."""
    told = {field.name for field in fields(scene)} - NOT_TOLD
    return {"topic": scene.topic} | {f"{scene.topic}.{name}": str(getattr(scene, name)) for name in sorted(told)}


def make_captioned_scenes(count: int, seed: int, *, cache: Path | None = None) -> CaptionedScenes:
    """`count` rendered scenes to train on, the topics in turn; kept in and read from the .npz file `cache` if named."""
    if cache is not None and cache.is_file():
        return _read(cache, count)
    jobs = [(seed, index, min(CHUNK, count - index)) for index in range(0, count, CHUNK)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_chunk, jobs))
    drawn = [scene for _, scenes in parts for scene in scenes]
    made = CaptionedScenes(
        images=np.concatenate([images for images, _ in parts]),
        captions=[scene.caption for scene in drawn],
        facts=[facts_of(scene) for scene in drawn],
        labels=[scene.labels for scene in drawn],
    )
    if cache is not None:
        facts, labels = [json.dumps(row) for row in made.facts], [";".join(row) for row in made.labels]
        np.savez(cache, images=made.images, captions=made.captions, facts=facts, labels=labels)
    return made


def label_matrix(labels: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """(N, L) float32: 1 where the label is true."""
    return np.array([[float(label in row) for label in LABELS] for row in labels], np.float32)


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
            labels=[tuple(row.split(";")) for row in held["labels"][:count].tolist()],
        )


def _chunk(job: Job) -> tuple[NDArray[np.uint8], list[Scene]]:
    import cv2

    seed, start, count = job
    cv2.setNumThreads(1)
    rng, names = np.random.default_rng([seed, 3, start]), tuple(TOPICS)
    scenes = [trained_scene(rng, names[(start + i) % len(names)]) for i in range(count)]
    images = [squashed(render(scene, size=RENDER_SIZES[rng.integers(len(RENDER_SIZES))])) for scene in scenes]
    return np.stack(images), scenes
