"""Food on plates and a cup of coffee, seen by a camera at an angle; light comes from the left, above."""

from dataclasses import dataclass
from math import cos, radians, sin, sqrt

import numpy as np

from core.mini.canvas import Canvas, Color, Point, mix, shade

CHINA: tuple[Color, ...] = ((244, 241, 234), (232, 238, 242), (236, 226, 206))


@dataclass(frozen=True, kw_only=True)
class Dish:
    """A place on a table: its middle, its radius in picture heights, and how round circles look (0.5..1)."""

    canvas: Canvas
    x: float
    y: float
    r: float
    squash: float

    def at(self, x: float, y: float, up: float = 0.0) -> Point:
        """Where a point on the plate (in its radii, `up` above it) is in the picture."""
        return self.x + x * self.r, self.y + (y * self.squash - up * sqrt(1.02 - self.squash**2)) * self.r

    def disc(
        self, size: float, color: Color, up: float = 0.0, *, x: float = 0.0, y: float = 0.0, outline: float = 0.0
    ) -> None:
        """A flat disc, `size` radii wide, on the plate or above it."""
        middle = self.at(x, y, up)
        rx = size * self.r
        self.canvas.ellipse(*middle, rx, rx * self.squash, color, outline=outline * self.r)

    def drum(self, size: float, low: float, high: float, side: Color, *, x: float = 0.0, y: float = 0.0) -> None:
        """The side of a cylinder between two heights, lit from the left."""
        rx, (cx, bottom), (_, top) = size * self.r, self.at(x, y, low), self.at(x, y, high)
        self.canvas.ellipse(cx, bottom, rx, rx * self.squash, shade(side, 0.72))
        for left, right, tone in ((-1.0, -0.6, 0.95), (-0.6, 0.1, 1.06), (0.1, 0.65, 0.88), (0.65, 1.0, 0.72)):
            edge = [(t, sqrt(max(0.0, 1 - t * t)) * self.squash) for t in np.linspace(left, right, 6).tolist()]
            lower = [(cx + t * rx, bottom + s * rx) for t, s in edge]
            upper = [(cx + t * rx, top + s * rx) for t, s in reversed(edge)]
            self.canvas.polygon([*lower, *upper], shade(side, tone))

    def shine(self, x: float, y: float, up: float, size: float, strength: int = 120, *, angle: float = -25) -> None:
        """A soft highlight on something glossy."""
        layer, (cx, cy) = self.canvas.layer(), self.at(x, y, up)
        layer.ellipse(cx, cy, size * self.r, 0.35 * size * self.r, (strength, strength, strength), angle=angle)
        self.canvas.add_light(layer, 0.12 * size * self.r)

    def scatter(self, place: np.random.Generator, reach: float, count: int) -> list[Point]:
        """Points evenly strewn over a disc, far ones first."""
        turns = place.uniform(0, 6.28) + np.arange(count) * 2.4
        far = reach * np.sqrt((np.arange(count) + place.uniform(0.3, 0.7, count)) / count)
        spots = [(float(f * cos(t)), float(f * sin(t))) for f, t in zip(far, turns, strict=True)]
        return sorted(spots, key=lambda spot: spot[1])


def plate(dish: Dish, china: Color) -> None:
    """A plate with a raised rim."""
    dish.disc(1.0, shade(china, 0.72), -0.03)
    dish.disc(1.0, china, 0.03)
    dish.disc(0.985, shade(china, 1.05), 0.035)
    dish.disc(0.8, shade(china, 0.84), 0.02)
    dish.disc(0.775, shade(china, 0.95), 0.0, y=0.02)


def pizza(dish: Dish, place: np.random.Generator) -> None:
    """A pizza, cut in six, with salami and basil."""
    dish.drum(0.92, 0.03, 0.1, (186, 120, 56))
    dish.disc(0.92, (206, 142, 70), 0.1)
    for degrees in np.arange(0, 360, 14).tolist():
        x, y = 0.86 * cos(radians(degrees)), 0.86 * sin(radians(degrees))
        crust = shade((204, 138, 66), place.uniform(0.72, 1.15))
        dish.canvas.ellipse(*dish.at(x, y, 0.12), 0.11 * dish.r, 0.08 * dish.r, crust)
    dish.disc(0.8, (196, 66, 32), 0.11)
    dish.disc(0.76, (246, 196, 84), 0.11)
    for x, y in dish.scatter(place, 0.68, 16):
        size = place.uniform(0.08, 0.17)
        cheese = mix((255, 224, 140), (230, 150, 60), place.uniform(0, 1))
        dish.canvas.ellipse(*dish.at(x, y, 0.11), size * dish.r, 0.8 * size * dish.r, cheese)
    for x, y in dish.scatter(place, 0.62, int(place.integers(7, 10))):
        dish.disc(0.155, (132, 26, 24), 0.1, x=x, y=y + 0.02)
        dish.disc(0.145, (196, 44, 36), 0.13, x=x, y=y)
        dish.disc(0.07, (228, 92, 70), 0.13, x=x - 0.04, y=y - 0.03)
    turn = place.uniform(0, 60)
    for k in range(3):
        a = radians(turn + 60 * k)
        ends = [dish.at(0.9 * cos(a), 0.9 * sin(a), 0.11), dish.at(-0.9 * cos(a), -0.9 * sin(a), 0.11)]
        dish.canvas.line(ends, (160, 92, 40), 0.016 * dish.r)
    for x, y in dish.scatter(place, 0.5, 5):
        leaf = dish.at(x + 0.06, y, 0.15)
        dish.canvas.ellipse(*leaf, 0.11 * dish.r, 0.055 * dish.r, (46, 116, 44), angle=place.uniform(0, 180))
    dish.shine(-0.25, -0.3, 0.12, 0.4, 44)


def soup(dish: Dish, place: np.random.Generator) -> None:
    """A deep bowl of soup with cream and herbs."""
    broth: Color = ((226, 104, 34), (214, 158, 48), (190, 52, 34))[place.integers(3)]
    china: Color = ((240, 236, 228), (74, 100, 128), (214, 204, 186))[place.integers(3)]
    dish.drum(0.86, 0.05, 0.42, china)
    dish.disc(0.88, shade(china, 1.08), 0.42)
    dish.disc(0.8, shade(china, 0.66), 0.4)
    dish.disc(0.77, shade(broth, 0.78), 0.36, y=0.015)
    dish.disc(0.74, broth, 0.36, y=0.035)
    swirl = [
        dish.at(0.42 * t * cos(9 * t + 1), 0.42 * t * sin(9 * t + 1), 0.36) for t in np.linspace(0.1, 1, 26).tolist()
    ]
    dish.canvas.line(swirl, mix(broth, (255, 244, 222), 0.85), 0.07 * dish.r)
    for x, y in dish.scatter(place, 0.6, 12):
        green = shade((70, 142, 56), place.uniform(0.8, 1.2))
        dish.canvas.ellipse(*dish.at(x, y, 0.37), 0.075 * dish.r, 0.04 * dish.r, green, angle=place.uniform(0, 180))
    dish.shine(-0.4, -0.42, 0.37, 0.24, 130)


def salad(dish: Dish, place: np.random.Generator) -> None:
    """Green leaves with tomatoes and slices of cucumber."""
    for layer, (reach, count) in enumerate(((0.74, 44), (0.58, 30), (0.36, 16))):
        for x, y in dish.scatter(place, reach, count):
            tone = (0.62, 0.9, 1.2)[layer] * place.uniform(0.8, 1.2)
            leaf = shade(((88, 156, 52), (116, 178, 64), (66, 132, 56))[place.integers(3)], tone)
            middle, turn = dish.at(x, y, 0.08 + 0.1 * layer), place.uniform(0, 180)
            dish.canvas.ellipse(*middle, 0.2 * dish.r, 0.11 * dish.r, leaf, angle=turn)
            dish.canvas.ellipse(
                middle[0] - 0.02 * dish.r,
                middle[1] - 0.02 * dish.r,
                0.13 * dish.r,
                0.05 * dish.r,
                shade(leaf, 1.22),
                angle=turn,
            )
    for k, (x, y) in enumerate(dish.scatter(place, 0.56, int(place.integers(8, 11)))):
        if k % 3:
            dish.disc(0.12, (140, 22, 22), 0.24, x=x, y=y)
            dish.disc(0.11, (222, 46, 38), 0.28, x=x, y=y)
            dish.disc(0.035, (255, 190, 170), 0.31, x=x - 0.04, y=y - 0.03)
        else:
            dish.disc(0.13, (60, 124, 48), 0.26, x=x, y=y)
            dish.disc(0.11, (206, 230, 164), 0.28, x=x, y=y)
    dish.shine(-0.3, -0.35, 0.3, 0.3, 50)


def cake(dish: Dish, place: np.random.Generator) -> None:
    """A layer cake with cream, berries and candles."""
    cream: Color = ((252, 226, 226), (252, 243, 222), (246, 178, 196))[place.integers(3)]
    sponge: Color = ((214, 160, 92), (112, 66, 42))[place.integers(2)]
    dish.drum(0.66, 0.03, 0.62, sponge)
    for low in (0.2, 0.46):
        dish.drum(0.665, low, low + 0.09, cream)
    dish.disc(0.68, shade(cream, 0.92), 0.6)
    dish.disc(0.66, cream, 0.64)
    for k in range(9):
        x = -0.66 + 1.32 * (k + 0.5) / 9
        y, drop = sqrt(max(0.0, 0.66**2 - x * x)), place.uniform(0.08, 0.26)
        dish.canvas.line([dish.at(x, y, 0.62), dish.at(x, y, 0.62 - drop)], shade(cream, 0.97), 0.11 * dish.r)
    dish.disc(0.52, shade(cream, 0.96), 0.64)
    count, turn = int(place.integers(7, 10)), place.uniform(0, 40)
    around = sorted(
        ((cos(radians(turn + 360 * k / count)), sin(radians(turn + 360 * k / count))) for k in range(count)),
        key=lambda p: p[1],
    )
    candles = [(0.26 * x, 0.26 * y) for x, y in around[:: int(place.integers(2, 4))]]
    for x, y in around:
        dish.disc(0.12, shade(cream, 1.05), 0.68, x=0.52 * x, y=0.52 * y)
        dish.disc(0.085, (150, 14, 34), 0.74, x=0.52 * x, y=0.52 * y)
        dish.disc(0.075, (214, 32, 52), 0.78, x=0.52 * x, y=0.52 * y)
        dish.disc(0.022, (255, 200, 200), 0.81, x=0.52 * x - 0.03, y=0.52 * y - 0.02)
    wax: Color = ((84, 150, 226), (240, 190, 60), (120, 190, 120))[place.integers(3)]
    for x, y in candles:
        foot, tip = dish.at(x, y, 0.64), dish.at(x, y, 1.02)
        tip = (tip[0], min(tip[1], foot[1] - 0.16 * dish.r))
        dish.canvas.line([foot, tip], wax, 0.05 * dish.r)
        dish.canvas.ellipse(tip[0], tip[1] - 0.07 * dish.r, 0.035 * dish.r, 0.07 * dish.r, (255, 196, 70))
        dish.canvas.ellipse(tip[0], tip[1] - 0.05 * dish.r, 0.018 * dish.r, 0.035 * dish.r, (255, 246, 200))
    dish.shine(-0.3, -0.2, 0.65, 0.2, 60)


def donuts(dish: Dish, place: np.random.Generator) -> None:
    """Three iced ring donuts with sprinkles."""
    ices: tuple[Color, ...] = ((244, 128, 170), (98, 54, 38), (250, 236, 214), (126, 196, 232))
    turn = place.uniform(0, 120)
    spots = sorted(
        ((0.42 * cos(radians(turn + 120 * k)), 0.42 * sin(radians(turn + 120 * k))) for k in range(3)),
        key=lambda p: p[1],
    )
    order = place.permutation(len(ices))
    for k, (x, y) in enumerate(spots):
        icing = ices[order[k]]
        dish.drum(0.4, 0.04, 0.16, (196, 132, 70), x=x, y=y)
        dish.disc(0.4, (218, 158, 92), 0.17, x=x, y=y)
        dish.disc(0.365, shade(icing, 0.8), 0.19, x=x, y=y)
        dish.disc(0.355, icing, 0.22, x=x, y=y)
        dish.disc(0.26, mix(icing, (255, 255, 255), 0.22), 0.235, x=x - 0.02, y=y - 0.02, outline=0.05)
        for a in np.arange(0, 360, 24):
            angle, far = radians(a + place.uniform(-8, 8)), place.uniform(0.17, 0.31)
            start = (x + far * cos(angle), y + far * sin(angle))
            color: Color = ((240, 60, 60), (252, 214, 60), (60, 150, 240), (255, 255, 255))[place.integers(4)]
            end = (start[0] + place.uniform(-0.05, 0.05), start[1] + place.uniform(-0.05, 0.05))
            dish.canvas.line([dish.at(*start, 0.23), dish.at(*end, 0.23)], color, 0.026 * dish.r)
        dish.disc(0.13, shade(icing, 0.62), 0.21, x=x, y=y)
        dish.disc(0.11, (150, 96, 52), 0.18, x=x, y=y + 0.02)
        dish.disc(0.075, (226, 222, 214), 0.1, x=x, y=y + 0.02)


def coffee(dish: Dish, place: np.random.Generator) -> None:
    """A big cup of coffee on a saucer, with a handle at the right."""
    china: Color = ((250, 248, 242), (38, 120, 128), (196, 60, 48))[place.integers(3)]
    dish.disc(1.0, shade(china, 0.68), -0.03)
    dish.disc(1.0, shade(china, 0.9), 0.03)
    dish.disc(0.62, shade(china, 0.74), 0.02)
    grip = dish.at(0.8, 0.1, 0.42)
    for thick, tone in ((0.17, 0.66), (0.1, 0.98)):
        dish.canvas.ellipse(*grip, 0.3 * dish.r, 0.24 * dish.r, shade(china, tone), outline=thick * dish.r)
    dish.drum(0.66, 0.06, 0.8, china)
    dish.disc(0.7, shade(china, 1.06), 0.8)
    dish.disc(0.62, (58, 32, 20), 0.78)
    dish.disc(0.6, (122, 76, 44), 0.74, y=0.02)
    dish.disc(0.52, (66, 36, 22), 0.74, y=0.03)
    dish.shine(-0.36, -0.3, 0.75, 0.16, 110)


def steam(dish: Dish, motion: np.random.Generator, up: float) -> None:
    """Warm vapour that curls up from a dish."""
    layer = dish.canvas.layer()
    for k in range(3):
        x, phase = (k - 1) * 0.3, motion.uniform(0, 6.3)
        curl = [
            dish.at(x + 0.12 * t * sin(4 * t + phase), 0, up + 0.2 + 0.75 * t) for t in np.linspace(0, 1.3, 9).tolist()
        ]
        layer.line(curl, (60, 58, 54), 0.13 * dish.r)
    dish.canvas.add_light(layer, 0.1 * dish.r)
