"""The topic stage: a singer or a band under coloured lights."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, mix, shade
from core.mini.figures import CHEERING, PLAYING, SINGING, ground_shadow, person, sample_look, sway
from core.mini.props import heads_in_front
from core.mini.scene import LIGHTS, NUMBERS, Scene, crowd_label, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Stage(Scene):
    """A singer or a band under coloured lights."""

    topic: ClassVar[str] = "stage"
    count: int
    light: str
    backdrop: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.2),
            count=int(rng.integers(1, 6)),
            light=pick(rng, tuple(LIGHTS)),
            backdrop=pick(rng, ("curtain", "screen", "truss")),
        )

    @property
    def caption(self) -> str:
        who = "a singer" if self.count == 1 else f"a band of {NUMBERS[self.count]}"
        behind = {
            "curtain": "before a curtain",
            "screen": "before a bright screen",
            "truss": "in a dark hall",
        }
        return f"{who} on a stage under {self.light} lights {behind[self.backdrop]}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("stage", "indoors", crowd_label(self.count))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        light, floor = LIGHTS[self.light], place.uniform(0.7, 0.84)
        canvas.gradient(0, floor, shade(light, 0.10), shade(light, 0.3))
        self._backdrop(canvas, place, light, floor)
        canvas.gradient(floor, 1, shade(mix(light, (90, 60, 50), 0.5), 0.55), (14, 12, 18))
        canvas.texture(floor, 1, 0.12, place, stretch=6)
        canvas.rect(0, floor, canvas.aspect, floor + 0.012, shade(light, 0.6))
        second = LIGHTS[pick(place, tuple(LIGHTS))] if place.random() < 0.3 else light
        beams = canvas.layer()
        for index in range(int(place.integers(3, 8))):
            x, foot = (
                place.uniform(0, canvas.aspect),
                place.uniform(0, canvas.aspect) + motion.uniform(-0.05, 0.05),
            )
            spread = place.uniform(0.05, 0.14)
            color = shade(second if index % 3 == 2 else light, place.uniform(0.25, 0.5))
            beams.polygon(
                [
                    (x - 0.01, -0.02),
                    (x + 0.01, -0.02),
                    (foot + spread, floor + 0.1),
                    (foot - spread, floor + 0.1),
                ],
                color,
            )
            beams.ellipse(foot, floor + 0.1, spread, 0.03, shade(color, 0.8))
            beams.ellipse(x, 0.02, 0.035, 0.035, (255, 245, 230))
        canvas.add_light(beams, 0.014)
        self._band(canvas, place, motion, floor)
        if place.random() < 0.7:
            heads_in_front(canvas, place, motion, (12, 10, 16))

    def _backdrop(self, canvas: Canvas, place: np.random.Generator, light: Color, floor: float) -> None:
        if self.backdrop == "curtain":
            x, fold = 0.0, place.uniform(0.03, 0.07)
            while x < canvas.aspect:
                canvas.rect(x, 0, x + 0.5 * fold, floor, shade(light, place.uniform(0.2, 0.42)))
                x += fold
        elif self.backdrop == "screen":
            x0, x1 = sorted((place.uniform(0.08, 0.4) * canvas.aspect, place.uniform(0.6, 0.92) * canvas.aspect))
            canvas.rect(x0, 0.12, x1, floor - 0.16, mix(light, (255, 255, 255), 0.55))
            for _ in range(int(place.integers(3, 9))):
                canvas.ellipse(
                    place.uniform(x0, x1),
                    place.uniform(0.16, floor - 0.2),
                    0.05,
                    0.05,
                    mix(light, (255, 255, 255), place.uniform(0, 0.4)),
                )
        else:
            y = place.uniform(0.06, 0.16)
            pitch = place.uniform(0.05, 0.1)
            for x in np.arange(0, canvas.aspect, pitch):
                canvas.line([(x, y), (x + 0.5 * pitch, y + 0.06), (x + pitch, y)], (70, 70, 78), 0.006)
            canvas.line([(0, y), (canvas.aspect, y)], (90, 90, 98), 0.008)
            canvas.line([(0, y + 0.06), (canvas.aspect, y + 0.06)], (80, 80, 88), 0.008)

    def _band(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, floor: float) -> None:
        height = min(place.uniform(0.4, 0.56), 0.95 * canvas.aspect / (0.4 * self.count + 0.6))
        span = canvas.aspect / self.count
        poses = [SINGING] + [(PLAYING, CHEERING, PLAYING)[place.integers(3)] for _ in range(self.count - 1)]
        order = place.permutation(self.count)
        spots = [(span * (i + 0.5 + place.uniform(-0.18, 0.18)), floor + place.uniform(0.03, 0.09)) for i in order]
        spots = [(x + motion.uniform(-0.05, 0.05), y) for x, y in spots]
        ground_shadow(canvas, [(x, y, 0.2 * height) for x, y in spots])
        for (x, feet), pose in zip(spots, poses, strict=True):
            left, _ = person(canvas, x, feet, height, sample_look(place), sway(pose, motion, 18))
            if pose is PLAYING:
                wood = shade((176, 92, 40), place.uniform(0.7, 1.2))
                canvas.line(
                    [(x, feet - 0.56 * height), (x + 0.3 * height, feet - 0.7 * height)],
                    (60, 40, 30),
                    0.024 * height,
                )
                canvas.ellipse(x - 0.02 * height, feet - 0.55 * height, 0.13 * height, 0.09 * height, wood, angle=-25)
                canvas.ellipse(x, feet - 0.56 * height, 0.035 * height, 0.035 * height, (40, 26, 20))
            elif pose is SINGING:
                canvas.line([(left[0], feet), (left[0], left[1] - 0.02)], (150, 150, 156), 0.008)
                canvas.ellipse(left[0], left[1] - 0.03 * height, 0.025 * height, 0.03 * height, (50, 50, 54))
