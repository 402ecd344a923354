"""The topic landscape: hills, mountains or the sea under some sky."""

from dataclasses import dataclass
from math import sin
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, mix, shade
from core.mini.scene import Scene, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Landscape(Scene):
    """Hills, mountains or the sea under some sky."""

    topic: ClassVar[str] = "landscape"
    ground: str
    hour: str
    trees: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.2),
            ground=pick(rng, ("hills", "mountains", "a lake")),
            hour=pick(rng, ("noon", "sunset", "a cloudy day")),
            trees=bool(rng.random() < 0.6),
        )

    @property
    def caption(self) -> str:
        when = {"noon": "at noon", "sunset": "at sunset", "a cloudy day": "on a cloudy day"}[self.hour]
        return f"a landscape of {self.ground}{' with trees' if self.trees else ''} {when}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("landscape", "nature", "outdoors")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        skies: dict[str, tuple[Color, Color]] = {
            "noon": ((84, 148, 220), (206, 228, 244)),
            "sunset": ((92, 82, 142), (250, 168, 96)),
            "a cloudy day": ((150, 160, 172), (214, 218, 222)),
        }
        top, low = skies[self.hour]
        wide, horizon = canvas.aspect, place.uniform(0.42, 0.6)
        canvas.rect(0, 0, wide, 1, low)
        canvas.gradient(0, horizon + 0.02, shade(top, place.uniform(0.85, 1.1)), low)
        self._sky(canvas, place, motion, horizon)
        haze = mix(low, (150, 170, 190), 0.4)
        for layer in range(3):
            share, base = layer / 2, horizon + 0.03 + 0.05 * layer
            rock = mix(
                haze,
                {"hills": (86, 128, 62), "mountains": (92, 92, 104), "a lake": (72, 104, 88)}[self.ground],
                0.35 + 0.6 * share,
            )
            self._ridge(canvas, place, base, rock)
        meadow = shade(
            ((116, 152, 70), (150, 150, 78), (90, 134, 74))[place.integers(3)],
            0.75 if self.hour == "sunset" else 1.0,
        )
        if self.ground == "a lake":
            canvas.gradient(horizon + 0.1, 1, mix(low, (90, 130, 160), 0.4), mix(top, (30, 60, 80), 0.4))
            for _ in range(40):
                x, y = place.uniform(0, wide), horizon + 0.12 + (0.85 - horizon) * place.random()
                canvas.line([(x, y), (x + place.uniform(0.04, 0.2), y)], mix(low, (255, 255, 255), 0.3), 0.003)
            canvas.polygon(
                [
                    (0, place.uniform(0.8, 0.95)),
                    (place.uniform(0.3, 0.7) * wide, 0.96),
                    (wide, place.uniform(0.84, 0.98)),
                    (wide, 1),
                    (0, 1),
                ],
                shade(meadow, 0.8),
            )
        else:
            canvas.gradient(horizon + 0.12, 1, meadow, shade(meadow, 0.7))
            canvas.texture(horizon + 0.12, 1, 0.2, place, stretch=3)
            x = place.uniform(0.2, 0.8) * wide
            bend, end = place.uniform(0.2, 0.8) * wide, place.uniform(0.1, 0.9) * wide
            canvas.polygon(
                [
                    (x - 0.01, horizon + 0.12),
                    (x + 0.01, horizon + 0.12),
                    (bend + 0.05, 0.8),
                    (end + 0.14, 1),
                    (end - 0.14, 1),
                    (bend - 0.03, 0.8),
                ],
                (206, 186, 146),
            )
        if self.trees:
            self._pines(canvas, place, horizon)

    def _sky(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, horizon: float) -> None:
        wide = canvas.aspect
        if self.hour != "a cloudy day":
            x, y = (
                place.uniform(0.1, 0.9) * wide,
                (0.1 if self.hour == "noon" else horizon - 0.1) + place.uniform(-0.04, 0.06),
            )
            sun = canvas.layer()
            sun.ellipse(x, y, 0.12, 0.12, (120, 100, 60))
            canvas.add_light(sun, 0.05)
            canvas.ellipse(x, y, 0.05, 0.05, (255, 246, 214))
        clouds = canvas.layer()
        drift = motion.uniform(-0.25, 0.25)
        for _ in range(int(place.integers(10, 18)) if self.hour == "a cloudy day" else int(place.integers(1, 6))):
            x, y, r = (
                place.uniform(0, wide) + drift,
                place.uniform(0.03, 0.8 * horizon),
                place.uniform(0.03, 0.07),
            )
            for dx in (-1.4, -0.5, 0.5, 1.3):
                clouds.ellipse(x + dx * r, y - place.uniform(0, 0.5) * r, 1.1 * r, 0.65 * r, (88, 84, 84))
        canvas.add_light(clouds, 0.01)
        for _ in range(int(place.integers(2, 8))):
            x, y, span = (
                motion.uniform(0, wide),
                motion.uniform(0.05, 0.9 * horizon),
                place.uniform(0.018, 0.04),
            )
            lift = motion.uniform(0.2, 0.9) * span
            canvas.line(
                [
                    (x - span, y - lift),
                    (x - 0.4 * span, y - 0.9 * lift),
                    (x, y),
                    (x + 0.4 * span, y - 0.9 * lift),
                    (x + span, y - lift),
                ],
                (44, 46, 58),
                0.18 * span,
            )

    def _ridge(self, canvas: Canvas, place: np.random.Generator, base: float, color: Color) -> None:
        wide = canvas.aspect
        if self.ground == "mountains":
            for _ in range(int(place.integers(3, 6))):
                x, h, w = place.uniform(0, wide), place.uniform(0.12, 0.36), place.uniform(0.2, 0.4)
                canvas.polygon([(x - w, base + 0.1), (x, base - h), (x + w, base + 0.1)], color)
                canvas.polygon([(x, base - h), (x + w, base + 0.1), (x + 0.1 * w, base + 0.1)], shade(color, 0.8))
                if h > 0.2:
                    canvas.polygon(
                        [
                            (x - 0.22 * w, base - 0.78 * h + 0.02),
                            (x, base - h),
                            (x + 0.22 * w, base - 0.78 * h + 0.02),
                            (x + 0.05 * w, base - 0.84 * h),
                        ],
                        (240, 242, 246),
                    )
            return
        waves = place.uniform(0.5, 3.0, 3), place.uniform(0, 6.3, 3), place.uniform(0.01, 0.045, 3)
        points = [
            (float(x), base + sum(a * sin(f * x * 3 + p) for f, p, a in zip(*waves, strict=True)))
            for x in np.linspace(0, wide, 30)
        ]
        canvas.polygon([*points, (wide, 1), (0, 1)], color)

    def _pines(self, canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
        feet = np.sort(place.uniform(horizon + 0.16, 0.98, int(place.integers(3, 14))))
        for foot in feet:
            x, h = place.uniform(0, canvas.aspect), 0.1 + 0.5 * (foot - horizon) * place.uniform(0.7, 1.2)
            green = shade((38, 84, 52), place.uniform(0.7, 1.2))
            canvas.rect(x - 0.03 * h, foot - 0.2 * h, x + 0.03 * h, foot, (70, 50, 36))
            for k in range(3):
                low = foot - h * (0.15 + 0.25 * k)
                half = h * (0.26 - 0.06 * k)
                canvas.polygon([(x - half, low), (x, low - 0.42 * h), (x + half, low)], green)
                canvas.polygon([(x, low), (x, low - 0.42 * h), (x + half, low)], shade(green, 0.75))
