"""The topic food: plates on a table, from above."""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, shade
from core.mini.scene import NUMBERS, Scene, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Food(Scene):
    """Plates on a table, from above."""

    topic: ClassVar[str] = "food"
    dish: str
    count: int
    table: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.25),
            count=int(rng.integers(1, 5)),
            dish=pick(rng, ("pizza", "soup", "salad", "cake", "donuts")),
            table=pick(rng, ("wooden", "white", "dark", "blue")),
        )

    @property
    def caption(self) -> str:
        what = f"a plate of {self.dish}" if self.count == 1 else f"{NUMBERS[self.count]} plates of {self.dish}"
        return f"{what} on a {self.table} table"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("food", "indoors")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        tops: dict[str, Color] = {
            "wooden": (168, 116, 70),
            "white": (222, 218, 210),
            "dark": (62, 50, 44),
            "blue": (86, 118, 150),
        }
        top, wide = shade(tops[self.table], place.uniform(0.88, 1.08)), canvas.aspect
        canvas.gradient(0, 1, shade(top, 1.08), shade(top, 0.86))
        if self.table in ("wooden", "dark"):
            for y in np.arange(place.uniform(0, 0.1), 1, place.uniform(0.1, 0.2)):
                canvas.line([(0, float(y)), (wide, float(y))], shade(top, 0.7), 0.005)
            canvas.texture(0, 1, 0.14, place, stretch=9)
        else:
            step = place.uniform(0.1, 0.2)
            for i, x in enumerate(np.arange(0, wide, step)):
                if i % 2:
                    canvas.rect(float(x), 0, float(x + step), 1, shade(top, 0.93))
        columns = 1 if self.count == 1 else (2 if wide >= 1 or self.count > 2 else 1)
        rows = -(-self.count // columns)
        r = place.uniform(0.8, 0.95) * min(wide / columns, 1 / rows) / 2
        order = place.permutation(columns * rows)[: self.count]
        for cell in order:
            x = wide * (cell % columns + 0.5 + place.uniform(-0.06, 0.06)) / columns + motion.uniform(-0.04, 0.04)
            y = (cell // columns + 0.5 + place.uniform(-0.06, 0.06)) / rows + motion.uniform(-0.04, 0.04)
            self._plate(canvas, place, x, y, r * place.uniform(0.78, 1.0))
        for _ in range(int(place.integers(1, 4))):
            x, y, length = place.uniform(0.05, 0.95) * wide, place.uniform(0.1, 0.6), place.uniform(0.2, 0.3)
            canvas.line([(x, y), (x + 0.02, y + length)], (206, 208, 212), 0.014)
            canvas.ellipse(x, y, 0.022, 0.04, (216, 218, 222))

    def _plate(self, canvas: Canvas, place: np.random.Generator, x: float, y: float, r: float) -> None:
        shadow = canvas.layer()
        shadow.ellipse(x + 0.05 * r, y + 0.08 * r, 1.04 * r, 1.04 * r, (120, 120, 120))
        canvas.add_shadow(shadow, 0.015)
        china: Color = ((240, 238, 232), (226, 234, 240), (66, 74, 84), (216, 170, 130))[place.integers(4)]
        canvas.ellipse(x, y, r, r, china)
        canvas.ellipse(x, y, 0.8 * r, 0.8 * r, shade(china, 0.88))
        getattr(self, f"_{self.dish}")(canvas, place, x, y, 0.74 * r)

    def _scatter(
        self, place: np.random.Generator, x: float, y: float, r: float, count: int
    ) -> list[tuple[float, float]]:
        spots = zip(place.uniform(0, 360, count), r * np.sqrt(place.uniform(0, 1, count)), strict=True)
        return [(x + d * cos(radians(a)), y + d * sin(radians(a))) for a, d in spots]

    def _pizza(self, canvas: Canvas, place: np.random.Generator, x: float, y: float, r: float) -> None:
        canvas.ellipse(x, y, r, r, (204, 146, 76))
        canvas.ellipse(x, y, 0.88 * r, 0.88 * r, (238, 190, 84))
        for spot in self._scatter(place, x, y, 0.76 * r, int(place.integers(6, 14))):
            canvas.ellipse(*spot, 0.13 * r, 0.13 * r, (186, 48, 40))
            canvas.ellipse(spot[0] - 0.02 * r, spot[1] - 0.02 * r, 0.09 * r, 0.09 * r, (212, 72, 56))
        for spot in self._scatter(place, x, y, 0.8 * r, 9):
            canvas.ellipse(*spot, 0.07 * r, 0.03 * r, (70, 130, 60), angle=place.uniform(0, 180))
        turn = place.uniform(0, 60)
        for k in range(3):
            a = radians(turn + 60 * k)
            canvas.line([(x - r * cos(a), y - r * sin(a)), (x + r * cos(a), y + r * sin(a))], (196, 140, 66), 0.02 * r)

    def _soup(self, canvas: Canvas, place: np.random.Generator, x: float, y: float, r: float) -> None:
        broth: Color = ((222, 112, 44), (206, 168, 70), (150, 60, 40))[place.integers(3)]
        canvas.ellipse(x, y, r, r, shade(broth, 0.8))
        canvas.ellipse(x, y + 0.03 * r, 0.92 * r, 0.9 * r, broth)
        canvas.ellipse(x, y, 0.5 * r, 0.5 * r, shade(broth, 1.25), arc=(20, 250), outline=0.08 * r)
        for spot in self._scatter(place, x, y, 0.7 * r, int(place.integers(5, 14))):
            canvas.ellipse(*spot, 0.08 * r, 0.05 * r, (80, 150, 70), angle=place.uniform(0, 180))

    def _salad(self, canvas: Canvas, place: np.random.Generator, x: float, y: float, r: float) -> None:
        for spot in self._scatter(place, x, y, 0.78 * r, 34):
            canvas.ellipse(
                *spot,
                0.26 * r,
                0.13 * r,
                shade((96, 164, 62), place.uniform(0.65, 1.3)),
                angle=place.uniform(0, 180),
            )
        for spot in self._scatter(place, x, y, 0.7 * r, int(place.integers(4, 10))):
            canvas.ellipse(*spot, 0.13 * r, 0.13 * r, (206, 44, 40))
            canvas.ellipse(*spot, 0.08 * r, 0.08 * r, (232, 92, 76))

    def _cake(self, canvas: Canvas, place: np.random.Generator, x: float, y: float, r: float) -> None:
        cream: Color = ((246, 222, 214), (112, 66, 44), (250, 240, 214), (236, 160, 180))[place.integers(4)]
        canvas.ellipse(x, y + 0.1 * r, 0.86 * r, 0.86 * r, shade(cream, 0.72))
        canvas.ellipse(x, y, 0.86 * r, 0.86 * r, cream)
        ring, turn = int(place.integers(6, 12)), place.uniform(0, 60)
        for k in range(ring):
            a = radians(turn + 360 * k / ring)
            canvas.ellipse(x + 0.64 * r * cos(a), y + 0.64 * r * sin(a), 0.12 * r, 0.12 * r, (196, 30, 52))
        for spot in self._scatter(place, x, y, 0.4 * r, int(place.integers(1, 6))):
            canvas.line([spot, (spot[0], spot[1] - 0.24 * r)], (90, 150, 220), 0.06 * r)
            canvas.ellipse(spot[0], spot[1] - 0.3 * r, 0.05 * r, 0.08 * r, (255, 220, 110))

    def _donuts(self, canvas: Canvas, place: np.random.Generator, x: float, y: float, r: float) -> None:
        icing: Color = ((240, 140, 170), (110, 64, 42), (244, 232, 214), (150, 200, 230))[place.integers(4)]
        number, turn = int(place.integers(1, 4)), place.uniform(0, 120)
        size = 0.8 * r if number == 1 else 0.46 * r
        for k in range(number):
            a, far = radians(turn + 360 * k / number), 0.0 if number == 1 else 0.5 * r
            cx, cy = x + far * cos(a), y + far * sin(a)
            canvas.ellipse(cx, cy, size, size, (206, 150, 90))
            canvas.ellipse(cx, cy, 0.86 * size, 0.86 * size, icing)
            for spot in self._scatter(place, cx, cy, 0.75 * size, 16):
                canvas.line(
                    [spot, (spot[0] + 0.08 * size, spot[1] + place.uniform(-0.06, 0.06) * size)],
                    ((240, 70, 70), (250, 220, 80), (90, 170, 240))[place.integers(3)],
                    0.05 * size,
                )
            canvas.ellipse(cx, cy, 0.26 * size, 0.26 * size, (206, 150, 90))
            canvas.ellipse(cx, cy, 0.19 * size, 0.19 * size, (216, 214, 208))
