"""Training pictures: scenes and textures at training resolution, made once, on two cores."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from core.mini.canvas import Image
from core.mini.scenes import LABELS, TOPICS, Scene, render, sample_scene
from core.mini.textures import texture

SIDE = 80  # px: a view of 64 px is cut out of it
RENDER_SIZES = ((320, 240), (400, 300), (400, 267), (560, 420))
CHUNK = 200

T = TypeVar("T")
Job = tuple[int, int, int]
"""Seed, first index, count."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """`images` (N, 3, S, S) uint8, and for scenes also the caption and `labels` (N, L) float32 in 0/1."""

    images: NDArray[np.uint8]
    captions: list[str]
    topics: NDArray[np.int64]
    labels: NDArray[np.float32]


def make_scenes(count: int, seed: int) -> Pictures:
    """`count` rendered scenes, the topics in turn."""
    parts = _in_parallel(_scene_chunk, count, seed)
    scenes = [scene for chunk, _ in parts for scene in chunk]
    names = tuple(TOPICS)
    return Pictures(
        images=np.concatenate([images for _, images in parts]),
        captions=[scene.caption for scene in scenes],
        topics=np.array([names.index(scene.topic) for scene in scenes]),
        labels=label_matrix([scene.labels for scene in scenes]),
    )


def make_textures(count: int, seed: int) -> NDArray[np.uint8]:
    """`count` procedural pictures (N, 3, S, S) uint8."""
    return np.concatenate(_in_parallel(_texture_chunk, count, seed))


def label_matrix(labels: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """(N, L) float32: 1 where the label is true."""
    return np.array([[float(label in row) for label in LABELS] for row in labels], np.float32)


def squashed(image: Image, side: int = SIDE) -> Image:
    """The whole picture in a square, channels first: (3, side, side) uint8."""
    return np.ascontiguousarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).transpose(2, 0, 1))


def _in_parallel(make: Callable[[Job], T], count: int, seed: int) -> list[T]:
    jobs = [(seed, index, min(CHUNK, count - index)) for index in range(0, count, CHUNK)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(make, jobs))


def _scene_chunk(job: Job) -> tuple[list[Scene], NDArray[np.uint8]]:
    seed, start, count = job
    cv2.setNumThreads(1)
    rng, names = np.random.default_rng([seed, 1, start]), tuple(TOPICS)
    scenes = [sample_scene(rng, names[(start + i) % len(names)]) for i in range(count)]
    images = [squashed(render(scene, size=RENDER_SIZES[rng.integers(len(RENDER_SIZES))])) for scene in scenes]
    return scenes, np.stack(images)


def _texture_chunk(job: Job) -> NDArray[np.uint8]:
    seed, start, count = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, 2, start])
    return np.stack([texture(SIDE, rng).transpose(2, 0, 1) for _ in range(count)])
