"""The topic speaker: one person talking beside slides."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, mix, shade
from core.mini.figures import CLOTHES, HAIR_STYLES, TALKING, ground_shadow, person, sample_look, sway
from core.mini.props import heads_in_front
from core.mini.scene import LIGHTS, Scene, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Speaker(Scene):
    """One person talking beside slides."""

    topic: ClassVar[str] = "speaker"
    jacket: str
    slides: str
    lectern: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.15),
            jacket=pick(rng, tuple(CLOTHES)),
            slides=pick(rng, ("a bar chart", "a list", "a picture", "a line graph")),
            lectern=bool(rng.random() < 0.5),
        )

    @property
    def caption(self) -> str:
        where = "at a lectern" if self.lectern else "with a microphone"
        article = "an" if self.jacket == "orange" else "a"
        return f"a speaker in {article} {self.jacket} jacket {where} showing {self.slides}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("speaker", "indoors", "person")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        walls: tuple[Color, ...] = (
            (206, 198, 184),
            (176, 188, 198),
            (196, 184, 170),
            (150, 160, 172),
            (188, 200, 186),
        )
        wall, floor = walls[place.integers(len(walls))], place.uniform(0.78, 0.86)
        canvas.gradient(0, floor, shade(wall, 0.72), shade(wall, 0.95))
        canvas.gradient(floor, 1, shade((148, 108, 76), place.uniform(0.7, 1.1)), (96, 70, 52))
        canvas.texture(floor, 1, 0.07, place, stretch=8)
        side, wide = (-1 if place.random() < 0.5 else 1), canvas.aspect
        half, y0, y1 = place.uniform(0.28, 0.34) * wide, place.uniform(0.07, 0.16), place.uniform(0.5, 0.62)
        middle = wide * (0.5 - side * place.uniform(0.1, 0.16))
        self._slides(canvas, place, (middle - half, y0, middle + half, y1))
        height, x = (
            place.uniform(0.5, 0.64),
            wide * (0.5 + side * place.uniform(0.26, 0.34)) + motion.uniform(-0.05, 0.05),
        )
        feet = floor + 0.07
        ground_shadow(canvas, [(x, feet, 0.2 * height)])
        look = sample_look(place, top=CLOTHES[self.jacket], style=pick(place, HAIR_STYLES))
        hand = person(canvas, x, feet, height, look, sway(TALKING, motion, 22))[1]
        chest = feet - 0.66 * height
        canvas.polygon(
            [
                (x - 0.035 * height, chest - 0.12 * height),
                (x + 0.035 * height, chest - 0.12 * height),
                (x, chest),
            ],
            (240, 240, 240),
        )
        if self.lectern:
            wood = shade((128, 80, 46), place.uniform(0.7, 1.2))
            w, top = 0.17 * height, feet - 0.52 * height
            canvas.polygon([(x - w, top), (x + w, top), (x + 0.8 * w, feet + 0.03), (x - 0.8 * w, feet + 0.03)], wood)
            canvas.polygon(
                [(x - 1.15 * w, top), (x + 1.15 * w, top), (x + w, top - 0.035), (x - w, top - 0.035)],
                shade(wood, 1.3),
            )
            canvas.ellipse(x, top + 0.35 * w + 0.06, 0.3 * w, 0.3 * w, shade(wood, 1.5))
            canvas.line([(x + 0.3 * w, top - 0.03), (x + 0.1 * w, top - 0.1)], (60, 60, 64), 0.007)
        else:
            canvas.line([hand, (hand[0] - 0.02, hand[1] - 0.05)], (40, 40, 44), 0.016)
            canvas.ellipse(hand[0] - 0.022, hand[1] - 0.058, 0.014, 0.016, (90, 90, 96))
        if place.random() < 0.5:
            heads_in_front(canvas, place, motion, (38, 34, 36))

    def _slides(self, canvas: Canvas, place: np.random.Generator, box: tuple[float, float, float, float]) -> None:
        x0, y0, x1, y1 = box
        w, h = x1 - x0, y1 - y0
        glow = canvas.layer()
        glow.rect(x0, y0, x1, y1, (60, 64, 70))
        canvas.add_light(glow, 0.05)
        canvas.rect(x0 - 0.012, y0 - 0.012, x1 + 0.012, y1 + 0.012, (40, 42, 46))
        paper = ((246, 246, 242), (232, 240, 250), (34, 48, 82), (250, 240, 222))[place.integers(4)]
        ink = (44, 48, 60) if paper[0] > 100 else (232, 236, 244)
        canvas.rect(x0, y0, x1, y1, paper)
        canvas.rect(x0 + 0.06 * w, y0 + 0.08 * h, x0 + place.uniform(0.4, 0.85) * w, y0 + 0.17 * h, ink)
        accent = list(LIGHTS.values())[place.integers(len(LIGHTS))]
        if self.slides == "a bar chart":
            bars = int(place.integers(4, 9))
            for i in range(bars):
                left = x0 + w * (0.1 + 0.8 * i / bars)
                canvas.rect(left, y1 - h * place.uniform(0.15, 0.65), left + 0.55 * w / bars, y1 - 0.1 * h, accent)
        elif self.slides == "a list":
            for i in range(int(place.integers(3, 6))):
                y = y0 + h * (0.3 + 0.13 * i)
                canvas.ellipse(x0 + 0.1 * w, y + 0.02 * h, 0.02 * h, 0.02 * h, accent)
                canvas.rect(x0 + 0.15 * w, y, x0 + place.uniform(0.4, 0.92) * w, y + 0.05 * h, mix(ink, paper, 0.4))
        elif self.slides == "a picture":
            canvas.rect(x0 + 0.15 * w, y0 + 0.24 * h, x1 - 0.15 * w, y1 - 0.08 * h, accent)
            canvas.ellipse(x0 + place.uniform(0.3, 0.7) * w, y0 + 0.45 * h, 0.1 * h, 0.1 * h, (252, 244, 200))
            peak = x0 + place.uniform(0.35, 0.65) * w
            canvas.polygon(
                [(x0 + 0.15 * w, y1 - 0.08 * h), (peak, y0 + 0.5 * h), (x1 - 0.15 * w, y1 - 0.08 * h)],
                shade(accent, 0.5),
            )
        else:
            heights = place.uniform(0.15, 0.65, 7)
            points = [(x0 + w * (0.1 + 0.13 * i), y1 - h * value) for i, value in enumerate(heights)]
            canvas.line(
                [
                    (x0 + 0.08 * w, y0 + 0.25 * h),
                    (x0 + 0.08 * w, y1 - 0.1 * h),
                    (x1 - 0.06 * w, y1 - 0.1 * h),
                ],
                ink,
                0.005,
            )
            canvas.line(points, accent, 0.012)
