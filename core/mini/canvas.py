"""A small painter's canvas over OpenCV; it knows shapes, light and film, and nothing of what is depicted.

Lengths are in picture heights, so a shape keeps its proportions at every resolution: y runs 0..1 from the
top, x runs 0..``aspect`` from the left. Colours are RGB triples in 0..255.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.mini.light import Color, Image, Light, blurred, develop, mix, quartered, shade

__all__ = ["Canvas", "Color", "Image", "Light", "Point", "develop", "mix", "shade"]

Point = tuple[float, float]
Points = Sequence[Point] | NDArray[np.float64]

SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates
SOFT = 4  # soft layers (light, shadow) are painted at a quarter of the resolution: they are blurred anyway


class Canvas:
    """An RGB picture (H, W, 3) uint8 with antialiased shapes in units of its height, and the scene's light."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Image = np.zeros((height, width, 3), np.uint8)
        self.unit = float(height)
        self.aspect = width / height
        self.light = Light()

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return (np.asarray(points, np.float64) * (self.unit * (1 << SHIFT)) + 0.5).astype(np.int32)

    def polygon(self, points: Points, color: Color) -> None:
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
        fixed = self.unit * (1 << SHIFT)
        centre, axes = (int(x * fixed + 0.5), int(y * fixed + 0.5)), (int(rx * fixed + 0.5), int(ry * fixed + 0.5))
        thickness = max(1, round(outline * self.unit)) if outline > 0 else -1
        cv2.ellipse(self.pixels, centre, axes, angle, *arc, color, thickness, cv2.LINE_AA, SHIFT)

    def line(self, points: Points, color: Color, width: float) -> None:
        """A polyline with round ends."""
        thickness = max(1, round(width * self.unit))
        cv2.polylines(self.pixels, [self._fixed(points)], False, color, thickness, cv2.LINE_AA, SHIFT)

    def gradient(self, y0: float, y1: float, top: Color, bottom: Color) -> None:
        """A vertical gradient over the full width."""
        first, last = max(0, round(y0 * self.unit)), min(len(self.pixels), round(y1 * self.unit))
        if last <= first:
            return
        ramp = np.linspace(np.array(top), np.array(bottom), last - first).astype(np.uint8)
        size = (self.pixels.shape[1], last - first)
        self.pixels[first:last] = cv2.resize(ramp[:, None, :], size, interpolation=cv2.INTER_NEAREST)

    def layer(self) -> "Canvas":
        """A black canvas of a quarter of the resolution, to paint light or shadow on."""
        height, width = self.pixels.shape[:2]
        return Canvas(max(2, width // SOFT), max(2, height // SOFT))

    def backdrop(self, layer: "Canvas", blur: float = 0.0) -> None:
        """Replaces the picture by a blurred layer: a background painted out of focus from the start."""
        height, width = self.pixels.shape[:2]
        soft = blurred(layer.pixels, blur * layer.unit) if blur > 0 else layer.pixels
        self.pixels = np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def _spread(self, layer: "Canvas", blur: float) -> tuple[slice, slice, Image] | None:
        """The blurred layer at full size, cut to the rows and columns that hold anything."""
        soft = blurred(layer.pixels, blur * layer.unit) if blur > 0 else layer.pixels
        x, y, wide, high = cv2.boundingRect(cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY))
        if not wide:
            return None
        (small_height, small_width), (height, width) = soft.shape[:2], self.pixels.shape[:2]
        top, bottom = max(0, y - 1), min(small_height, y + high + 1)
        left, right = max(0, x - 1), min(small_width, x + wide + 1)
        y0, y1 = top * height // small_height, bottom * height // small_height
        x0, x1 = left * width // small_width, right * width // small_width
        large = cv2.resize(soft[top:bottom, left:right], (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        return slice(y0, y1), slice(x0, x1), np.asarray(large, np.uint8)

    def add_light(self, layer: "Canvas", blur: float) -> None:
        """Adds a blurred layer's colours as light."""
        if spread := self._spread(layer, blur):
            rows, columns, light = spread
            self.pixels[rows, columns] = cv2.add(self.pixels[rows, columns], light)

    def add_shadow(self, layer: "Canvas", blur: float) -> None:
        """Darkens by a blurred layer: white removes all light, black none."""
        if spread := self._spread(layer, blur):
            rows, columns, shadow = spread
            self.pixels[rows, columns] = cv2.multiply(self.pixels[rows, columns], 255 - shadow, scale=1 / 255)

    def defocus(self, blur: float) -> None:
        """Blurs everything painted so far, as a lens does to what lies behind the subject."""
        height, width = self.pixels.shape[:2]
        small = blurred(quartered(self.pixels), blur * height / SOFT)
        self.pixels = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def snapshot(self) -> Image:
        """The picture as it is now, to tell `sculpt` later what was painted since."""
        return self.pixels.copy()

    def sculpt(self, before: Image, depth: float, amount: float = 0.5) -> None:
        """Rounds everything painted since `before`: edges towards the light brighten, those away darken.

        `depth` is how far the light reaches around an edge; with a rim light its colour is added there, too.
        """
        height, width = self.pixels.shape[:2]
        half = (width // 2, height // 2)
        old, new = (cv2.resize(image, half, interpolation=cv2.INTER_NEAREST) for image in (before, self.pixels))
        red, green, blue = cv2.split(cv2.absdiff(old, new))
        _, mask = cv2.threshold(cv2.max(cv2.max(red, green), blue), 3, 255, cv2.THRESH_BINARY)
        left, top, wide, high = cv2.boundingRect(mask)
        if wide < 4 or high < 4:
            return
        reach = max(1, round(depth * self.unit / 2))
        soft = cv2.blur(cv2.blur(mask, (reach | 1, reach | 1)), (reach | 1, reach | 1))
        across, up = round(self.light.side * reach), round(0.5 * reach)
        lit, dark = (
            cv2.subtract(mask, _shifted(np.asarray(soft, np.uint8), -sign * across, sign * up)) for sign in (1, -1)
        )
        box = (slice(top, top + high), slice(left, left + wide))
        rows = slice(2 * top, min(height, 2 * (top + high)))
        columns = slice(2 * left, min(width, 2 * (left + wide)))
        size, part = (columns.stop - columns.start, rows.stop - rows.start), self.pixels[rows, columns]
        change = cv2.addWeighted(lit[box], 0.5 * amount, dark[box], -0.6 * amount, 128)
        change = cv2.blur(change, (5, 5))
        factor = cv2.cvtColor(cv2.resize(change, size), cv2.COLOR_GRAY2RGB)
        self.pixels[rows, columns] = cv2.multiply(part, factor, scale=1 / 128)
        if self.light.rim:
            strength = np.clip((np.arange(256) - 90) / 165, 0, 1)[:, None] * np.array(self.light.rim)
            edge = cv2.cvtColor(cv2.resize(cv2.blur(lit[box], (5, 5)), size), cv2.COLOR_GRAY2RGB)
            glow = cv2.LUT(edge, strength.astype(np.uint8)[None])
            self.pixels[rows, columns] = cv2.add(self.pixels[rows, columns], glow)

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


def _shifted(mask: Image, right: int, down: int) -> Image:
    move = np.array([[1.0, 0.0, right], [0.0, 1.0, down]])
    flags, border = cv2.INTER_NEAREST, cv2.BORDER_REPLICATE  # a body that runs out of the frame has no edge there
    return np.asarray(cv2.warpAffine(mask, move, mask.shape[::-1], flags=flags, borderMode=border), np.uint8)
