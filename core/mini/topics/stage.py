"""The topic stage: a singer or a band under coloured lights."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Light, Point, mix, shade
from core.mini.figures import PLAYING, SINGING, Pose, ground_shadow, person, sample_look, sway
from core.mini.rooms import beam, crowd, curtain
from core.mini.scene import LIGHTS, NUMBERS, Scene, crowd_label, in_order, new_seed, pick

COLORS = ("red", "blue", "purple", "green", "golden")
BACKDROPS = {"curtain": "in front of a curtain", "screen": "in front of a bright screen", "truss": "in a dark hall"}
WHITE: Color = (255, 255, 255)


@dataclass(frozen=True, kw_only=True)
class Stage(Scene):
    """A singer or a band under coloured lights."""

    topic: ClassVar[str] = "stage"
    count: int
    light: str
    backdrop: str
    crowd: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        count = int(rng.integers(1, 5))
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.4) and count <= 2,
            count=count,
            light=pick(rng, COLORS),
            backdrop=pick(rng, tuple(BACKDROPS)),
            crowd=bool(rng.random() < 0.5),
        )

    @property
    def caption(self) -> str:
        who = "a singer" if self.count == 1 else f"a band of {NUMBERS[self.count]}"
        before = " before a crowd" if self.crowd else ""
        return f"{who}{before} on a stage under {self.light} lights {BACKDROPS[self.backdrop]}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("stage", "indoors", crowd_label(self.count))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        light, floor = LIGHTS[self.light], place.uniform(0.66, 0.72)
        canvas.light = Light(
            side=-1.0 if place.random() < 0.5 else 1.0, color=mix(light, WHITE, 0.12), tint=0.5, dim=1.06, rim=light
        )
        back = canvas.layer()
        back.gradient(0, floor, shade(light, 0.12), shade(light, 0.36))
        getattr(self, f"_{self.backdrop}")(back, place, light, floor)
        back.gradient(floor, 1, shade(mix(light, (90, 70, 60), 0.4), 0.62), shade(light, 0.16))
        for y in np.linspace(floor, 1, 9) ** 1.0:
            back.line([(0, float(y)), (back.aspect, float(y))], shade(light, 0.2), 0.004)
        back.rect(0, floor, back.aspect, floor + 0.014, shade(light, 0.8))
        canvas.backdrop(back, 0.004)
        height, spots = self._spots(canvas, place, motion, floor)
        beams, halo, ground = canvas.layer(), canvas.layer(), floor + 0.1
        for lamp in np.linspace(0.1, 0.9, int(place.integers(4, 7))):
            x = float(lamp + place.uniform(-0.05, 0.05)) * canvas.aspect
            foot = canvas.aspect * place.uniform(0.1, 0.9) + motion.uniform(-0.06, 0.06)
            beam(beams, x, foot, ground, place.uniform(0.07, 0.13), shade(light, place.uniform(0.3, 0.52)))
        for x, feet in spots:  # haze lit from behind, so that nobody is lost before a dark hall
            halo.ellipse(x, feet - 0.55 * height, 0.26 * height, 0.5 * height, shade(light, 0.34))
        canvas.add_light(halo, 0.05)
        canvas.add_light(beams, 0.012)
        self._band(canvas, place, motion, height, spots)
        if self.crowd:
            crowd(canvas, 0.83, (246, 246, 243), place, motion)

    def _curtain(self, canvas: Canvas, place: np.random.Generator, light: Color, floor: float) -> None:
        curtain(canvas, floor, shade(light, 0.72), place)

    def _screen(self, canvas: Canvas, place: np.random.Generator, light: Color, floor: float) -> None:
        x0, x1, y1 = 0.16 * canvas.aspect, 0.84 * canvas.aspect, floor - 0.12
        canvas.rect(x0 - 0.02, 0.1, x1 + 0.02, y1 + 0.02, (16, 16, 20))
        canvas.rect(x0, 0.12, x1, y1, mix(light, WHITE, 0.72))
        bars = int(place.integers(9, 15))
        for i, high in enumerate(place.uniform(0.05, 0.3, bars)):
            x = x0 + (x1 - x0) * (i + 0.2) / bars
            middle = (0.12 + y1) / 2
            canvas.rect(x, middle - high / 2, x + 0.6 * (x1 - x0) / bars, middle + high / 2, mix(light, WHITE, 0.4))

    def _truss(self, canvas: Canvas, place: np.random.Generator, light: Color, floor: float) -> None:
        canvas.gradient(0, floor, (8, 8, 12), shade(light, 0.2))
        y, high, pitch = place.uniform(0.15, 0.18), 0.1, 0.1
        steel = mix(light, (206, 208, 216), 0.6)
        for x in np.arange(0, canvas.aspect, pitch):
            canvas.line([(x, y + high), (x + 0.5 * pitch, y), (x + pitch, y + high)], shade(steel, 0.7), 0.009)
        for edge in (y, y + high):
            canvas.line([(0, edge), (canvas.aspect, edge)], steel, 0.015)
        for x in np.arange(0.5 * pitch, canvas.aspect, 2 * pitch):
            canvas.rect(x - 0.02, y + high, x + 0.02, y + high + 0.05, (30, 30, 36))
            canvas.ellipse(x, y + high + 0.055, 0.022, 0.014, mix(light, WHITE, 0.6))

    def _spots(
        self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, floor: float
    ) -> tuple[float, list[Point]]:
        """How tall the band is and where its feet are."""
        wide, n = canvas.aspect, self.count
        height = min(place.uniform(0.54, 0.6), 0.7 * wide / (0.46 * n))
        span, feet = 0.68 * wide / n, floor + place.uniform(0.06, 0.1)
        shift = place.uniform(-0.1, 0.1) * wide if n == 1 else 0.0
        moves = motion.uniform(-0.02, 0.02, n)
        across = [0.16 * wide + span * (i + 0.5 + place.uniform(-0.05, 0.05)) + shift + moves[i] for i in range(n)]
        return height, [(x, feet + place.uniform(-0.015, 0.015)) for x in across]

    def _band(
        self,
        canvas: Canvas,
        place: np.random.Generator,
        motion: np.random.Generator,
        height: float,
        spots: list[Point],
    ) -> None:
        n = self.count
        singing = SINGING if n == 1 else Pose(left=SINGING.left, right=(36, 10))  # arms clear of the neighbours
        poses = [singing] + [(PLAYING, PLAYING, singing)[place.integers(3)] for _ in range(n - 1)]
        ground_shadow(canvas, [(x, y, 0.2 * height) for x, y in spots])
        before = canvas.snapshot()
        for (x, feet), k in zip(spots, place.permutation(n), strict=True):
            drawn, moved = sample_look(place), sway(poses[k], motion, 10)
            look = replace(drawn, top=mix(drawn.top, WHITE, 0.16), trousers=mix(drawn.trousers, WHITE, 0.1))
            left, right = person(canvas, x, feet, height, look, moved, turn=motion.uniform(-0.8, 0.8))
            if poses[k] is PLAYING:
                self._guitar(canvas, place, (x, feet), height, (left, right), look.skin)
            else:
                self._microphone(canvas, left, feet, height, moved)
        canvas.sculpt(before, 0.012, 0.6)

    def _guitar(
        self, canvas: Canvas, place: np.random.Generator, at: Point, h: float, hands: tuple[Point, Point], skin: Color
    ) -> None:
        (x, feet), lit = at, canvas.light.lit
        wood = ((196, 104, 44), (206, 60, 52), (238, 226, 200), (60, 60, 70))[place.integers(4)]
        hip = (x - 0.04 * h, feet - 0.52 * h)
        canvas.line([(hip[0], hip[1]), (x + 0.27 * h, feet - 0.67 * h)], lit((84, 56, 40)), 0.026 * h)
        canvas.ellipse(*hip, 0.118 * h, 0.092 * h, canvas.light.shaded(wood), angle=-25)
        canvas.ellipse(hip[0] - 0.006 * h, hip[1] - 0.008 * h, 0.104 * h, 0.078 * h, lit(wood), angle=-25)
        canvas.ellipse(hip[0] + 0.09 * h, hip[1] - 0.04 * h, 0.074 * h, 0.066 * h, lit(wood), angle=-25)
        canvas.ellipse(hip[0] + 0.03 * h, hip[1] - 0.018 * h, 0.032 * h, 0.032 * h, (36, 24, 20))
        for hand in hands:
            canvas.ellipse(*hand, 0.025 * h, 0.023 * h, canvas.light.shaded(skin))
            canvas.ellipse(hand[0], hand[1] - 0.003 * h, 0.021 * h, 0.018 * h, lit(skin))

    def _microphone(self, canvas: Canvas, hand: Point, feet: float, h: float, pose: Pose) -> None:
        x, y = hand[0] + 0.012 * h * pose.lean, hand[1] - 0.05 * h
        canvas.line([(x, feet), (x, y)], canvas.light.lit((150, 150, 158)), 0.011 * h)
        canvas.line([(x - 0.06 * h, feet + 0.004), (x + 0.06 * h, feet + 0.004)], (40, 40, 46), 0.014 * h)
        canvas.ellipse(x, y, 0.026 * h, 0.034 * h, (44, 44, 50))
        canvas.ellipse(x - 0.006 * h, y - 0.008 * h, 0.012 * h, 0.014 * h, (130, 130, 140))
