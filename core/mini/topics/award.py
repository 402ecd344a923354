"""The topic award: winners with a cup or medals, and confetti."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, mix, shade
from core.mini.figures import CLOTHES, HOLDING_UP, person, sample_look, sway
from core.mini.props import trophy
from core.mini.scene import LIGHTS, NUMBERS, Scene, crowd_label, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Award(Scene):
    """Winners with a cup or medals, and confetti."""

    topic: ClassVar[str] = "award"
    count: int
    prize: str
    banner: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.2),
            count=int(rng.integers(1, 4)),
            prize=pick(rng, ("trophy", "medal", "certificate")),
            banner=pick(rng, ("red", "blue", "purple", "green")),
        )

    @property
    def caption(self) -> str:
        who = "a winner" if self.count == 1 else f"{NUMBERS[self.count]} winners"
        return f"{who} with a {self.prize} before a {self.banner} award banner"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("award", "indoors", crowd_label(self.count))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        cloth, wide = shade(CLOTHES[self.banner], place.uniform(0.7, 1.0)), canvas.aspect
        floor = place.uniform(0.82, 0.88)
        canvas.gradient(0, floor, shade(cloth, 0.9), shade(cloth, 0.6))
        self._emblems(canvas, place, mix(cloth, (255, 230, 150), 0.35))
        canvas.gradient(floor, 1, (120, 34, 40), (70, 18, 24))
        canvas.texture(floor, 1, 0.1, place)
        canvas.rect(0, floor, wide, floor + 0.014, (236, 196, 92))
        gold: Color = ((244, 200, 72), (206, 212, 220), (214, 140, 80))[place.integers(3)]
        height = min(place.uniform(0.5, 0.6), 0.95 * wide / (0.4 * self.count + 0.35))
        spots = [
            wide * ((i + 0.5) / self.count + place.uniform(-0.12, 0.12) / self.count) + motion.uniform(-0.05, 0.05)
            for i in range(self.count)
        ]
        steps = place.permutation([0.0, 0.05, 0.1])
        for i, x in enumerate(spots):
            canvas.rect(x - 0.2 * height, floor + 0.03 - steps[i], x + 0.2 * height, floor + 0.13, (224, 222, 216))
            canvas.rect(x - 0.2 * height, floor + 0.04 - steps[i], x + 0.2 * height, floor + 0.13, (188, 186, 182))
        for i, x in enumerate(spots):
            feet = floor + 0.03 - steps[i]
            hand = person(canvas, x, feet, height, sample_look(place), sway(HOLDING_UP, motion, 14))[1]
            if self.prize == "trophy":
                trophy(canvas, hand[0], hand[1], 0.11 * height, gold)
            elif self.prize == "medal":
                chest = (x, feet - 0.58 * height)
                canvas.line(
                    [
                        (x - 0.06 * height, feet - 0.8 * height),
                        chest,
                        (x + 0.06 * height, feet - 0.8 * height),
                    ],
                    (214, 44, 60),
                    0.016 * height,
                )
                canvas.ellipse(*chest, 0.05 * height, 0.05 * height, shade(gold, 0.75))
                canvas.ellipse(*chest, 0.036 * height, 0.036 * height, gold)
            else:
                w, h = 0.15 * height, 0.11 * height
                canvas.rect(hand[0] - w, hand[1] - 2 * h, hand[0] + w, hand[1], (250, 246, 232))
                canvas.rect(hand[0] - 0.7 * w, hand[1] - 1.6 * h, hand[0] + 0.7 * w, hand[1] - 1.45 * h, (90, 84, 78))
                canvas.ellipse(hand[0] + 0.55 * w, hand[1] - 0.5 * h, 0.022 * height, 0.022 * height, (200, 50, 50))
        for _ in range(int(place.integers(0, 90))):
            x, y, tilt = place.uniform(0, wide), motion.uniform(0, 1), place.uniform(-0.012, 0.012)
            color = list(LIGHTS.values())[place.integers(len(LIGHTS))]
            canvas.line([(x, y), (x + 0.012, y + tilt)], mix(color, (255, 255, 255), 0.2), 0.008)

    def _emblems(self, canvas: Canvas, place: np.random.Generator, color: Color) -> None:
        pitch, size = place.uniform(0.15, 0.28), place.uniform(0.025, 0.05)
        for row in range(int(0.85 / pitch) + 1):
            for column in range(int(canvas.aspect / pitch) + 2):
                x = (column + 0.5 * (row % 2) + place.uniform(-0.2, 0.2)) * pitch
                y = (row + 0.4 + place.uniform(-0.2, 0.2)) * pitch
                canvas.ellipse(
                    x,
                    y,
                    size,
                    size,
                    color,
                    outline=0.006,
                    arc=(0, place.uniform(120, 360)),
                    angle=place.uniform(0, 360),
                )
                canvas.line(
                    [(x - 0.6 * size, y + 1.5 * size), (x + place.uniform(0, 0.9) * size, y + 1.5 * size)],
                    color,
                    0.007,
                )
