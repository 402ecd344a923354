"""The topic exhibition: visitors before framed photographs on a wall."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

import cv2
import numpy as np

from core.mini.canvas import Canvas, Color, Image, mix, shade
from core.mini.figures import Pose, bust, ground_shadow, person, sample_look, sway
from core.mini.light import Light
from core.mini.scene import NUMBERS, Scene, crowd_label, in_order, new_seed, pick
from core.mini.surfaces import lay, mirror, paste
from core.mini.topics.landscape import Landscape

WALLS: dict[str, Color] = {
    "white": (232, 230, 224),
    "grey": (112, 115, 121),
    "red": (164, 40, 42),
    "blue": (38, 78, 150),
}
FRAMES: tuple[Color, ...] = ((26, 25, 27), (104, 68, 40), (46, 36, 32))
LOOKING = Pose(left=(10, -6), right=(12, 4), legs=(4, 5))
SHOWN = 20  # photographs in the gallery's store


@lru_cache(maxsize=1)
def gallery() -> tuple[Image, ...]:
    """Small photographs (H, W, 3) to hang: landscapes, portraits, abstracts; some in black and white."""
    shown: list[Image] = []
    for index in range(SHOWN):
        rng, canvas = np.random.default_rng([index, 808]), Canvas(240, 180)
        if index % 4 < 2:
            ground, hour = ("hills", "mountains", "a lake")[index % 3], ("noon", "sunset")[index // 4 % 2]
            Landscape(seed=index, ground=ground, hour=hour, front="nothing").paint(canvas, rng, rng)
        elif index % 4 == 2:
            _portrait(canvas, rng)
        else:
            _abstract(canvas, rng)
        picture = canvas.pixels
        if index % 5 == 4:
            picture = np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
        shown.append(picture)
    return tuple(shown)


def _portrait(canvas: Canvas, rng: np.random.Generator) -> None:
    tops: tuple[Color, ...] = ((60, 70, 96), (150, 60, 56), (226, 220, 206), (66, 100, 80))
    tone: Color = ((70, 92, 104), (128, 96, 74), (92, 108, 80), (60, 56, 72))[rng.integers(4)]
    canvas.gradient(0, 1, shade(tone, 1.25), shade(tone, 0.6))
    bust(canvas, 0.5 * canvas.aspect, 0.66, 0.21, sample_look(rng, top=tops[rng.integers(4)]))


def _abstract(canvas: Canvas, rng: np.random.Generator) -> None:
    tones: tuple[Color, ...] = ((222, 180, 96), (196, 84, 60), (44, 92, 116), (226, 218, 200), (36, 44, 60))
    canvas.gradient(0, 1, tones[rng.integers(5)], tones[rng.integers(5)])
    for _ in range(7):
        x, y, r = rng.uniform(0, canvas.aspect), rng.uniform(0, 1), rng.uniform(0.1, 0.34)
        canvas.ellipse(
            x, y, r, r, tones[rng.integers(5)], arc=(0, float(rng.choice([180, 360]))), angle=rng.uniform(0, 360)
        )
        canvas.line([(x, y), (x + rng.uniform(-0.8, 0.8), y + rng.uniform(-0.8, 0.8))], tones[rng.integers(5)], 0.02)


@dataclass(frozen=True, kw_only=True)
class Exhibition(Scene):
    """Visitors, seen from behind, before framed photographs on a wall."""

    topic: ClassVar[str] = "exhibition"
    pictures: int
    visitors: int
    wall: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            pictures=int(rng.integers(2, 5)),
            visitors=int(rng.integers(1, 4)),
            wall=pick(rng, ("white", "grey", "red", "blue")),
        )

    @property
    def caption(self) -> str:
        who = "a visitor" if self.visitors == 1 else f"{NUMBERS[self.visitors]} visitors"
        return f"{who} before {NUMBERS[self.pictures]} framed pictures on a {self.wall} wall"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("indoors", crowd_label(self.visitors))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wide, floor = canvas.aspect, place.uniform(0.73, 0.8)
        canvas.light = Light(side=-1.0 if place.random() < 0.5 else 1.0, color=(255, 226, 186), rim=(70, 58, 40))
        wall = shade(WALLS[self.wall], place.uniform(0.95, 1.04))
        canvas.gradient(0, floor, shade(wall, 0.74), shade(wall, 0.86))
        lay(canvas, "brush", 0, floor, 0.05, place)
        pitch = 0.8 * wide / self.pictures
        across, tall = min(0.4, 0.84 * pitch), place.uniform(0.25, 0.28)
        middle = 0.16 + tall / 2
        spots = [0.1 * wide + pitch * (i + 0.5 + place.uniform(-0.03, 0.03)) for i in range(self.pictures)]
        self._light(canvas, spots, wall, middle, 0.62 * across)
        frame, order = FRAMES[place.integers(len(FRAMES))], place.permutation(SHOWN)
        for i, x in enumerate(spots):
            half = across / 2 * place.uniform(0.86, 1.0)
            self._frame(canvas, gallery()[order[i]], (x - half, middle - tall / 2, x + half, middle + tall / 2), frame)
        self._floor(canvas, place, floor, wall)
        self._visitors(canvas, place, motion, wide, floor)

    def _light(self, canvas: Canvas, spots: list[float], wall: Color, middle: float, half: float) -> None:
        pools, warm = canvas.layer(), shade(mix(wall, (255, 226, 180), 0.3), 0.34)
        for x in spots:
            pools.polygon([(x - 0.02, -0.02), (x + 0.02, -0.02), (x + half, 0.5), (x - half, 0.5)], shade(warm, 0.5))
            pools.ellipse(x, middle + 0.02, 1.15 * half, 0.27, warm)
        canvas.add_light(pools, 0.035)
        canvas.rect(0, 0.028, canvas.aspect, 0.04, (30, 30, 32))
        for x in spots:
            canvas.polygon(
                [(x - 0.016, 0.035), (x + 0.016, 0.035), (x + 0.024, 0.075), (x - 0.024, 0.075)], (24, 24, 26)
            )
            canvas.ellipse(x, 0.075, 0.022, 0.007, (255, 248, 226))

    def _frame(self, canvas: Canvas, picture: Image, box: tuple[float, float, float, float], wood: Color) -> None:
        x0, y0, x1, y1 = box
        shadow = canvas.layer()
        shadow.rect(x0 + 0.004, y0 + 0.014, x1 + 0.014, y1 + 0.024, (150, 150, 150))
        canvas.add_shadow(shadow, 0.012)
        canvas.rect(x0, y0, x1, y1, wood)
        canvas.polygon([(x0, y0), (x1, y0), (x1 - 0.013, y0 + 0.013), (x0 + 0.013, y0 + 0.013)], shade(wood, 1.5))
        canvas.polygon([(x1, y0), (x1, y1), (x1 - 0.013, y1 - 0.013), (x1 - 0.013, y0 + 0.013)], shade(wood, 0.7))
        canvas.rect(x0 + 0.013, y0 + 0.013, x1 - 0.013, y1 - 0.013, (246, 243, 236))
        canvas.rect(x0 + 0.013, y0 + 0.013, x1 - 0.013, y0 + 0.018, (206, 202, 194))
        mat = 0.035
        aspect = (x1 - x0 - 2 * mat) / (y1 - y0 - 2 * mat)
        height, width = picture.shape[:2]
        cut = min(width, round(height * aspect))
        rows = min(height, round(cut / aspect))
        left, top = (width - cut) // 2, (height - rows) // 2
        paste(canvas, picture[top : top + rows, left : left + cut], x0 + mat, y0 + mat, x1 - mat, y1 - mat)

    def _floor(self, canvas: Canvas, place: np.random.Generator, floor: float, wall: Color) -> None:
        wide, wood = canvas.aspect, ((148, 104, 66), (118, 112, 108), (96, 70, 52))[place.integers(3)]
        canvas.rect(0, floor - 0.022, wide, floor, shade(wall, 0.62) if self.wall != "white" else (206, 204, 198))
        canvas.gradient(floor, 1, shade(wood, 0.92), shade(wood, 0.6))
        vanish = place.uniform(0.3, 0.7) * wide
        for x in np.arange(-2 * wide, 3 * wide, 0.17).tolist():
            canvas.line([(vanish + (x - vanish) * 0.62, floor), (x, 1.0)], shade(wood, 0.62), 0.002)
        lay(canvas, "grit", floor, 1, 0.06, place, flat=True)
        mirror(canvas, floor, 1, place, tint=(255, 255, 255), strength=0.3, sharp=0.25, stretch=0.6, ripples=0)

    def _visitors(
        self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, wide: float, floor: float
    ) -> None:
        height, span = place.uniform(0.42, 0.45), 0.7 * wide / self.visitors
        spots = [
            (
                0.15 * wide + span * (i + 0.5 + place.uniform(-0.16, 0.16)) + motion.uniform(-0.03, 0.03),
                place.uniform(0.91, 0.93),
            )
            for i in range(self.visitors)
        ]
        if self.visitors == 1:
            spots = [(wide * place.uniform(0.3, 0.7) + motion.uniform(-0.03, 0.03), 0.92)]
        ground_shadow(canvas, [(x, feet, 0.22 * height) for x, feet in spots])
        clothes: tuple[Color, ...] = ((222, 206, 178), (70, 124, 96), (226, 158, 60), (60, 62, 74), (196, 196, 200))
        order = place.permutation(len(clothes))
        for i, (x, feet) in enumerate(spots):
            look = sample_look(place, top=clothes[order[i]])
            person(canvas, x, feet, height, look, sway(LOOKING, motion, 12), back=True)
