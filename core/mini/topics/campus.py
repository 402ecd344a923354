"""The topic campus: a university building, with or without students."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.buildings import campus_building
from core.mini.canvas import Canvas, Color, Point, mix, shade
from core.mini.figures import Pose, ground_shadow, person, sample_look, sway
from core.mini.light import Light
from core.mini.scene import Scene, crowd_label, in_order, new_seed, pick
from core.mini.sky import sky
from core.mini.sprites import grove
from core.mini.surfaces import beam_of_sun, lay, multiply

WALKING = Pose(legs=(9, 9), left=(22, 12), right=(22, 12))
TINTS: dict[str, Color] = {
    "in the morning": (255, 236, 208),
    "on a cloudy day": (226, 230, 238),
    "in the evening": (146, 154, 204),
}


@dataclass(frozen=True, kw_only=True)
class Campus(Scene):
    """A university building at some hour, with or without students walking past."""

    topic: ClassVar[str] = "campus"
    building: str
    hour: str
    students: int

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.15),
            building=pick(rng, ("a brick building", "a white building", "a glass building")),
            hour=pick(rng, ("in the morning", "on a cloudy day", "in the evening")),
            students=int(rng.integers(0, 4)),
        )

    @property
    def caption(self) -> str:
        who = ("", "a student walking past ", "two students walking past ", "three students walking past ")
        return f"{who[self.students]}{self.building} {self.hour}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("outdoors", *((crowd_label(self.students),) if self.students else ()))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wide, ground = canvas.aspect, place.uniform(0.64, 0.7)
        side = 1 if place.random() < 0.5 else -1
        tint = TINTS[self.hour]
        dim = 0.85 if self.hour == "in the evening" else 1.0
        rim = (110, 70, 20) if self.hour == "in the morning" else None
        canvas.light = Light(side=side, color=tint, tint=0.6, dim=dim, rim=rim)
        self._sky(canvas, place, motion, ground, side)
        far = [(x * wide, ground + 0.005, place.uniform(0.1, 0.2)) for x in place.uniform(-0.05, 1.05, 7).tolist()]
        grove(canvas, place, far, ("oak", "bush"), tint=mix(tint, (150, 170, 190), 0.35), side=side)
        kind = self.building.split()[1]
        box = (0.13 * wide, place.uniform(0.17, 0.24), 0.87 * wide, ground)
        campus_building(canvas, place, kind, box, tint=tint, side=side, evening=self.hour == "in the evening")
        self._ground(canvas, place, ground, side)
        if self.hour == "in the morning":
            self._long_shadows(canvas, place, ground, side)
        edge = place.uniform(0.02, 0.08)
        near = [((0.5 + s * (0.5 - edge)) * wide, ground + 0.05, place.uniform(0.3, 0.42)) for s in (-1, 1)]
        grove(canvas, place, near[: int(place.integers(1, 3))], ("oak", "birch"), tint=tint, side=side, motion=motion)
        self._students(canvas, place, motion, side)
        if self.hour == "in the morning":
            beam_of_sun(canvas, (0.5 + 0.5 * side) * wide, 0.2, (92, 54, 10), 1.0)

    def _sky(
        self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, ground: float, side: int
    ) -> None:
        drift, wide = motion.uniform(-0.15, 0.15), canvas.aspect
        if self.hour == "in the morning":
            sun = ((0.5 + side * 0.42) * wide, place.uniform(0.16, 0.3))
            high, low, glare = (84, 146, 216), (246, 206, 150), (255, 226, 160)
            lit, dark = (255, 240, 214), (214, 186, 180)
            sky(canvas, place, ground, high, low, sun=sun, glare=glare, clouds=0.25, lit=lit, dark=dark, drift=drift)
        elif self.hour == "on a cloudy day":
            lit, dark = (206, 210, 216), (146, 154, 166)
            sky(canvas, place, ground, (132, 142, 156), (190, 196, 204), clouds=0.9, lit=lit, dark=dark, drift=drift)
        else:
            lit, dark = (112, 96, 150), (44, 54, 104)
            sky(canvas, place, ground, (24, 38, 92), (122, 112, 164), clouds=0.3, lit=lit, dark=dark, drift=drift)

    def _ground(self, canvas: Canvas, place: np.random.Generator, ground: float, side: int) -> None:
        wide, grass, stone = canvas.aspect, (98, 144, 66), (190, 184, 174)
        canvas.gradient(ground, 1, shade(grass, 1.05), shade(grass, 0.75))
        lay(canvas, "grass", ground, 1, 0.3, place, flat=True)
        middle, end = place.uniform(0.42, 0.58) * wide, place.uniform(0.3, 0.7) * wide
        path: list[Point] = [(middle - 0.07, ground), (middle + 0.07, ground), (end + 0.4, 1.01), (end - 0.4, 1.01)]
        canvas.polygon(path, stone)
        canvas.polygon([(0, 0.8), (wide, 0.8), (wide, 0.95), (0, 0.95)], stone)
        canvas.line([(0, 0.8), (wide, 0.8)], shade(stone, 0.7), 0.004)
        canvas.line([(0, 0.95), (wide, 0.95)], shade(stone, 0.6), 0.006)
        for x in np.arange(-0.2, wide + 0.4, 0.19).tolist():
            canvas.line([(x, 0.8), (x + (x - middle) * 0.3, 0.95)], shade(stone, 0.84), 0.002)
        canvas.line([(0, 0.865), (wide, 0.865)], shade(stone, 0.88), 0.002)
        lay(canvas, "grit", 0.78, 1, 0.08, place, flat=True)
        tint = TINTS[self.hour]
        multiply(canvas, ground, 1, shade(tint, 1.0))

    def _long_shadows(self, canvas: Canvas, place: np.random.Generator, ground: float, side: int) -> None:
        layer = canvas.layer()
        for x in place.uniform(-0.2, 1.2, 4).tolist():
            foot = x * canvas.aspect
            tip = foot - side * place.uniform(0.5, 0.9)
            layer.polygon(
                [
                    (foot, ground + 0.04),
                    (foot + 0.03, ground + 0.04),
                    (tip + 0.05, ground + 0.2),
                    (tip - 0.05, ground + 0.2),
                ],
                (84, 78, 62),
            )
            layer.ellipse(tip - side * 0.1, ground + 0.21, 0.24, 0.035, (84, 78, 62))
        canvas.add_shadow(layer, 0.012)

    def _students(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, side: int) -> None:
        wide = canvas.aspect
        height = place.uniform(0.38, 0.43) * min(1.0, 0.35 + 0.6 * wide)
        span = 0.72 * wide / max(1, self.students)
        spots = []
        for i in range(self.students):
            x = 0.14 * wide + span * (i + 0.5 + place.uniform(-0.12, 0.12)) + motion.uniform(-0.03, 0.03)
            spots.append((x, place.uniform(0.85, 0.88)))
        if self.hour == "in the morning":
            layer = canvas.layer()
            for x, feet in spots:
                tip = (x - side * 1.1 * height, feet + 0.1 * height)
                layer.line([(x, feet), tip], (110, 102, 84), 0.07 * height)
                layer.ellipse(tip[0], tip[1], 0.08 * height, 0.03 * height, (110, 102, 84))
            canvas.add_shadow(layer, 0.006)
        ground_shadow(canvas, [(x, feet, 0.2 * height) for x, feet in spots])
        for x, feet in spots:
            look = sample_look(place)
            person(canvas, x, feet, height, look, sway(WALKING, motion, 11), back=bool(place.random() < 0.3))
