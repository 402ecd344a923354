"""A small painter's canvas over OpenCV; it knows shapes, light and film, and nothing of what is depicted.

Lengths are in picture heights, so a shape keeps its proportions at every resolution: y runs 0..1 from the
top, x runs 0..``aspect`` from the left. Colours are RGB triples in 0..255.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Color = tuple[int, int, int]
Point = tuple[float, float]

SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates
SOFT = 4  # soft layers (light, shadow) are painted at a quarter of the resolution: they are blurred anyway


def shade(color: Color, factor: float) -> Color:
    """A colour made darker (factor below 1) or lighter."""
    r, g, b = (min(255, max(0, round(channel * factor))) for channel in color)
    return r, g, b


def mix(first: Color, second: Color, share: float) -> Color:
    """The colour `share` of the way from the first to the second."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return r, g, b


class Canvas:
    """An RGB picture (H, W, 3) uint8 with antialiased shapes in units of its height."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Image = np.zeros((height, width, 3), np.uint8)
        self.unit = float(height)
        self.aspect = width / height

    def _fixed(self, points: Sequence[Point]) -> NDArray[np.int32]:
        return np.round(np.asarray(points, np.float64) * self.unit * (1 << SHIFT)).astype(np.int32)

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """A filled polygon."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], color, cv2.LINE_AA, SHIFT)

    def rect(self, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
        """A filled rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        color: Color,
        *,
        angle: float = 0.0,
        arc: tuple[float, float] = (0.0, 360.0),
        outline: float = 0.0,
    ) -> None:
        """An ellipse or a part of it, filled, or an outline of the given thickness."""
        centre, axes = self._fixed([(x, y), (rx, ry)])
        thickness = max(1, round(outline * self.unit)) if outline > 0 else -1
        cv2.ellipse(self.pixels, centre.tolist(), axes.tolist(), angle, *arc, color, thickness, cv2.LINE_AA, SHIFT)

    def line(self, points: Sequence[Point], color: Color, width: float) -> None:
        """A polyline with round ends."""
        thickness = max(1, round(width * self.unit))
        cv2.polylines(self.pixels, [self._fixed(points)], False, color, thickness, cv2.LINE_AA, SHIFT)

    def gradient(self, y0: float, y1: float, top: Color, bottom: Color) -> None:
        """A vertical gradient over the full width."""
        first, last = max(0, round(y0 * self.unit)), min(len(self.pixels), round(y1 * self.unit))
        if last <= first:
            return
        ramp = np.linspace(np.array(top), np.array(bottom), last - first).astype(np.uint8)
        self.pixels[first:last] = cv2.repeat(ramp[:, None, :], 1, self.pixels.shape[1])

    def layer(self) -> "Canvas":
        """A black canvas of a quarter of the resolution, to paint light or shadow on."""
        height, width = self.pixels.shape[:2]
        return Canvas(max(2, width // SOFT), max(2, height // SOFT))

    def _spread(self, layer: "Canvas", blur: float) -> Image:
        soft = layer.pixels
        if blur > 0:
            soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), max(0.3, blur * layer.unit)), np.uint8)
        height, width = self.pixels.shape[:2]
        return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def add_light(self, layer: "Canvas", blur: float) -> None:
        """Adds a blurred layer's colours as light."""
        cv2.add(self.pixels, self._spread(layer, blur), self.pixels)

    def add_shadow(self, layer: "Canvas", blur: float) -> None:
        """Darkens by a blurred layer: white removes all light, black none."""
        cv2.multiply(self.pixels, 255 - self._spread(layer, blur), self.pixels, 1 / 255)

    def defocus(self, blur: float) -> None:
        """Blurs everything painted so far, as a lens does to what lies behind the subject."""
        height, width = self.pixels.shape[:2]
        small = cv2.resize(self.pixels, (width // SOFT, height // SOFT), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(0.3, blur * height / SOFT))
        self.pixels = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def texture(self, y0: float, y1: float, amount: float, rng: np.random.Generator, stretch: float = 1) -> None:
        """Lays uneven light and dark over a band: cloth, grass, asphalt; stretch > 1 makes it lie flat."""
        first, last = max(0, round(y0 * self.unit)), min(len(self.pixels), round(y1 * self.unit))
        width = self.pixels.shape[1]
        if last <= first:
            return
        cells = rng.integers(0, 256, (max(4, round(90 * (y1 - y0))), round(90 * self.aspect / stretch)), np.uint8)
        cloth = cv2.resize(cells, (width, last - first), interpolation=cv2.INTER_CUBIC)
        band = self.pixels[first:last]
        cloth3 = cv2.cvtColor(cloth, cv2.COLOR_GRAY2RGB)
        cv2.addWeighted(band, 1.0, cloth3, amount, -128 * amount, band)


@lru_cache(maxsize=8)
def _vignette(width: int, height: int) -> NDArray[np.float32]:
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    fall = np.clip(1.06 - 0.14 * (x * x + y * y), 0, 1).astype(np.float32)
    return np.repeat(fall[:, :, None], 3, axis=2)


@lru_cache(maxsize=1)
def _grain() -> Image:
    noise = np.random.default_rng(7).normal(128, 40, (1400, 1400, 3))
    return np.clip(noise, 0, 255).astype(np.uint8)


def develop(image: Image, rng: np.random.Generator, *, grain: float = 0.06) -> Image:
    """What the camera adds: exposure, white balance, vignette and grain; (H, W, 3) in and out."""
    height, width = image.shape[:2]
    gains = rng.uniform(0.92, 1.1) * rng.uniform([0.96, 0.98, 0.94], [1.04, 1.02, 1.06])
    steps = np.clip(np.arange(256)[:, None] * gains[None, :], 0, 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, steps[None]), np.uint8)
    image = np.asarray(cv2.multiply(image, _vignette(width, height), dtype=cv2.CV_8U), np.uint8)
    if grain <= 0 or max(height, width) > 1000:
        return image
    top, left = rng.integers(0, 1400 - height), rng.integers(0, 1400 - width)
    noise = _grain()[top : top + height, left : left + width]
    return np.asarray(cv2.addWeighted(image, 1.0, noise, grain, -128 * grain), np.uint8)
