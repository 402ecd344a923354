"""Houses along a street after dark, and the large buildings of a campus."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from core.mini.canvas import Canvas, Color, Image, Point, mix, shade
from core.mini.surfaces import polygons

WALLS: tuple[Color, ...] = ((76, 70, 104), (104, 74, 76), (62, 78, 108), (92, 84, 94))
GLOWS: tuple[Color, ...] = ((250, 184, 92), (252, 210, 136), (236, 158, 80), (160, 188, 226))


ROWS, COLUMNS = 300, 2400  # pixels of a street, which is drawn once and then shown in parts
PER_UNIT = 600  # of these pixels to a picture height


@lru_cache(maxsize=4)
def _street(variant: int) -> tuple[Image, Image]:
    """A row of houses, (ROWS, COLUMNS, 3), and its cover, (ROWS, COLUMNS); windows are lit or dark."""
    rng, canvas = np.random.default_rng([variant, 31]), Canvas(COLUMNS, ROWS)
    canvas.unit = float(PER_UNIT)
    x, ground = -rng.uniform(0, 0.12), ROWS / PER_UNIT
    while x < COLUMNS / PER_UNIT:
        width, height = rng.uniform(0.17, 0.3), rng.uniform(0.2, 0.36)
        _house(canvas, rng, (x, ground - height, x + width, ground))
        x += width
    return canvas.pixels, np.where(canvas.pixels.max(axis=2) > 0, np.uint8(255), np.uint8(0))


def terrace(canvas: Canvas, place: np.random.Generator, ground: float) -> None:
    """A part of a street whose houses stand on the ground line."""
    picture, cover = _street(int(place.integers(4)))
    scale, last, width = place.uniform(0.85, 1.1), round(ground * canvas.unit), canvas.pixels.shape[1]
    wide = round(canvas.aspect * PER_UNIT / scale)
    rows = round(ROWS / PER_UNIT * scale * canvas.unit)
    left = int(place.integers(0, COLUMNS - wide))
    step = -1 if place.random() < 0.5 else 1
    houses, shown = (
        cv2.resize(image[:, left : left + wide], (width, rows), interpolation=cv2.INTER_LINEAR)
        for image in (picture, cover)
    )
    behind = canvas.pixels[last - rows : last]
    np.copyto(behind, houses[:, ::step], where=shown[:, ::step, None] > 127)


def _house(canvas: Canvas, place: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    x0, y0, x1, y1 = box
    wall = shade(WALLS[place.integers(len(WALLS))], place.uniform(0.6, 1.0))
    roof = shade(mix(wall, (50, 40, 50), 0.5), 0.7)
    kind, middle = place.integers(3), (x0 + x1) / 2
    if kind == 0:
        canvas.polygon([(x0 - 0.008, y0), (middle, y0 - 0.07), (x1 + 0.008, y0)], roof)
    elif kind == 1:
        canvas.polygon([(x0 - 0.006, y0), (x0 + 0.03, y0 - 0.05), (x1 - 0.03, y0 - 0.05), (x1 + 0.006, y0)], roof)
    else:
        canvas.rect(x0 - 0.004, y0 - 0.014, x1 + 0.004, y0, shade(wall, 1.2))
    if place.random() < 0.6:
        at = x0 + place.uniform(0.2, 0.7) * (x1 - x0)
        canvas.rect(at, y0 - 0.075, at + 0.022, y0 - 0.01, shade(roof, 0.9))
    canvas.rect(x0, y0, x1, y1, wall)
    canvas.rect(x0, y0, x0 + 0.006, y1, shade(wall, 1.25))
    canvas.rect(x1 - 0.012, y0, x1, y1, shade(wall, 0.7))
    shop = y1 - 0.085
    _windows(canvas, place, (x0, y0, x1, shop), wall)
    _shop(canvas, place, (x0, shop, x1, y1), wall)


def _windows(canvas: Canvas, place: np.random.Generator, box: tuple[float, float, float, float], wall: Color) -> None:
    x0, y0, x1, y1 = box
    columns, rows = max(2, round((x1 - x0) / 0.065)), max(1, round((y1 - y0) / 0.075))
    lit, warm = place.uniform(0.3, 0.6), GLOWS[place.integers(len(GLOWS))]
    across, down = (x1 - x0) / columns, (y1 - y0) / rows
    half, tall = 0.27 * across, 0.3 * down
    for column in range(columns):
        for row in range(rows):
            x, y = x0 + (column + 0.5) * across, y0 + (row + 0.55) * down
            canvas.rect(x - half - 0.004, y - tall - 0.004, x + half + 0.004, y + tall + 0.006, shade(wall, 1.3))
            if place.random() > lit:
                canvas.rect(x - half, y - tall, x + half, y + tall, shade(wall, 0.42))
                continue
            light = shade(warm, place.uniform(0.7, 1.0))
            canvas.rect(x - half, y - tall, x + half, y + tall, light)
            if place.random() < 0.5:
                canvas.rect(x - half, y - tall, x - 0.4 * half, y + tall, shade(light, 0.66))
            canvas.rect(x - 0.002, y - tall, x + 0.002, y + tall, shade(wall, 0.8))


def _shop(canvas: Canvas, place: np.random.Generator, box: tuple[float, float, float, float], wall: Color) -> None:
    x0, y0, x1, y1 = box
    canvas.rect(x0, y0, x1, y0 + 0.012, shade(wall, 0.6))
    if place.random() < 0.5:
        warm = shade(GLOWS[place.integers(3)], place.uniform(0.6, 0.85))
        canvas.rect(x0 + 0.02, y0 + 0.026, x1 - 0.06, y1 - 0.008, warm)
        for x in np.linspace(x0 + 0.03, x1 - 0.09, 4).tolist():
            canvas.rect(x, y1 - 0.03 - place.uniform(0, 0.015), x + 0.018, y1 - 0.008, shade(warm, 0.5))
        cloth: Color = ((150, 50, 50), (50, 90, 130), (60, 110, 70))[place.integers(3)]
        canvas.polygon(
            [(x0 + 0.018, y0 + 0.01), (x1 - 0.058, y0 + 0.01), (x1 - 0.046, y0 + 0.034), (x0 + 0.006, y0 + 0.034)],
            cloth,
        )
    canvas.rect(x1 - 0.045, y0 + 0.024, x1 - 0.016, y1, shade(wall, 0.45))


@dataclass(frozen=True, kw_only=True)
class Front:
    """One face of a building: where its corners are, its colour, and the light on it."""

    canvas: Canvas
    corners: tuple[Point, Point, Point, Point]  # upper left, upper right, lower right, lower left
    light: float
    tint: Color

    def at(self, u: float, v: float) -> Point:
        """Where (u, v), 0..1 from left to right and top to bottom, is in the picture."""
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.corners
        top, low = (ax + (bx - ax) * u, ay + (by - ay) * u), (dx + (cx - dx) * u, dy + (cy - dy) * u)
        return top[0] + (low[0] - top[0]) * v, top[1] + (low[1] - top[1]) * v

    def lit(self, color: Color) -> Color:
        """The colour in this face's light."""
        r, g, b = (round(c * t / 255) for c, t in zip(color, self.tint, strict=True))
        return shade((r, g, b), self.light)

    def panel(self, u0: float, v0: float, u1: float, v1: float, color: Color) -> None:
        """A rectangle on the face."""
        self.canvas.polygon([self.at(u0, v0), self.at(u1, v0), self.at(u1, v1), self.at(u0, v1)], color)

    def panels(self, boxes: list[tuple[float, float, float, float]], color: Color) -> None:
        """Rectangles (u0, v0, u1, v1) on the face, all of one colour."""
        if boxes:
            u0, v0, u1, v1 = np.array(boxes).T
            u, v = np.stack([u0, u1, u1, u0], 1)[..., None], np.stack([v0, v0, v1, v1], 1)[..., None]
            upper_left, upper_right, lower_right, lower_left = (np.array(corner) for corner in self.corners)
            top, low = upper_left + (upper_right - upper_left) * u, lower_left + (lower_right - lower_left) * u
            polygons(self.canvas, top + (low - top) * v, color)


def campus_building(
    canvas: Canvas,
    place: np.random.Generator,
    kind: str,
    box: tuple[float, float, float, float],
    *,
    tint: Color,
    side: int,
    evening: bool,
) -> None:
    """A building of `kind` brick, white or glass, of which two faces are seen; light from the side -1 or 1."""
    x0, y0, x1, y1 = box
    corner = x0 + (x1 - x0) * (place.uniform(0.62, 0.76) if side < 0 else place.uniform(0.24, 0.38))
    fall = place.uniform(0.03, 0.07)
    left = ((x0, y0 + fall), (corner, y0), (corner, y1 + 0.015), (x0, y1 - 0.01))
    right = ((corner, y0), (x1, y0 + fall), (x1, y1 - 0.01), (corner, y1 + 0.015))
    floors = int(place.integers(3, 5))
    for corners, faces in ((left, -1), (right, 1)):
        light = (1.06 if faces == side else 0.7) if tint[0] > tint[2] else (1.0 if faces == side else 0.82)
        front = Front(canvas=canvas, corners=corners, light=light, tint=tint)
        broad = faces == side
        columns = max(3, round(abs(corners[1][0] - corners[0][0]) / (0.085 if kind != "glass" else 0.065)))
        if kind == "glass":
            _glass(front, place, floors, columns, evening)
        else:
            _masonry(front, place, kind, floors, columns, evening)
        _door(front, kind, evening) if broad else None


def _masonry(front: Front, place: np.random.Generator, kind: str, floors: int, columns: int, evening: bool) -> None:
    wall: Color = (178, 82, 60) if kind == "brick" else (244, 241, 232)
    trim: Color = (226, 210, 184) if kind == "brick" else (222, 218, 208)
    front.panel(0, 0, 1, 1, front.lit(wall))
    if kind == "brick":
        for v in np.linspace(0.02, 0.98, 44).tolist():
            front.canvas.line([front.at(0, v), front.at(1, v)], front.lit(mix(wall, (226, 190, 160), 0.28)), 0.0014)
        odd = np.stack([place.uniform(0, 0.97, 36), place.integers(1, 42, 36) / 44], 1)
        for k, tone in enumerate((0.8, 1.15)):
            front.panels([(u, v, u + 0.025, v + 0.018) for u, v in odd[k::2].tolist()], front.lit(shade(wall, tone)))
    front.panel(-0.012, -0.03, 1.012, 0.035, front.lit(shade(trim, 0.95)))
    front.panel(-0.012, 0.035, 1.012, 0.046, front.lit(shade(trim, 0.6)))
    front.panel(0, 0.93, 1, 1, front.lit(shade(trim, 0.78)))
    glass: Color = (74, 92, 114) if kind == "brick" else (64, 88, 118)
    tall, half = 0.86 / floors, 0.27 / columns
    middles = [((k + 0.5) / columns, 0.07 + tall * (row + 0.5)) for row in range(floors) for k in range(columns)]
    if kind == "white":
        edges = [k / columns for k in range(columns + 1)]
        front.panels(
            [(u - 0.09 / columns, 0.07, u + 0.09 / columns, 0.93) for u in edges], front.lit(shade(wall, 0.92))
        )
    ledges = [(0.0, 0.07 + tall * (row + 0.93), 1.0, 0.07 + tall * (row + 0.97)) for row in range(floors)]
    front.panels(ledges, front.lit(shade(trim, 0.86)))
    up = 0.3 * tall
    front.panels(
        [(u - 1.22 * half, v - 1.16 * up, u + 1.22 * half, v + 1.16 * up) for u, v in middles], front.lit(trim)
    )
    sills = [(u - 1.4 * half, v + 1.16 * up, u + 1.4 * half, v + 1.34 * up) for u, v in middles]
    front.panels(sills, front.lit(shade(trim, 0.7)))
    groups: list[list[tuple[float, float, float, float]]] = [[], [], [], []]
    for u, v in middles:
        lit = evening and place.random() < 0.72
        groups[2 * lit + int(place.integers(2))].append((u - half, v - up, u + half, v + up))
    cold = [front.lit(shade(glass, tone)) for tone in (0.72, 0.95)]
    for boxes, color in zip(groups, (*cold, (214, 166, 96), (255, 208, 126)), strict=True):
        front.panels(boxes, color)
        upper = [(u0, v0, u1, v0 + 0.4 * (v1 - v0)) for u0, v0, u1, v1 in boxes]
        front.panels(upper, shade(color, 1.15) if color not in cold else mix(color, front.lit((206, 222, 240)), 0.28))
    front.panels([(u - 0.08 * half, v - up, u + 0.08 * half, v + up) for u, v in middles], front.lit(trim))


def _glass(front: Front, place: np.random.Generator, floors: int, columns: int, evening: bool) -> None:
    rows = floors + 2
    high: Color = (40, 96, 156) if not evening else (60, 104, 170)
    low: Color = (156, 214, 236) if not evening else (140, 190, 240)
    front.panel(0, 0, 1, 1, front.lit(shade(high, 0.7)))
    streak = place.uniform(0.1, 0.8)
    tones = [front.lit(mix(high, low, k / 7)) for k in range(8)] + [(206, 172, 124), (250, 208, 134)]
    groups: list[list[tuple[float, float, float, float]]] = [[] for _ in tones]
    for row in range(rows):
        for column in range(columns):
            u, v = column / columns, row / rows
            sheen = max(0.0, 1 - 3 * abs((u + 0.35 * v) - streak - 0.2))
            tone = round(7 * min(1.0, max(0.0, 0.2 + 0.5 * v + 0.4 * sheen + place.uniform(-0.08, 0.08))))
            if evening and place.random() < 0.4:
                tone = 8 + int(place.integers(2))
            groups[tone].append((u + 0.05 / columns, v + 0.012, u + 0.95 / columns, v + 1 / rows - 0.012))
    for boxes, color in zip(groups, tones, strict=True):
        front.panels(boxes, color)
    frame = front.lit((214, 222, 228))
    for column in range(columns + 1):
        front.canvas.line([front.at(column / columns, 0), front.at(column / columns, 1)], frame, 0.0022)
    front.panel(-0.006, -0.02, 1.006, 0.014, frame)


def _door(front: Front, kind: str, evening: bool) -> None:
    trim: Color = {"brick": (232, 218, 192), "white": (250, 248, 240), "glass": (70, 84, 96)}[kind]
    inside: Color = (255, 220, 150) if evening else (62, 58, 60)
    front.panel(0.38, 0.72, 0.62, 1.0, front.lit(trim))
    front.panel(0.41, 0.78, 0.59, 1.0, inside if evening else front.lit(inside))
    front.panel(0.495, 0.78, 0.505, 1.0, front.lit(trim))
    front.panel(0.36, 0.69, 0.64, 0.73, front.lit(shade(trim, 0.86)))
    if kind == "white":
        for k in range(4):
            u = 0.39 + 0.07 * k
            front.panel(u, 0.73, u + 0.018, 1.0, front.lit(shade(trim, 0.97)))
        left, top, right = front.at(0.35, 0.69), front.at(0.5, 0.58), front.at(0.65, 0.69)
        front.canvas.polygon([left, top, right], front.lit(shade(trim, 0.93)))
    for k in range(3):
        front.panel(
            0.35 - 0.02 * k,
            0.985 + 0.014 * k,
            0.65 + 0.02 * k,
            1.0 + 0.014 * k,
            front.lit(shade((206, 200, 190), 1 - 0.1 * k)),
        )
