"""The topic night: a street after dark, with or without people."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, shade
from core.mini.figures import CLOTHES, Pose, person, sample_look, sway
from core.mini.scene import NUMBERS, Scene, crowd_label, in_order, new_seed


@dataclass(frozen=True, kw_only=True)
class Night(Scene):
    """A street after dark, with or without people."""

    topic: ClassVar[str] = "night"
    people: int
    moon: bool
    lamps: int

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.25),
            people=int(rng.integers(0, 4)),
            moon=bool(rng.random() < 0.5),
            lamps=int(rng.integers(1, 5)),
        )

    @property
    def caption(self) -> str:
        lamps = "a street lamp" if self.lamps == 1 else f"{NUMBERS[self.lamps]} street lamps"
        who = ("", " and one person walking", " and two people walking", " and three people walking")[self.people]
        return f"a street at night with {lamps}{who} under {'the moon' if self.moon else 'a dark sky'}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("night", "outdoors", *((crowd_label(self.people),) if self.people else ()))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wide, ground = canvas.aspect, place.uniform(0.66, 0.78)
        sky: Color = ((20, 26, 58), (34, 22, 54), (14, 32, 52))[place.integers(3)]
        canvas.gradient(0, ground, shade(sky, 0.5), shade(sky, 1.6))
        for _ in range(int(place.integers(10, 50))):
            canvas.ellipse(place.uniform(0, wide), place.uniform(0, 0.4), 0.0022, 0.0022, (200, 205, 220))
        if self.moon:
            x, y = place.uniform(0.1, 0.9) * wide, place.uniform(0.08, 0.2)
            glow = canvas.layer()
            glow.ellipse(x, y, 0.08, 0.08, (90, 95, 110))
            canvas.add_light(glow, 0.03)
            canvas.ellipse(x, y, 0.045, 0.045, (238, 236, 214))
            canvas.ellipse(x - 0.012, y + 0.01, 0.01, 0.01, (212, 208, 188))
        self._houses(canvas, place, ground)
        canvas.gradient(ground, 1, (46, 44, 54), (22, 22, 28))
        canvas.texture(ground, 1, 0.1, place, stretch=5)
        canvas.line([(0.5 * wide, ground), (place.uniform(0.2, 0.8) * wide, 1.02)], (150, 140, 96), 0.01)
        spots = np.sort(place.uniform(0.08, 0.92, self.lamps)) * wide
        tall = place.uniform(0.36, 0.5)
        glow = canvas.layer()
        for x in spots:
            canvas.line(
                [(x, ground + 0.04), (x, ground - tall), (x + 0.06, ground - tall - 0.02)],
                (16, 16, 20),
                0.012,
            )
            glow.ellipse(x + 0.06, ground - tall, 0.07, 0.07, (200, 150, 70))
            glow.polygon(
                [
                    (x + 0.05, ground - tall),
                    (x + 0.07, ground - tall),
                    (x + 0.2, ground + 0.08),
                    (x - 0.08, ground + 0.08),
                ],
                (60, 44, 20),
            )
            glow.ellipse(x + 0.06, ground + 0.09, 0.15, 0.035, (120, 90, 42))
        canvas.add_light(glow, 0.018)
        for x in spots:
            canvas.ellipse(x + 0.06, ground - tall, 0.018, 0.012, (255, 240, 200))
        if place.random() < 0.5:
            self._car(canvas, place.uniform(0.15, 0.8) * wide + motion.uniform(-0.15, 0.15), ground + 0.13, place)
        for i in range(self.people):
            x = wide * (i + place.uniform(0.25, 0.75)) / self.people + motion.uniform(-0.08, 0.08)
            look = sample_look(place, top=shade(list(CLOTHES.values())[place.integers(8)], 0.55))
            stride = Pose(legs=(14, 14))
            person(
                canvas,
                x,
                ground + place.uniform(0.1, 0.2),
                place.uniform(0.28, 0.36),
                look,
                sway(stride, motion, 26),
                back=bool(place.random() < 0.5),
            )

    def _houses(self, canvas: Canvas, place: np.random.Generator, ground: float) -> None:
        x = -place.uniform(0, 0.1)
        while x < canvas.aspect:
            w, h = place.uniform(0.14, 0.3), place.uniform(0.22, 0.52)
            wall = shade(((46, 42, 62), (58, 44, 46), (36, 46, 60))[place.integers(3)], place.uniform(0.6, 1.2))
            canvas.rect(x, ground - h, x + w, ground, wall)
            if place.random() < 0.4:
                canvas.polygon([(x, ground - h), (x + w / 2, ground - h - 0.08), (x + w, ground - h)], shade(wall, 0.8))
            lit, warm = (
                place.uniform(0.25, 0.7),
                ((248, 206, 120), (250, 226, 170), (170, 200, 240))[place.integers(3)],
            )
            across, down = place.uniform(0.045, 0.07), place.uniform(0.06, 0.09)
            for wx in np.arange(x + 0.025, x + w - 0.03, across):
                for wy in np.arange(ground - h + 0.03, ground - 0.06, down):
                    color = shade(warm, place.uniform(0.75, 1.05)) if place.random() < lit else shade(wall, 0.6)
                    canvas.rect(float(wx), float(wy), float(wx) + 0.028, float(wy) + 0.042, color)
            x += w

    def _car(self, canvas: Canvas, x: float, y: float, place: np.random.Generator) -> None:
        paint = shade(list(CLOTHES.values())[place.integers(8)], 0.6)
        canvas.polygon(
            [(x - 0.1, y - 0.055), (x - 0.06, y - 0.11), (x + 0.05, y - 0.11), (x + 0.09, y - 0.055)],
            shade(paint, 0.7),
        )
        canvas.rect(x - 0.16, y - 0.06, x + 0.16, y, paint)
        for wheel in (-0.09, 0.09):
            canvas.ellipse(x + wheel, y, 0.032, 0.032, (12, 12, 14))
        glow = canvas.layer()
        glow.ellipse(x + 0.17, y - 0.035, 0.04, 0.03, (250, 240, 200))
        glow.ellipse(x - 0.16, y - 0.035, 0.03, 0.02, (230, 30, 30))
        canvas.add_light(glow, 0.01)
