"""Light and film: what colours become under a scene's light, and what lens and camera make of the picture."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Color = tuple[int, int, int]

GRAIN_SIDE_PX = 1024
SHADOW_HUE = (0.66, 0.64, 0.74)  # shadows are cooler than what casts them


def shade(color: Color, factor: float) -> Color:
    """A colour made darker (factor below 1) or lighter."""
    r, g, b = color
    return (
        min(255, max(0, round(r * factor))),
        min(255, max(0, round(g * factor))),
        min(255, max(0, round(b * factor))),
    )


def mix(first: Color, second: Color, share: float) -> Color:
    """The colour `share` of the way from the first to the second."""
    return (
        round(first[0] + (second[0] - first[0]) * share),
        round(first[1] + (second[1] - first[1]) * share),
        round(first[2] + (second[2] - first[2]) * share),
    )


@dataclass(frozen=True, kw_only=True)
class Light:
    """The main light of a scene: from the left (side < 0) or the right, its colour, and how far it tints."""

    side: float = -1.0
    color: Color = (255, 246, 232)
    tint: float = 0.35
    dim: float = 1.0
    rim: Color | None = None

    def lit(self, color: Color) -> Color:
        """What a colour becomes on the side that is lit."""
        return _times(color, self._tone)

    def shaded(self, color: Color) -> Color:
        """What a colour becomes on the side turned away."""
        return _times(color, self._shadow_tone)

    @cached_property
    def _tone(self) -> tuple[float, float, float]:
        r, g, b = (self.dim * (1 - self.tint + self.tint * channel / 235) for channel in self.color)
        return r, g, b

    @cached_property
    def _shadow_tone(self) -> tuple[float, float, float]:
        r, g, b = (tone * hue for tone, hue in zip(self._tone, SHADOW_HUE, strict=True))
        return r, g, b


def _times(color: Color, factors: tuple[float, float, float]) -> Color:
    return (
        min(255, int(color[0] * factors[0])),
        min(255, int(color[1] * factors[1])),
        min(255, int(color[2] * factors[2])),
    )


def blurred(image: Image, sigma: float) -> Image:
    """A Gaussian blur; wide ones as three box blurs, which cost the same at every width."""
    if sigma < 1.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.3, sigma)), np.uint8)
    side = max(3, round(sigma * 1.88)) | 1
    once = np.asarray(cv2.blur(image, (side, side)), np.uint8)
    return np.asarray(cv2.blur(cv2.blur(once, (side, side)), (side, side)), np.uint8)


def quartered(image: Image) -> Image:
    """A quarter of the width and height, twice halved (OpenCV's fast path)."""
    height, width = image.shape[:2]
    half = cv2.resize(image, (max(2, width // 2), max(2, height // 2)), interpolation=cv2.INTER_LINEAR)
    size = (max(2, width // 4), max(2, height // 4))
    return np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_LINEAR), np.uint8)


@lru_cache(maxsize=64)
def _falloff(width: int, height: int, warmth: int, depth: int) -> Image:
    """Vignette and white balance in one (H, W, 3) factor of 255ths."""
    y, x = np.ogrid[-1:1:75j, -1:1:100j]
    fall = np.clip(1.08 - (0.12 + 0.08 * depth) * (x * x + y * y), 0, 1)
    balance = np.array([1.0 + 0.018 * warmth, 1.0, 1.0 - 0.024 * warmth])
    small = (255 * fall[:, :, None] * (balance / balance.max())).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


@lru_cache(maxsize=1)
def _grain() -> Image:
    rng = np.random.default_rng(7)
    side = (GRAIN_SIDE_PX, GRAIN_SIDE_PX)
    gray = rng.standard_normal((*side, 1), np.float32)
    color = rng.standard_normal((*side, 3), np.float32)
    return np.asarray(np.clip(128 + 34 * gray + 16 * color, 0, 255), np.uint8)


def _curve(gain: float) -> Image:
    """Exposure and a gentle filmic curve: lifted blacks, a contrasty middle, soft highlights."""
    x = np.arange(256) / 255 * gain
    toe = x + 0.07 * np.sin(2 * np.pi * np.clip(x, 0, 1)) * -0.5
    soft = np.where(toe > 0.8, 0.8 + 0.2 * np.tanh((toe - 0.8) / 0.24), toe)
    return np.clip(255 * (0.012 + 0.985 * soft), 0, 255).astype(np.uint8)


def develop(image: Image, rng: np.random.Generator, *, grain: float = 0.07, bloom: float = 0.55) -> Image:
    """What the camera adds: bloom, exposure, tone, white balance, vignette, grain; (H, W, 3) in and out."""
    height, width = image.shape[:2]
    gain, warmth, depth = rng.uniform(0.96, 1.1), int(rng.integers(-1, 3)), int(rng.integers(0, 2))
    top, left = (int(rng.integers(max(1, GRAIN_SIDE_PX - side))) for side in (height, width))
    if bloom > 0:
        spill = np.clip(bloom * (np.arange(256) - 172), 0, 255).astype(np.uint8)
        bright = blurred(np.asarray(cv2.LUT(quartered(image), spill), np.uint8), height / 4 * 0.022)
        image = np.asarray(cv2.add(image, cv2.resize(bright, (width, height))), np.uint8)
    image = np.asarray(cv2.LUT(image, _curve(gain)), np.uint8)
    image = np.asarray(cv2.multiply(image, _falloff(width, height, warmth, depth), scale=1 / 255), np.uint8)
    if grain <= 0:
        return image
    noise = _grain()
    if max(height, width) > GRAIN_SIDE_PX:
        noise = np.tile(noise, (-(-height // GRAIN_SIDE_PX), -(-width // GRAIN_SIDE_PX), 1))
    noise = noise[top : top + height, left : left + width]
    return np.asarray(cv2.addWeighted(image, 1.0, noise, grain, -128 * grain), np.uint8)
