"""The topic speaker: one person talking beside slides."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Light, Point, mix, shade
from core.mini.figures import CLOTHES, HAIR_STYLES, TALKING, Pose, ground_shadow, person, sample_look, sway
from core.mini.rooms import boards
from core.mini.scene import LIGHTS, Scene, in_order, new_seed, pick

JACKETS = ("red", "blue", "green", "yellow", "white", "black", "purple")
WALLS: tuple[Color, ...] = ((138, 128, 122), (112, 124, 142), (146, 122, 104), (116, 132, 128), (128, 116, 138))
Box = tuple[float, float, float, float]


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
            jacket=pick(rng, JACKETS),
            slides=pick(rng, ("a bar chart", "a list", "a picture", "a line graph")),
            lectern=bool(rng.random() < 0.5),
        )

    @property
    def caption(self) -> str:
        where = "at a lectern" if self.lectern else "with a microphone"
        return f"a speaker in a {self.jacket} jacket {where} showing {self.slides}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("speaker", "indoors", "person")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        side, wide, upright = (-1 if place.random() < 0.5 else 1), canvas.aspect, canvas.aspect < 1
        canvas.light, floor = Light(side=-float(side)), place.uniform(0.8, 0.85)
        wall = shade(WALLS[place.integers(len(WALLS))], place.uniform(0.85, 1.1))
        back = canvas.layer()
        boards(back, floor, shade((156, 112, 76), place.uniform(0.75, 1.05)), place)
        back.gradient(0, floor, shade(wall, 0.7), shade(wall, 1.05))
        for x in np.arange(place.uniform(0, 0.3), wide, place.uniform(0.24, 0.4)):
            back.rect(x, 0, x + 0.008, floor, shade(wall, 0.72))
        back.rect(0, floor - 0.025, wide, floor, shade(wall, 0.6))
        canvas.backdrop(back, 0.004)
        height = 0.54 if upright else place.uniform(0.66, 0.72)
        x = wide * (0.5 + side * (0.16 if upright else place.uniform(0.23, 0.27))) + motion.uniform(-0.03, 0.03)
        feet = 0.93 if upright else 0.92
        if upright:
            box = (0.1 * wide, 0.09, 0.9 * wide, 0.41)
        else:
            middle, half, y0 = wide * (0.5 - side * 0.16), 0.29 * wide, place.uniform(0.12, 0.15)
            box = (middle - half, y0, middle + half, y0 + place.uniform(0.44, 0.5))
        spot = canvas.layer()
        spot.ellipse(x, feet - 0.5 * height, 0.5 * height, 0.6 * height, (40, 36, 28))
        spot.rect(box[0] - 0.03, box[1] - 0.03, box[2] + 0.03, box[3] + 0.03, (56, 60, 66))
        canvas.add_light(spot, 0.06)
        self._slides(canvas, place, box)
        ground_shadow(canvas, [(x, feet, 0.22 * height)])
        before = canvas.snapshot()
        look = sample_look(place, top=CLOTHES[self.jacket], style=pick(place, HAIR_STYLES), garment="jacket")
        turned = motion.uniform(-0.9, 0.9)
        pose = sway(Pose(left=(44, 84), right=TALKING.right), motion, 16)
        pose = pose if side > 0 else Pose(left=pose.right, right=pose.left, legs=pose.legs, lean=-pose.lean)
        hand = person(canvas, x, feet, height, look, pose, turn=turned)[1 if side > 0 else 0]
        if self.lectern:
            self._lectern(canvas, place, x, feet, height)
        else:
            tip = (hand[0] - 0.03 * side * height, hand[1] - 0.075 * height)
            canvas.line([hand, tip], (28, 28, 32), 0.028 * height)
            canvas.ellipse(*tip, 0.032 * height, 0.034 * height, (64, 64, 70))
            canvas.ellipse(tip[0] - 0.008, tip[1] - 0.008, 0.012 * height, 0.012 * height, (170, 170, 176))
        canvas.sculpt(before, 0.012, 0.45)
        if place.random() < 0.4:
            self._listeners(canvas, place, motion)

    def _lectern(self, canvas: Canvas, place: np.random.Generator, x: float, feet: float, h: float) -> None:
        wood, side = shade((150, 92, 50), place.uniform(0.8, 1.15)), canvas.light.side
        w, top = 0.2 * h, feet - 0.47 * h
        body = [(x - w, top), (x + w, top), (x + 0.82 * w, feet + 0.03), (x - 0.82 * w, feet + 0.03)]
        canvas.polygon(body, shade(wood, 0.78))
        lit = [(x + side * w, top), (x - 0.3 * side * w, top), (x - 0.24 * side * w, feet + 0.03)]
        canvas.polygon([*lit, (x + 0.82 * side * w, feet + 0.03)], wood)
        slope = [(x - 1.2 * w, top), (x + 1.2 * w, top), (x + 1.05 * w, top - 0.05 * h), (x - 1.05 * w, top - 0.05 * h)]
        canvas.polygon(slope, shade(wood, 1.4))
        canvas.rect(x - 1.2 * w, top, x + 1.2 * w, top + 0.018 * h, shade(wood, 0.6))
        canvas.ellipse(x, top + 0.2 * h, 0.34 * w, 0.34 * w, (236, 206, 120))
        canvas.ellipse(x, top + 0.2 * h, 0.22 * w, 0.22 * w, shade(wood, 0.7))
        canvas.line([(x + 0.5 * w, top - 0.04 * h), (x + 0.3 * w, top - 0.13 * h)], (40, 40, 44), 0.012 * h)

    def _listeners(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        layer = canvas.layer()
        for x in np.arange(place.uniform(0, 0.2), canvas.aspect, place.uniform(0.22, 0.34)):
            at, r = x + motion.uniform(-0.02, 0.02), place.uniform(0.05, 0.06)
            layer.ellipse(at, 0.99, r, 1.2 * r, (214, 212, 206))
            layer.ellipse(at, 1.1, 2 * r, 1.2 * r, (214, 212, 206))
        canvas.add_shadow(layer, 0.008)

    def _slides(self, canvas: Canvas, place: np.random.Generator, box: Box) -> None:
        x0, y0, x1, y1 = box
        w, h = x1 - x0, y1 - y0
        canvas.rect(x0 - 0.014, y0 - 0.014, x1 + 0.014, y1 + 0.014, (34, 35, 40))
        paper: Color = ((248, 248, 244), (236, 242, 250), (250, 243, 228))[place.integers(3)]
        canvas.rect(x0, y0, x1, y1, paper)
        accent = shade(list(LIGHTS.values())[place.integers(len(LIGHTS))], 0.84)
        name = self.slides.rsplit(" ", 1)[-1]
        if name != "picture":
            canvas.rect(x0 + 0.07 * w, y0 + 0.08 * h, x0 + place.uniform(0.4, 0.7) * w, y0 + 0.15 * h, (50, 54, 66))
        getattr(self, f"_{name}")(canvas, place, (x0, y0), (w, h), accent)

    def _chart(self, canvas: Canvas, place: np.random.Generator, at: Point, size: Point, accent: Color) -> None:
        (x0, y0), (w, h), bars = at, size, int(place.integers(4, 6))
        for i in range(bars):
            left, high = x0 + w * (0.1 + 0.8 * i / bars), h * place.uniform(0.22, 0.64)
            right, base = left + 0.62 * w * 0.8 / bars, y0 + 0.9 * h
            canvas.rect(left, base - high, right, base, accent)
            canvas.rect(right - 0.2 * (right - left), base - high, right, base, shade(accent, 0.84))
        canvas.line([(x0 + 0.07 * w, y0 + 0.905 * h), (x0 + 0.93 * w, y0 + 0.905 * h)], (50, 54, 66), 0.007)

    def _list(self, canvas: Canvas, place: np.random.Generator, at: Point, size: Point, accent: Color) -> None:
        (x0, y0), (w, h) = at, size
        for i in range(4):
            y = y0 + h * (0.33 + 0.17 * i)
            canvas.ellipse(x0 + 0.12 * w, y, 0.045 * h, 0.045 * h, accent)
            canvas.rect(x0 + 0.2 * w, y - 0.03 * h, x0 + place.uniform(0.6, 0.92) * w, y + 0.03 * h, (96, 100, 112))

    def _picture(self, canvas: Canvas, place: np.random.Generator, at: Point, size: Point, accent: Color) -> None:
        (x0, y0), (w, h), dusk = at, size, place.random() < 0.5
        sky: Color = (244, 168, 104) if dusk else (112, 176, 232)
        left, right, top, base = x0 + 0.04 * w, x0 + 0.96 * w, y0 + 0.05 * h, y0 + 0.95 * h
        for i in range(8):
            tone = mix(sky, (255, 244, 226), i / 8)
            canvas.rect(left, top + 0.1 * h * i, right, base, tone)
        canvas.ellipse(x0 + place.uniform(0.25, 0.75) * w, y0 + 0.3 * h, 0.1 * h, 0.1 * h, (255, 250, 214))
        for near, y, peak in ((0.9, 0.42, place.uniform(0.2, 0.5)), (0.6, 0.52, place.uniform(0.5, 0.8))):
            hill = mix((84, 110, 150), (70, 120, 76), 1 - near)
            ridge = [(left, y0 + (y + 0.26) * h), (x0 + peak * w, y0 + y * h), (right, y0 + (y + 0.2) * h)]
            canvas.polygon([*ridge, (right, base), (left, base)], shade(hill, 0.6 + 0.5 * near))
        canvas.rect(left, y0 + 0.82 * h, right, base, (62, 96, 64))

    def _graph(self, canvas: Canvas, place: np.random.Generator, at: Point, size: Point, accent: Color) -> None:
        (x0, y0), (w, h) = at, size
        ink: Color = (50, 54, 66)
        for row in range(1, 4):
            y = y0 + h * (0.9 - 0.17 * row)
            canvas.line([(x0 + 0.1 * w, y), (x0 + 0.93 * w, y)], (204, 208, 214), 0.004)
        axes = [(x0 + 0.09 * w, y0 + 0.22 * h), (x0 + 0.09 * w, y0 + 0.9 * h), (x0 + 0.94 * w, y0 + 0.9 * h)]
        canvas.line(axes, ink, 0.008)
        values = np.cumsum(place.uniform(-0.12, 0.2, 6)) + place.uniform(0.1, 0.3)
        values = 0.08 + 0.56 * (values - values.min()) / max(0.05, float(np.ptp(values)))
        points = [(x0 + w * (0.13 + 0.155 * i), y0 + h * (0.9 - value)) for i, value in enumerate(values.tolist())]
        canvas.line(points, accent, 0.018)
        for point in points:
            canvas.ellipse(*point, 0.017, 0.017, shade(accent, 0.7))
