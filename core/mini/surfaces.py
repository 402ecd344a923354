"""What light does on surfaces: cloth, wood, grass and asphalt, mirrors of water and wet stone, glow.

The patterns are made once, large, and cut to size for each photo, so a photo costs a few resizes only.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from core.mini.canvas import SHIFT, SOFT, Canvas, Color, Image

HEIGHT, WIDTH = 768, 1536  # of a pattern, in its own pixels
PER_UNIT = 600  # pattern pixels to a picture height


def octaves(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int], count: int) -> Image:
    """Cloudy noise (H, W) uint8 about 128: `count` octaves of which the first has `cells` (down, across)."""
    total = np.zeros(shape, np.float32)
    for step in range(count):
        grid = rng.normal(0, 1, (min(shape[0], cells[0] << step), min(shape[1], cells[1] << step)))
        total += cv2.resize(grid.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC) * 0.55**step
    return np.asarray(np.clip(128 + 46 * total / total.std(), 0, 255), np.uint8)


@lru_cache(maxsize=16)
def pattern(kind: str) -> Image:
    """A pattern (HEIGHT, WIDTH) uint8 about 128: clouds, grass, wood, cloth, grit, brush or ripples."""
    shape, rng = (HEIGHT, WIDTH), np.random.default_rng(len(kind))
    if kind == "clouds":
        return octaves(rng, shape, (4, 6), 6)
    if kind == "wood":
        lines = octaves(rng, shape, (90, 3), 4).astype(np.float32) * 0.6
        return np.asarray(np.clip(lines + 0.4 * octaves(rng, shape, (8, 2), 3), 0, 255), np.uint8)
    if kind == "ripples":
        return octaves(rng, shape, (60, 14), 4)
    if kind == "brush":
        return octaves(rng, shape, (24, 48), 3)
    fine = rng.normal(128, 60, shape).astype(np.float32)
    if kind == "cloth":
        weave = cv2.blur(fine, (19, 1)) + cv2.blur(fine[::-1], (1, 19)) - 128
        return np.asarray(np.clip(128 + 2.2 * (weave - 128), 0, 255), np.uint8)
    if kind == "grass":
        blades = cv2.GaussianBlur(fine, (0, 0), 1.2, sigmaY=5.0)
        large = octaves(rng, shape, (6, 8), 5).astype(np.float32) - 128
        return np.asarray(np.clip(128 + 3.4 * (blades - 128) + 0.7 * large, 0, 255), np.uint8)
    if kind == "grit":
        large = octaves(rng, shape, (5, 8), 4).astype(np.float32) - 128
        return np.asarray(np.clip(128 + 1.4 * (cv2.GaussianBlur(fine, (0, 0), 1.4) - 128) + 0.5 * large, 0, 255), "B")
    raise ValueError(f"expected a known pattern, got {kind!r}")


@lru_cache(maxsize=16)
def receding(kind: str) -> Image:
    """The pattern as ground that runs to the horizon at its top."""
    flat = pattern(kind)
    depth = np.linspace(0.0, 1.0, HEIGHT, dtype=np.float32)
    scale = 0.16 + 0.84 * depth  # of what stands on the ground
    rows = HEIGHT / 0.84 * np.log(scale / 0.16) % (HEIGHT - 1)
    across = (np.arange(WIDTH, dtype=np.float32) - WIDTH / 2)[None, :] / scale[:, None]
    columns = np.abs((across + WIDTH) % (2 * WIDTH - 2) - (WIDTH - 1)).astype(np.float32)
    spread = np.repeat(rows[:, None], WIDTH, axis=1).astype(np.float32)
    ground = cv2.remap(cv2.GaussianBlur(flat, (0, 0), 1.0), columns, spread, cv2.INTER_LINEAR).astype(np.float32)
    return np.asarray(128 + (ground - 128) * (0.5 + 0.5 * depth[:, None]), np.uint8)


def lay(
    canvas: Canvas,
    kind: str,
    y0: float,
    y1: float,
    amount: float,
    rng: np.random.Generator,
    *,
    zoom: float = 1.0,
    flat: bool = False,
) -> None:
    """Lays a pattern's light and dark over a band; `flat`: as ground that runs to the horizon at y0."""
    first, last = max(0, round(y0 * canvas.unit)), min(len(canvas.pixels), round(y1 * canvas.unit))
    if last - first < 2:
        return
    master = receding(kind) if flat else pattern(kind)
    tall = HEIGHT if flat else min(HEIGHT, max(4, round((y1 - y0) * PER_UNIT / zoom)))
    wide = min(WIDTH, round(canvas.aspect * PER_UNIT / zoom))
    top, left = int(rng.integers(0, HEIGHT - tall + 1)), int(rng.integers(0, WIDTH - wide + 1))
    part = master[top : top + tall, left : left + wide]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    band = canvas.pixels[first:last]
    # For an even result at small sizes the pattern is averaged down, not picked from.
    size = (band.shape[1], band.shape[0])
    way = cv2.INTER_AREA if size[0] < wide else cv2.INTER_LINEAR
    cloth = cv2.cvtColor(cv2.resize(part, size, interpolation=way), cv2.COLOR_GRAY2RGB)
    cv2.addWeighted(band, 1.0, cloth, amount, -128 * amount, band)


def mirror(
    canvas: Canvas,
    y0: float,
    y1: float,
    rng: np.random.Generator,
    *,
    tint: Color,
    strength: float,
    sharp: float = 0.5,
    stretch: float = 1.0,
    ripples: float = 0.1,
) -> None:
    """Mirrors what stands above y0 in the band below it, as water (sharp near 1) or wet asphalt (near 0)."""
    first, last = round(y0 * canvas.unit), min(len(canvas.pixels), round(y1 * canvas.unit))
    above = canvas.pixels[max(0, first - round((last - first) / stretch)) : first]
    if last - first < SOFT or len(above) < SOFT:
        return
    band = canvas.pixels[first:last]
    small = (max(2, band.shape[1] // 2), max(2, (last - first) // 2))
    image = cv2.resize(above[::-2, ::2], small, interpolation=cv2.INTER_LINEAR)
    soft = (1 - sharp) * canvas.unit * 0.02
    across, down = round(0.7 * soft) | 1, round(4 * soft) | 1
    for _ in range(2):
        image = cv2.blur(image, (across, down))
    if ripples > 0:
        wide = min(WIDTH, small[0] * 2)
        left = int(rng.integers(0, WIDTH - wide + 1))
        waves = cv2.resize(receding("ripples")[::2, left : left + wide : 2], small, interpolation=cv2.INTER_LINEAR)
        push = (waves.astype(np.float32) - 128) * np.linspace(0.02, 0.12, small[1], dtype=np.float32)[:, None]
        push *= canvas.unit / PER_UNIT
        x, y = grid(*small)
        image = cv2.remap(image, x + push * 0.3, y + push, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        cv2.addWeighted(image, 1.0, cv2.cvtColor(waves, cv2.COLOR_GRAY2RGB), ripples, -128 * ripples, image)
    image = cv2.resize(image, (band.shape[1], band.shape[0]), interpolation=cv2.INTER_LINEAR)
    cv2.addWeighted(band, 1 - strength, image, strength, 0, band)
    multiply(canvas, y0, y1, tint)


@lru_cache(maxsize=8)
def grid(width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def multiply(canvas: Canvas, y0: float, y1: float, tint: Color) -> None:
    """Colours a band as light of that colour would (white changes nothing)."""
    first, last = max(0, round(y0 * canvas.unit)), min(len(canvas.pixels), round(y1 * canvas.unit))
    if last > first and tint != (255, 255, 255):
        band = canvas.pixels[first:last]
        steps = (np.arange(256)[:, None] * np.asarray(tint)[None, :] / 255).astype(np.uint8)
        canvas.pixels[first:last] = cv2.LUT(band, steps[None])


def glow(canvas: Canvas, spots: list[tuple[float, float, float, Color]], *, wide: float = 2.4) -> None:
    """Halos around bright things: each spot is (x, y, radius, colour)."""
    layer, radius = canvas.layer(), max((spot[2] for spot in spots), default=0.0)
    for factor, share in ((wide, 0.22), (0.6 * wide, 0.42), (0.8, 0.9)):
        for x, y, r, (red, green, blue) in spots:
            color = (round(red * share), round(green * share), round(blue * share))
            layer.ellipse(x, y, r * factor, r * factor, color)
    canvas.add_light(layer, 0.55 * radius)


def beam_of_sun(canvas: Canvas, x: float, y: float, color: Color, reach: float = 1.2) -> None:
    """A warm veil that falls off from (x, y), as low sun lays over a lens."""
    height, width = canvas.pixels.shape[:2]
    across, down = grid(48, 48)
    far = np.hypot(across / 47 * canvas.aspect - x, down / 47 - y)
    fall = np.exp(-3.0 * far / reach)[:, :, None] * np.asarray(color, np.float32)
    veil = cv2.resize(fall.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.add(canvas.pixels, veil, canvas.pixels)


def paste(canvas: Canvas, picture: Image, x0: float, y0: float, x1: float, y1: float) -> None:
    """Puts a picture (H, W, 3) into a rectangle, which may reach out of the canvas."""
    left, top, right, bottom = (round(value * canvas.unit) for value in (x0, y0, x1, y1))
    height, width = canvas.pixels.shape[:2]
    if right - left < 1 or bottom - top < 1:
        return
    way = cv2.INTER_AREA if right - left < 0.8 * picture.shape[1] else cv2.INTER_LINEAR
    sized = cv2.resize(picture, (right - left, bottom - top), interpolation=way)
    inner = sized[max(0, -top) : max(0, height - top), max(0, -left) : max(0, width - left)]
    if inner.size:
        canvas.pixels[max(0, top) : max(0, top) + len(inner), max(0, left) : max(0, left) + inner.shape[1]] = inner


def pan(canvas: Canvas, length: float) -> None:
    """Smears everything painted so far sideways, as a camera does that follows a runner."""
    height, width = canvas.pixels.shape[:2]
    small = cv2.resize(cv2.blur(canvas.pixels, (SOFT, 1)), (width // SOFT, height // 2), interpolation=cv2.INTER_LINEAR)
    small = cv2.blur(small, (max(1, round(length * canvas.unit / SOFT)), 1))
    canvas.pixels = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


@lru_cache(maxsize=4)
def crowd(variant: int) -> Image:
    """A grandstand full of people, (160, 900, 3), a little out of focus."""
    rng, stand = np.random.default_rng([variant, 77]), Canvas(900, 160)
    stand.gradient(0, 1, (46, 50, 66), (84, 88, 102))
    tops: tuple[Color, ...] = (
        (176, 60, 56),
        (62, 92, 160),
        (196, 164, 84),
        (206, 204, 198),
        (70, 72, 84),
        (84, 130, 98),
    )
    for row in range(8):
        y = 0.12 + 0.12 * row
        stand.rect(0, y + 0.05, stand.aspect, y + 0.06, (70, 72, 86))
        for x in np.arange(0, stand.aspect, 0.09) + rng.uniform(-0.02, 0.02, 63):
            if rng.random() < 0.86:
                top = tops[rng.integers(len(tops))]
                tone = rng.uniform(0.55, 1.0) * (0.75 + 0.03 * row)
                skin = ((226, 180, 146), (166, 118, 84), (110, 76, 54))[rng.integers(3)]
                r, g, b = (round(c * tone) for c in top)
                stand.ellipse(float(x), y + 0.06, 0.036, 0.05, (r, g, b))
                r, g, b = (round(c * tone) for c in skin)
                stand.ellipse(float(x), y - 0.012, 0.02, 0.026, (r, g, b))
    return np.asarray(cv2.GaussianBlur(stand.pixels, (0, 0), 1.6), np.uint8)


def polygons(canvas: Canvas, outlines: NDArray[np.float64], color: Color) -> None:
    """Many polygons of one colour at once; outlines (N, corners, 2) do not overlap."""
    fixed = np.round(outlines * canvas.unit * (1 << SHIFT)).astype(np.int32)
    cv2.fillPoly(canvas.pixels, list(fixed), color, cv2.LINE_AA, SHIFT)
