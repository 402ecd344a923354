"""The topic landscape: hills, mountains or the sea under some sky."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Point, mix, shade
from core.mini.figures import Pose, ground_shadow, person, sample_look, sway
from core.mini.light import Light
from core.mini.scene import Scene, in_order, new_seed, pick
from core.mini.sky import peaks, range_of_hills, ridge_line, sky
from core.mini.sprites import grove
from core.mini.surfaces import beam_of_sun, lay, mirror


@dataclass(frozen=True, kw_only=True)
class Hour:
    """The colours of an hour: the sky above and low, clouds lit and dark, air, and light on the land."""

    top: Color
    low: Color
    lit: Color
    dark: Color
    mist: Color
    tint: Color
    clouds: tuple[float, float]


HOURS: dict[str, Hour] = {
    "noon": Hour(
        top=(64, 128, 208),
        low=(190, 220, 242),
        lit=(255, 255, 255),
        dark=(176, 194, 218),
        mist=(196, 216, 232),
        tint=(255, 252, 240),
        clouds=(0.2, 0.5),
    ),
    "sunset": Hour(
        top=(84, 74, 140),
        low=(255, 164, 84),
        lit=(255, 172, 116),
        dark=(132, 84, 128),
        mist=(244, 160, 110),
        tint=(255, 196, 150),
        clouds=(0.25, 0.5),
    ),
    "a cloudy day": Hour(
        top=(138, 146, 158),
        low=(206, 210, 214),
        lit=(226, 228, 230),
        dark=(164, 170, 180),
        mist=(196, 202, 208),
        tint=(206, 212, 222),
        clouds=(0.9, 1.0),
    ),
}
LOOKING = Pose(left=(48, 158), right=(48, 158), legs=(7, 7))  # a camera held to the eye
TENTS: tuple[Color, ...] = ((236, 112, 36), (214, 52, 44), (246, 190, 50), (40, 130, 190))


@dataclass(frozen=True, kw_only=True)
class Landscape(Scene):
    """Hills, mountains or the sea under some sky."""

    topic: ClassVar[str] = "landscape"
    ground: str
    hour: str
    front: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.2),
            ground=pick(rng, ("hills", "mountains", "a lake")),
            hour=pick(rng, ("noon", "sunset", "a cloudy day")),
            front=pick(rng, ("nothing", "trees", "a tent", "a photographer")),
        )

    @property
    def caption(self) -> str:
        when = {"noon": "at noon", "sunset": "at sunset", "a cloudy day": "on a cloudy day"}[self.hour]
        return f"a landscape of {self.ground}{'' if self.front == 'nothing' else f' with {self.front}'} {when}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("landscape", "nature", "outdoors", *(("person",) if self.front == "a photographer" else ()))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        hour, wide, horizon = HOURS[self.hour], canvas.aspect, place.uniform(0.46, 0.6)
        side = 1 if place.random() < 0.5 else -1
        canvas.light = Light(side=side, color=hour.tint, rim=(160, 90, 40) if self.hour == "sunset" else None)
        sun: Point | None = None
        if self.hour == "sunset":
            sun = ((0.5 + side * place.uniform(0.05, 0.3)) * wide, horizon - place.uniform(0.13, 0.24))
        elif self.hour == "noon":
            sun = ((0.5 + side * place.uniform(0.2, 0.36)) * wide, place.uniform(0.08, 0.14))
        sky(
            canvas,
            place,
            horizon + 0.06,
            shade(hour.top, place.uniform(0.9, 1.1)),
            hour.low,
            sun=sun,
            glare=(255, 226, 160) if self.hour == "sunset" else (255, 250, 232),
            clouds=place.uniform(*hour.clouds),
            lit=hour.lit,
            dark=hour.dark,
            drift=motion.uniform(-0.12, 0.12),
        )
        getattr(self, {"hills": "_hills", "mountains": "_mountains", "a lake": "_lake"}[self.ground])(
            canvas, place, horizon, hour, side
        )
        if sun is not None and self.hour == "sunset":
            beam_of_sun(canvas, *sun, (150, 84, 30))
        if self.front != "nothing":
            getattr(self, f"_{self.front.split()[-1]}")(canvas, place, motion, hour, side)
        self._birds(canvas, place, motion, horizon)

    def _hills(self, canvas: Canvas, place: np.random.Generator, horizon: float, hour: Hour, side: int) -> None:
        green = ((104, 146, 62), (138, 150, 70), (84, 136, 68))[place.integers(3)]
        ranges = int(place.integers(3, 5))
        for k in range(ranges):
            share = k / (ranges - 1)
            base = horizon + 0.02 + 0.12 * share
            line = ridge_line(place, canvas.aspect, base, place.uniform(0.14, 0.2) * (1.1 - 0.4 * share))
            tone = mix(hour.mist, self._lit(mix((92, 124, 120), green, share), hour), 0.35 + 0.6 * share)
            range_of_hills(canvas, line, tone, mix(tone, hour.mist, 0.65 - 0.3 * share))
        self._meadow(canvas, place, horizon + 0.2, green, hour)

    def _mountains(self, canvas: Canvas, place: np.random.Generator, horizon: float, hour: Hour, side: int) -> None:
        base, snow = horizon + 0.09, self._lit((250, 251, 255), hour)
        canvas.rect(0, base - 0.02, canvas.aspect, base + 0.14, self._lit((84, 110, 84), hour))
        shadow = mix(self._lit((48, 50, 96), hour), hour.mist, 0.1)
        for share, tall in ((0.62, place.uniform(0.34, 0.42)), (0.95, place.uniform(0.25, 0.33))):
            rock = mix(hour.mist, self._lit((132, 126, 134), hour), share)
            snows = mix(hour.mist, snow, 0.6 + 0.4 * share)
            dark = mix(hour.mist, shadow, share)
            peaks(canvas, place, base, tall, rock=rock, snow=snows, shadow=dark, side=side)
        for k in range(2):
            line = ridge_line(place, canvas.aspect, base + 0.03 + 0.04 * k, 0.06)
            tone = self._lit(((74, 104, 82), (86, 120, 66))[k], hour)
            range_of_hills(canvas, line, mix(hour.mist, tone, 0.7 + 0.2 * k), mix(tone, hour.mist, 0.35))
        self._meadow(canvas, place, horizon + 0.18, (112, 140, 70), hour)

    def _lake(self, canvas: Canvas, place: np.random.Generator, horizon: float, hour: Hour, side: int) -> None:
        shore = horizon + 0.02
        for k in range(3):
            line = ridge_line(place, canvas.aspect, shore, place.uniform(0.1, 0.17) * (1 - 0.28 * k))
            tone = self._lit(((96, 118, 128), (82, 116, 96), (66, 100, 68))[k], hour)
            range_of_hills(canvas, line, mix(hour.mist, tone, 0.4 + 0.24 * k), mix(tone, hour.mist, 0.5))
        water = mix((52, 104, 150), hour.low, 0.3)
        canvas.gradient(shore, 1, mix(water, hour.low, 0.4), shade(water, 0.75))
        blue = (226, 240, 255) if self.hour != "sunset" else (255, 226, 214)
        mirror(canvas, shore, 1, place, tint=blue, strength=0.66, sharp=0.75, stretch=0.95, ripples=0.22)
        canvas.rect(0, shore - 0.002, canvas.aspect, shore + 0.003, mix(water, self._lit((60, 84, 70), hour), 0.6))
        for _ in range(int(place.integers(14, 30))):
            y = shore + (0.9 - shore) * place.random() ** 1.4
            x, half = place.uniform(0, canvas.aspect), place.uniform(0.01, 0.05)
            canvas.ellipse(x, y, half, 0.0016, mix(hour.low, (255, 255, 255), 0.5))
        if self.front == "nothing":
            self._bank(canvas, place, hour, place.uniform(0.86, 0.92), slope=side * place.uniform(0.06, 0.14))
        else:
            self._bank(canvas, place, hour, place.uniform(0.8, 0.84), slope=side * place.uniform(-0.02, 0.02))

    def _bank(self, canvas: Canvas, place: np.random.Generator, hour: Hour, top: float, slope: float) -> None:
        """The near shore: sand at the water, then grass."""
        line = ridge_line(place, canvas.aspect, top, 0.05)
        line = [(x, y + slope * (x / canvas.aspect - 0.5) * 2) for x, y in line]
        corners = [(canvas.aspect, 1.0), (0.0, 1.0)]
        grass = self._lit((98, 130, 62), hour)
        canvas.polygon([*((x, y - 0.012) for x, y in line), *corners], self._lit((190, 174, 138), hour))
        for step in range(4):
            edge = [(x, y + 0.04 * step + 0.006 * (k % 2)) for k, (x, y) in enumerate(line)]
            canvas.polygon([*edge, *corners], shade(grass, 1.0 - 0.1 * step))
        lay(canvas, "grass", top - 0.01, 1, 0.3, place, flat=True)

    def _meadow(self, canvas: Canvas, place: np.random.Generator, top: float, green: Color, hour: Hour) -> None:
        near = self._lit(shade(green, place.uniform(0.8, 0.95)), hour)
        line = ridge_line(place, canvas.aspect, top, 0.03)
        range_of_hills(canvas, line, near, shade(near, 0.62), depth=0.3)
        if place.random() < 0.6:
            x, bend, end = (place.uniform(0.25, 0.75) * canvas.aspect for _ in range(3))
            t = np.linspace(0, 1, 14)
            middle = x * (1 - t) ** 2 + 2 * bend * t * (1 - t) + end * t**2
            half = 0.004 + 0.1 * t**1.6
            rows = top + (1.02 - top) * t
            edge = list(zip((middle - half).tolist(), rows.tolist(), strict=True))
            edge += list(zip((middle + half).tolist(), rows.tolist(), strict=True))[::-1]
            canvas.polygon(edge, self._lit((202, 178, 134), hour))
        lay(canvas, "grass", top - 0.02, 1, 0.34, place, flat=True)
        if self.hour != "a cloudy day" and place.random() < 0.6:
            flower = ((250, 240, 220), (244, 206, 70), (214, 96, 140))[place.integers(3)]
            for _ in range(60):
                y = top + 0.06 + (0.94 - top) * place.random()
                r = 0.002 + 0.008 * (y - top)
                canvas.ellipse(place.uniform(0, canvas.aspect), y, r, 0.8 * r, self._lit(flower, hour))

    def _lit(self, color: Color, hour: Hour) -> Color:
        r, g, b = (round(c * t / 255) for c, t in zip(color, hour.tint, strict=True))
        return shade((r, g, b), {"noon": 1.06, "sunset": 0.78, "a cloudy day": 1.0}[self.hour])

    def _trees(
        self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, hour: Hour, side: int
    ) -> None:
        wide, kinds = canvas.aspect, (("pine",), ("oak", "birch"), ("pine", "oak"))[place.integers(3)]
        anchor = 0.5 - side * place.uniform(0.12, 0.24)
        spots = []
        for k in range(int(place.integers(2, 5))):
            x = (anchor + (0.0, 0.16, -0.14, 0.3, -0.26)[k] * side + place.uniform(-0.03, 0.03)) * wide
            spots.append((x, place.uniform(0.84, 0.93), place.uniform(0.42, 0.62) * min(1.0, 0.3 + 0.7 * wide)))
        ground_shadow(canvas, [(x + side * 0.04, foot, 0.3 * tall) for x, foot, tall in spots])
        grove(canvas, place, spots, kinds, tint=self._lit((250, 250, 250), hour), side=side, motion=motion)

    def _tent(
        self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, hour: Hour, side: int
    ) -> None:
        x, foot = (0.5 - 0.07 * side + place.uniform(-0.14, 0.14)) * canvas.aspect, place.uniform(0.82, 0.87)
        h = place.uniform(0.26, 0.34) * min(1.0, 0.72 * canvas.aspect)
        tents = TENTS[1:] if self.hour == "sunset" else TENTS  # no orange one before an orange sky
        cloth = shade(tents[place.integers(len(tents))], 0.92 if self.hour == "sunset" else 1.0)
        ground_shadow(canvas, [(x + side * 0.06, foot, 1.25 * h), (x, foot, h)])
        peak, back = (x - side * 0.12 * h, foot - h), (x + side * 0.7 * h, foot - 0.86 * h)
        front = ((x - side * 0.85 * h, foot), (x + side * 0.5 * h, foot + 0.04 * h))
        canvas.polygon([peak, back, (x + side * 1.3 * h, foot - 0.1 * h), front[1]], shade(cloth, 0.7))
        canvas.polygon(
            [peak, back, (x + side * 0.95 * h, foot - 0.5 * h), (x + side * 0.2 * h, foot - 0.45 * h)],
            shade(cloth, 0.84),
        )
        canvas.polygon([front[0], peak, front[1]], cloth)
        canvas.polygon([front[0], peak, (x - side * 0.42 * h, foot + 0.01 * h)], shade(cloth, 1.15))
        canvas.polygon(
            [
                (x - side * 0.38 * h, foot + 0.015 * h),
                (peak[0], foot - 0.76 * h),
                (x + side * 0.14 * h, foot + 0.03 * h),
            ],
            (255, 214, 130) if self.hour == "sunset" else (66, 44, 40),
        )
        canvas.polygon(
            [
                (x - side * 0.42 * h, foot + 0.015 * h),
                (peak[0], foot - 0.76 * h),
                (x - side * 0.24 * h, foot + 0.02 * h),
            ],
            shade(cloth, 1.25),
        )
        for end, start in (((x - side * 1.15 * h, foot + 0.03), peak), ((x + side * 1.55 * h, foot - 0.02), back)):
            canvas.line([start, end], (236, 232, 220), 0.003)

    def _photographer(
        self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, hour: Hour, side: int
    ) -> None:
        x, feet = (0.5 + place.uniform(-0.14, 0.14)) * canvas.aspect, place.uniform(0.86, 0.9)
        h = place.uniform(0.5, 0.6) * min(1.0, 0.4 + 0.6 * canvas.aspect)
        look = sample_look(
            place, top=((200, 60, 48), (236, 176, 50), (44, 96, 170), (240, 236, 226))[place.integers(4)]
        )
        ground_shadow(canvas, [(x, feet, 0.2 * h), (x - side * 0.3 * h, feet, 0.16 * h)])
        stand = (x - side * 0.27 * h, feet - 0.72 * h)
        for foot in (-0.13, 0.02, 0.14):
            canvas.line([stand, (stand[0] + foot * h, feet + (0.01 if foot < 0.1 else -0.02))], (34, 34, 38), 0.016 * h)
        person(canvas, x, feet, h, look, sway(LOOKING, motion, 9), back=True)
        canvas.rect(stand[0] - 0.08 * h, stand[1] - 0.1 * h, stand[0] + 0.08 * h, stand[1], (26, 26, 30))
        canvas.rect(stand[0] - 0.03 * h, stand[1] - 0.13 * h, stand[0] + 0.03 * h, stand[1] - 0.1 * h, (26, 26, 30))
        canvas.rect(
            stand[0] - 0.065 * h, stand[1] - 0.085 * h, stand[0] + 0.065 * h, stand[1] - 0.015 * h, (120, 170, 210)
        )

    def _birds(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, horizon: float) -> None:
        for _ in range(int(place.integers(5, 9))):
            x, y = motion.uniform(0, canvas.aspect), motion.uniform(0.05, 0.75 * horizon)
            span, lift = place.uniform(0.018, 0.03), motion.uniform(0.2, 0.8)
            wings = [(-1, -lift), (-0.45, -0.9 * lift), (0, 0), (0.45, -0.9 * lift), (1, -lift)]
            canvas.line([(x + a * span, y + b * span) for a, b in wings], (52, 52, 66), 0.16 * span)
