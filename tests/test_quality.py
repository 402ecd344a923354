"""Sharpness and exposure put photos in the order a person would."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from core.quality import measure_quality
from tests.fakes import picture


def quality(image: Image.Image):  # type: ignore[no-untyped-def]
    return measure_quality(np.asarray(image))


@pytest.mark.parametrize("seed", range(5))
def test_blur_lowers_sharpness_step_by_step(seed: int) -> None:
    image = picture(seed, (800, 600))
    values = [quality(image.filter(ImageFilter.GaussianBlur(radius))).sharpness for radius in (0, 1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 3 * values[-1]


def test_grain_does_not_pass_for_sharpness() -> None:
    blurred = np.asarray(picture(1, (800, 600)).filter(ImageFilter.GaussianBlur(8))).astype(float)
    grainy = np.clip(blurred + np.random.default_rng(0).normal(0, 4, blurred.shape), 0, 255).astype(np.uint8)
    assert measure_quality(grainy).sharpness < 0.6 * quality(picture(1, (800, 600))).sharpness


def test_exposure() -> None:
    image = np.asarray(picture(2, (800, 600))).astype(float)
    normal = measure_quality(image.astype(np.uint8)).exposure
    dark = measure_quality((image * 0.1).astype(np.uint8)).exposure
    burnt = measure_quality(np.clip(image * 4 + 60, 0, 255).astype(np.uint8)).exposure
    assert dark < 0.3 * normal
    assert burnt < 0.7 * normal


@pytest.mark.parametrize("size", [(8, 8), (8, 900), (1200, 16), (640, 480)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_flat_frames_of_any_shape_score_nothing(size: tuple[int, int], grey: int) -> None:
    measured = quality(Image.new("RGB", size, (grey,) * 3))
    assert measured.score == pytest.approx(0.0, abs=1e-6)
