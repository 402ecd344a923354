"""Things too detailed to paint anew in each photo: painted once, large, then stamped in any size, light and side."""

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin

import cv2
import numpy as np

from core.mini.canvas import Canvas, Color, Image, shade

SIDE = 320  # pixels of a sprite
TREES = ("oak", "birch", "pine", "bush")
VARIANTS = 4


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """Pictures premultiplied by their covers, both (side, side, 3) uint8, each half as large as the one before."""

    pictures: tuple[Image, ...]
    covers: tuple[Image, ...]


class _Pair:
    """Paints the same shapes on a picture and, in white, on its cover."""

    def __init__(self) -> None:
        self.picture, self.cover = Canvas(SIDE, SIDE), Canvas(SIDE, SIDE)

    def ellipse(self, x: float, y: float, rx: float, ry: float, color: Color, angle: float = 0.0) -> None:
        self.picture.ellipse(x, y, rx, ry, color, angle=angle)
        self.cover.ellipse(x, y, rx, ry, (255, 255, 255), angle=angle)

    def polygon(self, points: list[tuple[float, float]], color: Color) -> None:
        self.picture.polygon(points, color)
        self.cover.polygon(points, (255, 255, 255))

    def line(self, points: list[tuple[float, float]], color: Color, width: float) -> None:
        self.picture.line(points, color, width)
        self.cover.line(points, (255, 255, 255), width)


@lru_cache(maxsize=32)
def tree(kind: str, variant: int) -> Sprite:
    """A tree lit from the left; its foot is at the middle of the lower edge."""
    rng, pair = np.random.default_rng([TREES.index(kind), variant]), _Pair()
    if kind == "pine":
        _pine(pair, rng)
    else:
        _crown(pair, rng, kind)
    picture = np.asarray(cv2.multiply(pair.picture.pixels, pair.cover.pixels, scale=1 / 255), np.uint8)
    return Sprite(pictures=_halved(picture), covers=_halved(pair.cover.pixels))


def _halved(image: Image) -> tuple[Image, ...]:
    sides = [SIDE >> step for step in range(4)]
    return tuple(np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8) for side in sides)


def _crown(pair: _Pair, rng: np.random.Generator, kind: str) -> None:
    leaf: Color = {"oak": (84, 126, 56), "birch": (128, 160, 70), "bush": (76, 118, 60)}[kind]
    wood: Color = (206, 200, 188) if kind == "birch" else (92, 68, 48)
    low = 0.62 if kind != "bush" else 0.9
    if kind != "bush":
        half = 0.016 if kind == "birch" else 0.028
        pair.polygon([(0.5 - half * 1.5, 1), (0.5 - half, 0.4), (0.5 + half, 0.4), (0.5 + half * 1.5, 1)], wood)
        pair.polygon([(0.5 + half * 0.1, 1), (0.5, 0.4), (0.5 + half, 0.4), (0.5 + half * 1.5, 1)], shade(wood, 0.6))
        for side in (-1, 1):
            pair.line([(0.5, 0.74), (0.5 + side * 0.16, 0.5)], shade(wood, 0.75), 0.016)
    tall, wide = {"oak": (0.3, 0.4), "birch": (0.34, 0.27), "bush": (0.26, 0.4)}[kind]
    middle = low - tall * 0.8
    lobes = [(0.5, middle, 0.7 * wide)]
    for k in range(8):
        angle = radians(45 * k + rng.uniform(-20, 20))
        r = rng.uniform(0.34, 0.48) * wide
        lobes.append((0.5 + (wide - r) * cos(angle), max(middle + (tall - r) * sin(angle), 0.04 + r), r))
    for tone, shift, share, count in (
        (0.42, 0.012, 0.96, 420),
        (0.62, 0.0, 0.97, 420),
        (0.92, -0.02, 0.8, 420),
        (1.2, -0.035, 0.62, 300),
        (1.5, -0.05, 0.42, 120),
    ):
        for _ in range(count):
            x, y, r = lobes[rng.integers(len(lobes))]
            angle, far = rng.uniform(0, 6.3), share * r * np.sqrt(rng.random())
            dx, dy = far * cos(angle) + shift, far * sin(angle) + shift
            sun = 1.0 - 0.5 * (x + dx - 0.5) / wide - 0.45 * (y + dy - middle) / tall  # the far and low side is dim
            size = rng.uniform(0.008, 0.018)
            color = shade(leaf, tone * (0.4 + 0.6 * max(0.3, sun)) * rng.uniform(0.88, 1.12))
            pair.ellipse(x + dx, y + dy, size, 0.7 * size, color, angle=rng.uniform(0, 180))


def _pine(pair: _Pair, rng: np.random.Generator) -> None:
    green: Color = (58, 98, 62)
    pair.polygon([(0.48, 1), (0.49, 0.3), (0.51, 0.3), (0.52, 1)], (78, 58, 44))
    for k in range(15):
        share = k / 14
        y = 0.08 + 0.8 * share
        half = (0.03 + 0.23 * share) * rng.uniform(0.85, 1.1)
        for side, tone in ((1, 0.6), (-1, 1.1)):
            reach = half * rng.uniform(0.8, 1.15)
            for twig in range(4):
                part = (twig + 1) / 4
                color = shade(green, tone * rng.uniform(0.82, 1.18))
                tip = (0.5 + side * reach * part, y + 0.03 + 0.05 * part * (0.4 + share))
                pair.polygon(
                    [(0.5, y - 0.05), tip, (0.5 + side * reach * part * 0.6, y + 0.06), (0.5, y + 0.05)], color
                )


def stamp(
    canvas: Canvas,
    sprite: Sprite,
    x: float,
    foot: float,
    height: float,
    *,
    tint: Color = (255, 255, 255),
    flip: bool = False,
    wide: float = 1.0,
) -> None:
    """Stamps a sprite with its foot at (x, foot), under light of the colour `tint`."""
    rows = max(3, round(height * canvas.unit))
    columns = max(3, round(rows * wide))
    left, top = round(x * canvas.unit) - columns // 2, round(foot * canvas.unit) - rows
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(canvas.pixels.shape[0], top + rows), min(canvas.pixels.shape[1], left + columns)
    if y1 <= y0 or x1 <= x0:
        return
    step = next((k for k in (3, 2, 1) if SIDE >> k >= 0.75 * rows), 0)
    picture, cover = (
        cv2.resize(images[step], (columns, rows), interpolation=cv2.INTER_LINEAR)
        for images in (sprite.pictures, sprite.covers)
    )
    if flip:
        picture, cover = picture[:, ::-1], cover[:, ::-1]
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    steps = np.minimum(np.arange(256)[:, None] * np.asarray(tint)[None, :] / 255, 255).astype(np.uint8)
    light = cv2.LUT(np.ascontiguousarray(picture[part]), steps[None])
    ground = canvas.pixels[y0:y1, x0:x1]
    bare = cv2.multiply(ground, 255 - cover[part], scale=1 / 255)
    canvas.pixels[y0:y1, x0:x1] = cv2.add(bare, light)


def grove(
    canvas: Canvas,
    place: np.random.Generator,
    spots: list[tuple[float, float, float]],
    kinds: tuple[str, ...],
    *,
    tint: Color = (255, 255, 255),
    side: int = -1,
    motion: np.random.Generator | None = None,
) -> None:
    """Trees at (x, foot, height), with the light from the side -1 (left) or 1."""
    for x, foot, height in sorted(spots, key=lambda spot: spot[1]):
        kind = kinds[int(place.integers(len(kinds)))]
        light = shade(tint, place.uniform(0.85, 1.1))
        shift = 0.0 if motion is None else motion.uniform(-0.01, 0.01) * height
        stamp(
            canvas,
            tree(kind, int(place.integers(VARIANTS))),
            x + shift,
            foot,
            height,
            tint=light,
            flip=side > 0,
            wide=place.uniform(0.85, 1.1) * (0.8 if kind == "pine" else 1.0),
        )
