"""Skies with sun and clouds, and land that fades into the air."""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.mini.canvas import Canvas, Color, Point, mix
from core.mini.surfaces import HEIGHT, WIDTH, grid, pattern


def sky(
    canvas: Canvas,
    place: np.random.Generator,
    horizon: float,
    top: Color,
    low: Color,
    *,
    sun: Point | None = None,
    glare: Color = (255, 236, 190),
    clouds: float = 0.4,
    lit: Color = (255, 255, 255),
    dark: Color = (150, 158, 172),
    drift: float = 0.0,
) -> None:
    """A sky down to the horizon: a gradient, the sun's glare, and clouds over about that share of it.

    It is soft everywhere, so it is painted at a sixth of the resolution.
    """
    last = min(len(canvas.pixels), round(horizon * canvas.unit) + 1)
    width, height = max(8, canvas.pixels.shape[1] // 6), max(4, last // 6)
    x, y = grid(width, height)
    across = (x / width * canvas.aspect).astype(np.float32)
    down = (y / height * horizon).astype(np.float32)
    ramp = np.asarray((down / horizon) ** 0.9, np.float32)
    image = _blend(np.broadcast_to(np.asarray(top, np.float32), (height, width, 3)), low, ramp)
    if sun is not None:
        far = np.hypot(across - sun[0], down - sun[1])
        image = _blend(image, glare, np.clip(0.62 * np.exp(-4.2 * far) + 0.3 * np.exp(-60 * far**2), 0, 1))
    if clouds > 0:
        amount, light = _clouds(place, (height, width), across, down, horizon, clouds, sun, drift)
        tone = _blend(np.broadcast_to(np.asarray(dark, np.float32), image.shape), lit, light)
        image = _blend(image, tone, amount)
    small = np.asarray(np.clip(image, 0, 255), np.uint8)
    canvas.pixels[:last] = cv2.resize(small, (canvas.pixels.shape[1], last), interpolation=cv2.INTER_LINEAR)
    if sun is not None:
        canvas.ellipse(*sun, 0.036, 0.036, mix(glare, (255, 255, 250), 0.75))


def _blend(
    first: NDArray[np.float32], second: NDArray[np.float32] | Color, share: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.asarray(first + (np.asarray(second, np.float32) - first) * share[:, :, None], np.float32)


def _clouds(
    place: np.random.Generator,
    shape: tuple[int, int],
    across: NDArray[np.float32],
    down: NDArray[np.float32],
    horizon: float,
    share: float,
    sun: Point | None,
    drift: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How dense the clouds are and how lit, both 0..1; they lie flatter and smaller towards the horizon."""
    noise, (left, up) = pattern("clouds"), place.uniform(0, 1, 2)
    near = 1.15 - 0.8 * (down / horizon) ** 0.8  # the size of a cloud
    u = ((across - 0.6 + drift) / near * 420 + left * WIDTH).astype(np.float32)
    v = (-0.42 / near * 640 + up * HEIGHT).astype(np.float32)
    columns, rows = _fold(u, WIDTH), _fold(v, HEIGHT)
    density = cv2.remap(noise, columns, rows, cv2.INTER_LINEAR).astype(np.float32) / 255
    amount = np.clip((density - (0.74 - 0.46 * share)) * 5.5, 0, 1)
    side = 0.0 if sun is None else (1.0 if sun[0] > across.mean() else -1.0)
    toward = cv2.remap(noise, _fold(u + 16 * side, WIDTH), _fold(v - 22, HEIGHT), cv2.INTER_LINEAR)
    light = np.clip(0.72 + 2.2 * (density - toward.astype(np.float32) / 255) - 0.25 * amount, 0, 1)
    return (0.94 * amount * amount * (3 - 2 * amount)).astype(np.float32), light.astype(np.float32)


def _fold(value: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    return np.asarray(np.abs((value + size) % (2 * size - 2) - (size - 1)), np.float32)


def ridge_line(place: np.random.Generator, wide: float, base: float, height: float) -> list[Point]:
    """The upper edge of rolling hills from left to right."""
    x = np.linspace(0, 1, 49)
    waves = zip(place.uniform(3, 9, 3), place.uniform(0, 6.3, 3), (0.5, 0.3, 0.12), strict=True)
    rise = 0.5 + sum(share * np.sin(speed * x + start) for speed, start, share in waves) / 1.8
    points = np.stack([x * wide, base - height * np.maximum(0.02, rise)], axis=1)
    return [(a, b) for a, b in points.tolist()]


def range_of_hills(canvas: Canvas, line: list[Point], color: Color, mist: Color, *, depth: float = 0.14) -> None:
    """Land below a line that fades into the mist at its foot."""
    low = max(y for _, y in line) + depth + 0.1
    for step in range(4):
        drop = depth * step / 3
        edge = [(x, y + drop) for x, y in line]
        canvas.polygon([*edge, (canvas.aspect, low), (0, low)], mix(color, mist, 0.6 * step / 3))


def peaks(
    canvas: Canvas,
    place: np.random.Generator,
    base: float,
    height: float,
    *,
    rock: Color,
    snow: Color,
    shadow: Color,
    side: int,
) -> None:
    """A range of craggy, snow-capped mountains, lit from the side -1 (left) or 1."""
    count = int(place.integers(3, 5)) + (canvas.aspect > 1)
    order = place.permutation(count)
    sizes = height * place.uniform(0.6, 0.85, count)
    sizes[order[0]] = height
    for i in order[::-1].tolist():
        x = canvas.aspect * (i + 0.5 + place.uniform(-0.22, 0.22)) / count
        _peak(canvas, place, (x, base - float(sizes[i])), base, (rock, snow, shadow), side)


def _jagged(place: np.random.Generator, start: Point, end: Point, rough: float, count: int) -> list[Point]:
    t = np.linspace(0, 1, count)
    shift = place.uniform(-rough, rough, count) * np.minimum(1, 4 * t)
    rows = start[1] + (end[1] - start[1]) * t
    columns = start[0] + (end[0] - start[0]) * (0.9 * t + 0.1 * t * t) + shift
    return [(a, b) for a, b in zip(columns.tolist(), rows.tolist(), strict=True)]


def _peak(
    canvas: Canvas,
    place: np.random.Generator,
    top: Point,
    base: float,
    colors: tuple[Color, Color, Color],
    side: int,
) -> None:
    rock, snow, shadow = colors
    tall = base - top[1]
    rough, wide = 0.045 * tall, tall * place.uniform(0.85, 1.25)
    lit = _jagged(place, top, (top[0] + side * wide, base), rough, 13)
    dim = _jagged(place, top, (top[0] - side * wide * place.uniform(0.8, 1.1), base), rough, 13)
    spine = _jagged(place, top, (top[0] - side * 0.1 * tall, base), 2.2 * rough, 10)
    canvas.polygon([*lit, *dim[::-1]], rock)
    canvas.polygon([*dim, *spine[::-1]], mix(rock, shadow, 0.6))
    for part, tone in ((lit, 0.28), (dim, 0.85)):
        for k in (3, 6):
            (x, y), down = part[k], place.uniform(0.3, 0.5) * tall
            foot = (x - (x - top[0]) * 0.35, min(base, y + down))
            canvas.polygon([part[k], part[k + 2], foot, ((x + top[0]) / 2, y + 0.25 * down)], mix(rock, shadow, tone))
    line = top[1] + tall * place.uniform(0.36, 0.5)
    caps = [[p for p in part if p[1] < line] for part in (lit, dim, spine)]
    for part, white in ((caps[0], snow), (caps[1], mix(snow, shadow, 0.42))):
        (x0, _), (x1, _) = part[-1], caps[2][-1]
        teeth = [
            (x0 + (x1 - x0) * k / 6, line + tall * (0.1 if k % 2 else -0.03) * place.uniform(0.5, 1.3))
            for k in range(7)
        ]
        canvas.polygon([*part, *teeth, *caps[2][::-1]], white)
