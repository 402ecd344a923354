"""The topic food: plates on a table, from above."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np

from core.mini import dishes
from core.mini.canvas import Canvas, Color, Point, mix, shade
from core.mini.dishes import CHINA, Dish
from core.mini.scene import NUMBERS, Scene, in_order, new_seed, pick
from core.mini.surfaces import beam_of_sun, lay

TOPS: dict[str, Color] = {
    "wooden": (182, 120, 68),
    "white": (232, 228, 220),
    "dark": (56, 46, 44),
    "blue": (62, 110, 176),
}


@dataclass(frozen=True, kw_only=True)
class Food(Scene):
    """Plates on a table, from above."""

    topic: ClassVar[str] = "food"
    dish: str
    count: int
    table: str
    drink: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.25),
            count=int(rng.integers(1, 5)),
            dish=pick(rng, ("pizza", "soup", "salad", "cake", "donuts")),
            table=pick(rng, ("wooden", "white", "dark", "blue")),
            drink=bool(rng.random() < 0.5),
        )

    @property
    def caption(self) -> str:
        what = f"a plate of {self.dish}" if self.count == 1 else f"{NUMBERS[self.count]} plates of {self.dish}"
        return f"{what} on a {self.table} table{' with a cup of coffee' if self.drink else ''}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("food", "indoors")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        self._table(canvas, place)
        wide, squash = canvas.aspect, place.uniform(0.62, 0.76 if self.dish == "cake" else 0.9)
        spots, r = self._spots(place, wide)
        r *= place.uniform(0.9, 1.0)
        spots = [
            (x + place.uniform(-0.02, 0.02) + motion.uniform(-0.04, 0.04), y + motion.uniform(-0.035, 0.035))
            for x, y in spots
        ]
        cup = spots.pop(int(place.integers(len(spots)))) if self.drink else None
        self._shadows(canvas, spots, cup, r, squash)
        china = CHINA[place.integers(len(CHINA))]
        if self.table == "white":
            china = (176, 196, 206) if place.random() < 0.5 else (206, 182, 150)
        everything = [(spot, False) for spot in spots] + ([(cup, True)] if cup else [])
        for (x, y), is_cup in sorted(everything, key=lambda item: item[0][1]):
            if is_cup:
                dish = Dish(canvas=canvas, x=x, y=y + 0.2 * r, r=0.72 * r, squash=squash)
                dishes.coffee(dish, place)
                dishes.steam(dish, motion, 0.8)
            else:
                lift = {"cake": 0.2, "soup": 0.12}.get(self.dish, 0.0) * r
                dish = Dish(canvas=canvas, x=x, y=y + lift, r=r * place.uniform(0.94, 1.0), squash=squash)
                dishes.plate(dish, china)
                getattr(dishes, self.dish)(dish, place)
                if self.dish == "soup":
                    dishes.steam(dish, motion, 0.4)
        corner = (0.0 if place.random() < 0.5 else wide, 0.0)
        beam_of_sun(canvas, *corner, shade((90, 70, 40), place.uniform(0.3, 1.0)), 1.6)

    def _spots(self, place: np.random.Generator, wide: float) -> tuple[list[Point], float]:
        """The middles of all that stands on the table, and the radius of a plate."""
        number = self.count + self.drink
        if wide > 1:
            plans: dict[int, tuple[list[Point], float]] = {
                1: ([(0.5, 0.5)], 0.36),
                2: ([(0.3, 0.5), (0.7, 0.5)], 0.25),
                3: ([(0.24, 0.36), (0.52, 0.67), (0.78, 0.34)], 0.215),
                4: ([(0.3, 0.3), (0.7, 0.3), (0.3, 0.71), (0.7, 0.71)], 0.21),
                5: ([(0.2, 0.3), (0.5, 0.3), (0.8, 0.3), (0.35, 0.71), (0.65, 0.71)], 0.185),
            }
        else:
            plans = {
                1: ([(0.5, 0.5)], 0.3),
                2: ([(0.5, 0.3), (0.5, 0.7)], 0.21),
                3: ([(0.5, 0.22), (0.32, 0.52), (0.64, 0.78)], 0.165),
                4: ([(0.29, 0.3), (0.71, 0.3), (0.29, 0.7), (0.71, 0.7)], 0.15),
                5: ([(0.29, 0.22), (0.71, 0.22), (0.5, 0.5), (0.29, 0.78), (0.71, 0.78)], 0.135),
            }
        spots, r = plans[number]
        flip, turn = place.random() < 0.5, place.random() < 0.5
        shifts = place.uniform(-0.012, 0.012, (number, 2)).tolist()
        return [
            (((1 - x) if flip else x) * wide + dx, ((1 - y) if turn else y) + dy)
            for (x, y), (dx, dy) in zip(spots, shifts, strict=True)
        ], r

    def _shadows(self, canvas: Canvas, spots: list[Point], cup: Point | None, r: float, squash: float) -> None:
        layer = canvas.layer()
        for x, y in spots:
            layer.ellipse(x + 0.12 * r, y + 0.16 * r, 1.04 * r, 1.02 * r * squash, (130, 130, 124))
        if cup:
            layer.ellipse(cup[0] + 0.14 * r, cup[1] + 0.3 * r, 0.72 * r, 0.66 * r * squash, (130, 130, 124))
        canvas.add_shadow(layer, 0.016)

    def _table(self, canvas: Canvas, place: np.random.Generator) -> None:
        top, wide = shade(TOPS[self.table], place.uniform(0.93, 1.05)), canvas.aspect
        if self.table in ("wooden", "dark"):
            edges = [-0.05, *np.cumsum(place.uniform(0.13, 0.22, 9)).tolist()]
            for y0, y1 in pairwise(edges):
                if y0 < 1:
                    plank = shade(top, place.uniform(0.84, 1.08))
                    canvas.rect(0, y0, wide, y1, plank)
                    canvas.rect(0, y0, wide, y0 + 0.3 * (y1 - y0), shade(plank, 1.04))
            lay(canvas, "wood", 0, 1, 0.4 if self.table == "wooden" else 0.2, place)
            for y in edges[1:]:
                canvas.line([(0, y), (wide, y)], shade(top, 0.42), 0.004)
                canvas.line([(0, y + 0.005), (wide, y + 0.005)], shade(top, 1.2), 0.002)
            return
        canvas.gradient(0, 1, shade(top, 1.1), shade(top, 0.82))
        stripe = mix(top, (255, 255, 255) if self.table == "blue" else (150, 160, 176), 0.14)
        step, slope = place.uniform(0.13, 0.24), place.uniform(-0.25, 0.25)
        for x in np.arange(-0.4, wide + 0.4, step).tolist():
            canvas.polygon([(x, 0), (x + 0.3 * step, 0), (x + 0.3 * step + slope, 1), (x + slope, 1)], stripe)
        folds = canvas.layer()
        for _ in range(3):
            x, bend = place.uniform(0, wide), place.uniform(-0.3, 0.3)
            folds.line([(x, -0.05), (x + 0.6 * bend, 0.5), (x + bend, 1.05)], (40, 40, 36), 0.03)
        canvas.add_shadow(folds, 0.03)
        lay(canvas, "cloth", 0, 1, 0.1, place)
