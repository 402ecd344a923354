"""Pictures of nothing at training resolution, made once, on two cores."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.typing import NDArray

from core.mini.textures import texture
from core.mini.training_scenes import CHUNK, SIDE, Job


def make_textures(count: int, seed: int) -> NDArray[np.uint8]:
    """`count` procedural pictures (N, 3, SIDE, SIDE) uint8."""
    jobs = [(seed, index, min(CHUNK, count - index)) for index in range(0, count, CHUNK)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return np.concatenate(list(pool.map(_chunk, jobs)))


def _chunk(job: Job) -> NDArray[np.uint8]:
    seed, start, count = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, 2, start])
    return np.stack([texture(SIDE, rng).transpose(2, 0, 1) for _ in range(count)])
