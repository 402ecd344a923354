"""The topic group photo: friends side by side, all looking at the camera."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, mix, shade
from core.mini.figures import CHEERING, CLOTHES, STANDING, ground_shadow, person, sample_look, sway
from core.mini.props import trees
from core.mini.scene import LIGHTS, NUMBERS, Scene, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class GroupPhoto(Scene):
    """Friends side by side, all looking at the camera."""

    topic: ClassVar[str] = "group photo"
    count: int
    shirts: str
    place: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            count=int(rng.integers(4, 10)),
            shirts=pick(rng, (*CLOTHES, "mixed")),
            place=pick(rng, ("on a lawn", "on the steps", "in a hall")),
        )

    @property
    def caption(self) -> str:
        return f"a group photo of {NUMBERS[self.count]} people in {self.shirts} shirts {self.place}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("group photo", "people", "indoors" if self.place == "in a hall" else "outdoors")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        floor = place.uniform(0.6, 0.68)
        self._place(canvas, place, floor)
        back = self.count // 2 if self.count > 5 else 0
        front, wide = self.count - back, canvas.aspect
        height = min(place.uniform(0.54, 0.66), 0.98 * wide / (0.34 * front + 0.2))
        margin = max(0.05, (wide - front * 0.34 * height) / 2) * place.uniform(0.5, 1)
        for number, feet in ((back, floor + 0.14), (front, floor + place.uniform(0.24, 0.28))):
            span = (wide - 2 * margin) / max(1, front)
            start = margin + (span / 2 if number < front else 0)
            spots = [
                start + span * (i + 0.5 + place.uniform(-0.1, 0.1)) + motion.uniform(-0.02, 0.02) for i in range(number)
            ]
            sizes = [height * place.uniform(0.9, 1.05) for _ in spots]
            ground_shadow(canvas, [(x, feet, 0.17 * height) for x in spots])
            for x, size in zip(spots, sizes, strict=True):
                top = None if self.shirts == "mixed" else shade(CLOTHES[self.shirts], place.uniform(0.88, 1.05))
                pose = CHEERING if motion.random() < 0.2 else STANDING
                person(canvas, x, feet, size, sample_look(place, top=top), sway(pose, motion, 16))

    def _place(self, canvas: Canvas, place: np.random.Generator, floor: float) -> None:
        wide = canvas.aspect
        if self.place == "on a lawn":
            sky = shade((150, 196, 236), place.uniform(0.85, 1.1))
            canvas.gradient(0, floor, sky, mix(sky, (255, 255, 255), 0.6))
            trees(canvas, place, floor, int(place.integers(3, 9)), 1.3)
            canvas.gradient(floor, 1, shade((112, 162, 72), place.uniform(0.8, 1.1)), (78, 122, 52))
            canvas.texture(floor, 1, 0.22, place, stretch=2)
        elif self.place == "on the steps":
            stone = shade(
                ((200, 188, 168), (184, 178, 172), (204, 172, 142))[place.integers(3)],
                place.uniform(0.85, 1.05),
            )
            canvas.gradient(0, floor, shade(stone, 0.9), shade(stone, 0.8))
            for x in np.arange(place.uniform(0, 0.15), wide, place.uniform(0.22, 0.4)):
                canvas.rect(x, 0, x + 0.07, floor, shade(stone, 1.12))
                canvas.rect(x + 0.05, 0, x + 0.07, floor, shade(stone, 0.8))
            for i, y in enumerate(np.arange(floor, 1.05, 0.07)):
                canvas.gradient(float(y), 1, shade(stone, 1.1 - 0.04 * i), shade(stone, 0.78))
                canvas.rect(0, float(y), wide, float(y) + 0.006, shade(stone, 0.6))
        else:
            wall = shade(
                ((170, 148, 128), (138, 152, 162), (158, 140, 156))[place.integers(3)],
                place.uniform(0.8, 1.1),
            )
            canvas.gradient(0, floor, shade(wall, 0.75), wall)
            for x in np.arange(place.uniform(0.05, 0.2), wide, place.uniform(0.3, 0.5)):
                canvas.rect(x, 0.1, x + 0.17, 0.36, (70, 54, 42))
                canvas.rect(x + 0.015, 0.115, x + 0.155, 0.345, shade(list(LIGHTS.values())[place.integers(6)], 0.75))
            canvas.gradient(floor, 1, shade((158, 112, 72), place.uniform(0.7, 1.0)), (92, 62, 40))
            for x in np.arange(-1, 2 * wide, 0.13):
                canvas.line([(0.5 * wide + (x - 0.5 * wide) * 0.6, floor), (x, 1.0)], (100, 70, 46), 0.003)
