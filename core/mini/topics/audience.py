"""The topic audience: rows of people seen from behind or from the stage."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, shade
from core.mini.figures import CLOTHES, head, sample_look
from core.mini.scene import NUMBERS, Scene, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Audience(Scene):
    """Rows of people seen from behind or from the stage."""

    topic: ClassVar[str] = "audience"
    rows: int
    mood: str
    seats: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            rows=int(rng.integers(3, 7)),
            mood=pick(rng, ("listening", "cheering", "filming")),
            seats=pick(rng, ("red", "blue", "green", "purple")),
        )

    @property
    def caption(self) -> str:
        return f"{NUMBERS[self.rows]} rows of an audience {self.mood} in {self.seats} seats"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("audience", "indoors", "people")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wall = shade(
            ((96, 84, 80), (80, 88, 104), (112, 100, 84), (70, 66, 82))[place.integers(4)],
            place.uniform(0.7, 1.3),
        )
        top = place.uniform(0.16, 0.3)
        canvas.gradient(0, top + 0.2, shade(wall, 0.6), wall)
        for x in np.arange(place.uniform(0, 0.2), canvas.aspect, place.uniform(0.2, 0.35)):
            canvas.rect(x, 0, x + 0.015, top + 0.2, shade(wall, 0.7))
        lamps = canvas.layer()
        for _ in range(int(place.integers(2, 7))):
            lamps.ellipse(place.uniform(0, canvas.aspect), place.uniform(0.02, top), 0.03, 0.03, (230, 200, 150))
        canvas.add_light(lamps, 0.02)
        cloth = CLOTHES[self.seats]
        for row in range(self.rows):
            depth = (row + 1) / self.rows
            y, r = (
                top + (0.98 - top) * (row + 0.35) / self.rows,
                (0.5 + 0.5 * depth) * 0.3 / (self.rows + 1.2),
            )
            canvas.gradient(y + 1.6 * r, 1, shade(cloth, 0.3 + 0.2 * depth), shade(cloth, 0.25))
            x = place.uniform(-0.5, 0.5) * r
            while x < canvas.aspect + r:
                self._seat(canvas, place, motion, x, y, r, shade(cloth, 0.55 + 0.45 * depth))
                x += 3.1 * r

    def _seat(
        self,
        canvas: Canvas,
        place: np.random.Generator,
        motion: np.random.Generator,
        x: float,
        y: float,
        r: float,
        cloth: Color,
    ) -> None:
        canvas.ellipse(x, y + 1.9 * r, 1.4 * r, 1.1 * r, shade(cloth, 0.8))
        canvas.rect(x - 1.4 * r, y + 1.9 * r, x + 1.4 * r, y + 3.4 * r, cloth)
        empty, look = place.random() < 0.13, sample_look(place)
        dx, dy, raised = motion.uniform(-0.6, 0.6) * r, motion.uniform(-0.35, 0.2) * r, motion.random()
        if empty:
            return
        x, y = x + dx, y + dy
        canvas.ellipse(x, y + 2.5 * r, 1.25 * r, 1.4 * r, shade(look.top, 0.85))
        canvas.rect(x - 1.25 * r, y + 2.5 * r, x + 1.25 * r, y + 3.4 * r, shade(look.top, 0.85))
        head(canvas, x, y, 0.8 * r, look, turn=motion.uniform(-1, 1))
        if self.mood == "cheering" and raised < 0.6:
            for side in (-1, 1):
                hand = (x + side * 1.5 * r, y - motion.uniform(0.8, 1.6) * r)
                canvas.line([(x + side * 1.1 * r, y + 1.8 * r), hand], shade(look.top, 0.7), 0.42 * r)
                canvas.ellipse(*hand, 0.32 * r, 0.32 * r, look.skin)
        elif self.mood == "filming" and raised < 0.45:
            hand = (x + 1.0 * r, y - motion.uniform(0.6, 1.2) * r)
            canvas.line([(x + 1.0 * r, y + 1.8 * r), hand], shade(look.top, 0.7), 0.42 * r)
            canvas.rect(hand[0] - 0.32 * r, hand[1] - 0.7 * r, hand[0] + 0.32 * r, hand[1] + 0.2 * r, (20, 20, 24))
            canvas.rect(hand[0] - 0.25 * r, hand[1] - 0.6 * r, hand[0] + 0.25 * r, hand[1] + 0.1 * r, (150, 200, 250))
