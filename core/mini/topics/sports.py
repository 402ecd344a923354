"""The topic sports: players with a ball on a field or in a hall."""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, mix, shade
from core.mini.figures import CLOTHES, RUNNING, Pose, ground_shadow, person, sample_look, sway
from core.mini.scene import NUMBERS, Scene, crowd_label, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Sports(Scene):
    """Players with a ball on a field or in a hall."""

    topic: ClassVar[str] = "sports"
    game: str
    count: int
    shirts: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            count=int(rng.integers(1, 6)),
            game=pick(rng, ("football", "basketball", "a race")),
            shirts=pick(rng, ("red", "blue", "yellow", "white", "orange", "purple")),
        )

    @property
    def caption(self) -> str:
        who = "a player" if self.count == 1 else f"{NUMBERS[self.count]} players"
        verb = (
            ("runs" if self.count == 1 else "run")
            if self.game == "a race"
            else ("plays" if self.count == 1 else "play")
        )
        where = "in a hall" if self.game == "basketball" else "outdoors"
        return f"{who} in {self.shirts} {verb} {self.game} {where}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("sports", "indoors" if self.game == "basketball" else "outdoors", crowd_label(self.count))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wide, horizon = canvas.aspect, place.uniform(0.34, 0.46)
        getattr(self, {"football": "_field", "basketball": "_hall", "a race": "_track"}[self.game])(
            canvas, place, horizon
        )
        feet = sorted(place.uniform(horizon + 0.34, 0.97, self.count))
        spots = [
            wide * (i + place.uniform(0.3, 0.7)) / self.count + motion.uniform(-0.09, 0.09)
            for i in place.permutation(self.count)
        ]
        sizes = [(0.3 + 0.35 * (foot - horizon)) * (1.25 if self.count < 3 else 1.0) for foot in feet]
        ground_shadow(canvas, [(x, foot, 0.24 * size) for x, foot, size in zip(spots, feet, sizes, strict=True)])
        for x, foot, size in zip(spots, feet, sizes, strict=True):
            look = sample_look(place, top=shade(CLOTHES[self.shirts], place.uniform(0.9, 1.05)))
            pose = RUNNING if place.random() < 0.5 else Pose(left=(-30, 60), right=(50, 110), legs=(20, 40), lean=-0.05)
            person(canvas, x, foot, size, look, sway(pose, motion, 26))
        ball = (
            place.uniform(0.1, 0.9) * wide + motion.uniform(-0.2, 0.2),
            place.uniform(0.45, 0.9) + motion.uniform(-0.1, 0.1),
        )
        if self.game == "football":
            canvas.ellipse(*ball, 0.032, 0.032, (240, 240, 238))
            for a in range(0, 360, 120):
                canvas.ellipse(
                    ball[0] + 0.018 * cos(radians(a)),
                    ball[1] + 0.018 * sin(radians(a)),
                    0.009,
                    0.009,
                    (30, 30, 34),
                )
        elif self.game == "basketball":
            canvas.ellipse(*ball, 0.042, 0.042, (190, 92, 32))
            canvas.ellipse(ball[0] - 0.006, ball[1] - 0.006, 0.034, 0.034, (224, 120, 50))
            canvas.line([(ball[0] - 0.04, ball[1]), (ball[0] + 0.04, ball[1])], (60, 34, 20), 0.004)

    def _stands(self, canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
        wide, wall = canvas.aspect, shade((150, 156, 166), place.uniform(0.7, 1.1))
        canvas.rect(0, horizon - 0.16, wide, horizon, wall)
        for _ in range(int(place.integers(40, 160))):
            x, y = place.uniform(0, wide), horizon - place.uniform(0.03, 0.15)
            canvas.ellipse(x, y, 0.009, 0.012, shade(list(CLOTHES.values())[place.integers(8)], 0.8))
            canvas.ellipse(x, y - 0.014, 0.006, 0.007, (190, 150, 120))
        canvas.rect(0, horizon - 0.03, wide, horizon, shade(list(CLOTHES.values())[place.integers(8)], 0.9))

    def _field(self, canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
        wide, sky, grass = (
            canvas.aspect,
            shade((140, 190, 234), place.uniform(0.85, 1.1)),
            shade((86, 150, 62), place.uniform(0.8, 1.1)),
        )
        canvas.gradient(0, horizon, sky, mix(sky, (255, 255, 255), 0.6))
        self._stands(canvas, place, horizon)
        stripes = int(place.integers(5, 10))
        for i in range(stripes):
            y = horizon + (1 - horizon) * (i / stripes) ** 1.3
            canvas.gradient(y, 1, shade(grass, 1.0 if i % 2 else 1.14), shade(grass, 0.95 if i % 2 else 1.1))
        canvas.texture(horizon, 1, 0.14, place, stretch=2)
        side = place.uniform(0.05, 0.6) * wide
        canvas.line(
            [(side, horizon), (side, horizon - 0.2), (side + 0.4, horizon - 0.2), (side + 0.4, horizon)],
            (245, 245, 245),
            0.01,
        )
        canvas.line([(0, horizon + 0.06), (wide, horizon + 0.06)], (236, 240, 232), 0.006)
        canvas.ellipse(place.uniform(0.2, 0.8) * wide, 0.86, 0.4, 0.14, (236, 240, 232), outline=0.008)

    def _hall(self, canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
        wide, wood = canvas.aspect, shade((206, 150, 92), place.uniform(0.8, 1.08))
        wall = shade(((96, 104, 124), (130, 116, 110), (84, 110, 112))[place.integers(3)], place.uniform(0.7, 1.1))
        canvas.gradient(0, horizon, shade(wall, 0.6), wall)
        self._stands(canvas, place, horizon)
        canvas.gradient(horizon, 1, shade(wood, 0.9), wood)
        vanish = place.uniform(0.3, 0.7) * wide
        for x in np.arange(-wide, 2 * wide, 0.12):
            canvas.line([(vanish + (x - vanish) * 0.4, horizon), (float(x), 1.0)], shade(wood, 0.8), 0.003)
        canvas.ellipse(place.uniform(0.3, 0.7) * wide, 0.76, 0.34, 0.13, (240, 236, 226), outline=0.01)
        x = place.uniform(0.12, 0.88) * wide
        canvas.line([(x, horizon), (x, 0.1)], (50, 52, 58), 0.018)
        canvas.rect(x - 0.13, 0.04, x + 0.13, 0.2, (238, 240, 242))
        canvas.line([(x - 0.05, 0.16), (x - 0.05, 0.09), (x + 0.05, 0.09), (x + 0.05, 0.16)], (200, 50, 40), 0.007)
        canvas.ellipse(x, 0.215, 0.06, 0.014, (230, 90, 40), outline=0.008)

    def _track(self, canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
        wide, clay = canvas.aspect, shade((190, 88, 62), place.uniform(0.8, 1.1))
        sky = shade((156, 198, 236), place.uniform(0.85, 1.1))
        canvas.gradient(0, horizon, sky, mix(sky, (255, 255, 255), 0.6))
        self._stands(canvas, place, horizon)
        canvas.gradient(horizon, 1, (104, 156, 80), (96, 146, 72))
        canvas.gradient(horizon + 0.1, 1, shade(clay, 0.9), clay)
        canvas.texture(horizon + 0.1, 1, 0.1, place, stretch=4)
        lanes, tilt = int(place.integers(4, 7)), place.uniform(-0.06, 0.06)
        for i in range(lanes + 1):
            y = horizon + 0.1 + (0.9 - horizon) * (i / lanes) ** 1.4
            canvas.line([(0, y - tilt * i / lanes), (wide, y + tilt * i / lanes)], (240, 232, 226), 0.007)
