"""The topic award: winners with a cup, medals or certificates before a banner."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Light, Point, mix, shade
from core.mini.figures import CLOTHES, Pose, limb, person, sample_look, sway
from core.mini.scene import LIGHTS, NUMBERS, Scene, crowd_label, in_order, new_seed, pick

HOLDING_OUT = Pose(left=(20, 6), right=(96, 160))
HOLDING_BEFORE = Pose(left=(24, -58), right=(24, -58))
METALS: tuple[Color, ...] = ((246, 200, 64), (214, 220, 228), (222, 146, 84))
SUITS: tuple[Color, ...] = ((236, 234, 228), (54, 56, 66), (120, 124, 132), (206, 190, 164), (70, 84, 104))


@dataclass(frozen=True, kw_only=True)
class Award(Scene):
    """Winners with a cup, medals or certificates before a banner."""

    topic: ClassVar[str] = "award"
    count: int
    prize: str
    banner: str
    confetti: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        count = int(rng.integers(1, 4))
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.45) and count == 1,
            count=count,
            prize=pick(rng, ("trophy", "medal", "certificate")),
            banner=pick(rng, ("red", "blue", "purple", "green")),
            confetti=bool(rng.random() < 0.5),
        )

    @property
    def caption(self) -> str:
        who = "a winner" if self.count == 1 else f"{NUMBERS[self.count]} winners"
        under = " under confetti" if self.confetti else ""
        return f"{who} with a {self.prize} before a {self.banner} award banner{under}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("award", "indoors", crowd_label(self.count))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        cloth, wide, n = shade(CLOTHES[self.banner], place.uniform(0.78, 0.95)), canvas.aspect, self.count
        canvas.light, floor = Light(side=-1.0 if place.random() < 0.5 else 1.0), place.uniform(0.8, 0.85)
        back = canvas.layer()
        back.gradient(0, floor, shade(cloth, 1.05), shade(cloth, 0.66))
        self._emblems(back, place, mix(cloth, (255, 236, 180), 0.3))
        back.gradient(floor, 1, (96, 92, 96), (46, 44, 50))
        canvas.backdrop(back, 0.005)
        glow, dark = canvas.layer(), canvas.layer()
        glow.ellipse(wide * place.uniform(0.35, 0.65), 0.36, 0.4, 0.4, (46, 42, 34))
        canvas.add_light(glow, 0.1)
        height = min(place.uniform(0.56, 0.6), 0.72 * wide / (0.4 * n))
        span = 0.68 * wide / n
        if self.prize == "trophy":
            height = min(height, span / 0.57)
        start = 0.16 * wide - (0.14 * height if self.prize == "trophy" else 0)  # cups are held to the right
        spots = [start + span * (i + 0.5 + place.uniform(-0.05, 0.05)) + motion.uniform(-0.02, 0.02) for i in range(n)]
        steps = [float(step) for step in place.permutation([0.0, 0.035, 0.07])[:n]]
        for x in spots:
            dark.ellipse(x - canvas.light.side * 0.12 * height, 0.5, 0.14 * height, 0.34, (110, 110, 110))
            dark.ellipse(x, 0.97, 0.27 * height, 0.04, (150, 150, 150))
        canvas.add_shadow(dark, 0.02)
        before = canvas.snapshot()
        for x, step in zip(spots, steps, strict=True):
            top = floor + 0.06 - step
            canvas.rect(x - 0.18 * height, top, x + 0.18 * height, 0.97, (176, 172, 168))
            canvas.rect(x - 0.18 * height, top, x + 0.18 * height, top + 0.024, (236, 232, 226))
            self._winner(canvas, place, motion, x, top + 0.012, height)
        canvas.sculpt(before, 0.012, 0.4)
        if self.confetti:
            self._confetti(canvas, place, motion)

    def _winner(
        self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, x: float, feet: float, h: float
    ) -> None:
        look = sample_look(
            place, top=SUITS[place.integers(len(SUITS))], garment=pick(place, ("shirt", "jacket", "tee"))
        )
        pose = {"trophy": HOLDING_OUT, "certificate": HOLDING_BEFORE}.get(self.prize, Pose(left=(16, 8), right=(16, 8)))
        if self.prize == "medal" and motion.random() < 0.4:
            pose = Pose(left=pose.left, right=(140, 165))
        moved = sway(pose, motion, 12 if self.prize == "medal" else 6)
        left, right = person(canvas, x, feet, h, look, moved, turn=motion.uniform(-0.6, 0.6))
        metal = METALS[place.integers(3)]
        if self.prize == "trophy":
            self._cup(canvas, (right[0], right[1] - 0.02 * h), 0.105 * h, metal)
        elif self.prize == "medal":
            chest = (x, feet - 0.58 * h)
            for side in (-1, 1):
                neck = (x + side * 0.06 * h, feet - 0.8 * h)
                canvas.line([neck, chest], canvas.light.lit((214, 36, 60)), 0.026 * h)
            canvas.ellipse(*chest, 0.074 * h, 0.074 * h, shade(metal, 0.62))
            canvas.ellipse(chest[0], chest[1] - 0.004 * h, 0.064 * h, 0.064 * h, metal)
            canvas.ellipse(*chest, 0.042 * h, 0.042 * h, shade(metal, 0.78), outline=0.008 * h)
            canvas.ellipse(chest[0] - 0.02 * h, chest[1] - 0.026 * h, 0.018 * h, 0.012 * h, (255, 252, 236))
        else:
            middle = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2 + 0.02 * h)
            self._certificate(canvas, middle, h)
            for hand in (left, right):
                side = 1 if hand[0] > middle[0] else -1
                grip = (middle[0] + side * 0.19 * h, middle[1] + 0.02 * h)
                limb(canvas, grip, (grip[0] - side * 0.02 * h, grip[1]), 0.026 * h, 0.02 * h, look.skin)

    def _certificate(self, canvas: Canvas, middle: Point, h: float) -> None:
        (x, y), w, high = middle, 0.19 * h, 0.13 * h
        canvas.rect(x - w, y - high, x + w, y + high, (168, 122, 58))
        canvas.rect(x - 0.9 * w, y - 0.86 * high, x + 0.9 * w, y + 0.86 * high, (252, 248, 236))
        for row, half in ((-0.5, 0.5), (-0.12, 0.7), (0.14, 0.62)):
            canvas.rect(x - half * w, y + row * high, x + half * w, y + (row + 0.13) * high, (104, 98, 96))
        canvas.ellipse(x + 0.55 * w, y + 0.5 * high, 0.2 * high, 0.2 * high, (204, 40, 48))

    def _cup(self, canvas: Canvas, foot: Point, size: float, metal: Color) -> None:
        (x, y), dark = foot, shade(metal, 0.58)
        canvas.rect(x - 0.55 * size, y - 0.36 * size, x + 0.55 * size, y, (52, 40, 36))
        canvas.polygon(
            [(x - 0.4 * size, y - 0.36 * size), (x, y - 1.0 * size), (x + 0.4 * size, y - 0.36 * size)], dark
        )
        for side in (-1, 1):
            canvas.ellipse(x + side * 0.78 * size, y - 1.6 * size, 0.36 * size, 0.4 * size, dark, outline=0.15 * size)
        for i in range(5):
            tone = mix(dark, shade(metal, 1.08), i / 4)
            middle = x + canvas.light.side * 0.07 * i * size
            canvas.ellipse(middle, y - 2.0 * size, (0.9 - 0.15 * i) * size, (1.3 - 0.08 * i) * size, tone, arc=(0, 180))
        canvas.ellipse(x, y - 2.0 * size, 0.9 * size, 0.18 * size, shade(metal, 1.15))
        canvas.ellipse(x, y - 1.98 * size, 0.76 * size, 0.11 * size, shade(metal, 0.5))
        canvas.ellipse(x + canvas.light.side * 0.3 * size, y - 1.5 * size, 0.07 * size, 0.26 * size, (255, 252, 240))

    def _confetti(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        colors = [mix(color, (255, 255, 255), 0.25) for color in LIGHTS.values()] + [(255, 250, 240)] * 2
        for _ in range(140):
            x, y = place.uniform(0, canvas.aspect), motion.uniform(0, 0.9)
            tilt, size = place.uniform(-0.02, 0.02), place.uniform(0.014, 0.023)
            color = colors[place.integers(len(colors))]
            canvas.polygon(
                [(x, y), (x + size, y + tilt), (x + size, y + tilt + 0.6 * size), (x, y + 0.6 * size)], color
            )

    def _emblems(self, canvas: Canvas, place: np.random.Generator, color: Color) -> None:
        pitch, size, turn = place.uniform(0.22, 0.34), place.uniform(0.03, 0.05), place.uniform(0, 360)
        for row in range(int(0.8 / pitch) + 1):
            for column in range(int(canvas.aspect / pitch) + 2):
                x, y = (column + 0.5 * (row % 2)) * pitch, (row + 0.4) * pitch
                canvas.ellipse(x, y, size, size, color, outline=0.009, arc=(0, 300), angle=turn)
                canvas.ellipse(x, y, 0.4 * size, 0.4 * size, color)
