"""The topic group photo: friends side by side, all looking at the camera."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Light, mix, shade
from core.mini.figures import CHEERING, CLOTHES, STANDING, Pose, ground_shadow, person, sample_look, sway
from core.mini.props import trees
from core.mini.rooms import boards
from core.mini.scene import LIGHTS, NUMBERS, Scene, in_order, new_seed, pick

SHIRTS = ("red", "blue", "green", "yellow", "white", "black", "purple")
STONES: tuple[Color, ...] = ((186, 174, 156), (168, 164, 160), (190, 160, 134))
WALLS: tuple[Color, ...] = ((150, 130, 114), (122, 136, 148), (140, 124, 140))
CLOSE = Pose(left=(20, -6), right=(20, -6))


@dataclass(frozen=True, kw_only=True)
class GroupPhoto(Scene):
    """Friends side by side, all looking at the camera."""

    topic: ClassVar[str] = "group photo"
    count: int
    shirts: str
    place: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            count=int(rng.integers(3, 7)),
            shirts=pick(rng, (*SHIRTS, "mixed")),
            place=pick(rng, ("on a lawn", "on the steps", "in a hall")),
        )

    @property
    def caption(self) -> str:
        return f"a group photo of {NUMBERS[self.count]} people in {self.shirts} shirts {self.place}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("group photo", "people", "indoors" if self.place == "in a hall" else "outdoors")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        floor, wide = place.uniform(0.6, 0.66), canvas.aspect
        canvas.light = Light(side=-1.0 if place.random() < 0.5 else 1.0, color=(255, 242, 220))
        layer = canvas.layer()
        {"on a lawn": self._lawn, "on the steps": self._steps}.get(self.place, self._hall)(layer, place, floor)
        canvas.backdrop(layer, 0.006)
        if self.place == "on a lawn":
            canvas.texture(floor, 1, 0.16, place, stretch=2)
        back = self.count // 2 if self.count == 6 or (self.count == 5 and place.random() < 0.6) else 0
        front = self.count - back
        spacing = min(0.66 * wide / front, place.uniform(0.27, 0.31))
        height = min(place.uniform(0.6, 0.68), spacing / 0.31)
        if back:
            height = min(height, 0.54)
        middle, feet = wide * place.uniform(0.47, 0.53), place.uniform(0.87, 0.91)
        shift = 0.25 * spacing if back == front else 0.0  # the back row shows between the front one
        tops = [CLOTHES[name] for name in place.permutation(np.array(SHIRTS))]
        if self.shirts != "mixed":
            tops = [CLOTHES[self.shirts]] * self.count
        if back:
            top = feet - 0.27 * height
            self._step(canvas, middle, top, 0.5 * spacing * (back + 0.9), feet - 0.1 * height)
            canvas.add_shadow(self._between(canvas, middle, top, spacing * front), 0.03)
        for number, base, aside in ((back, feet - 0.27 * height, -shift), (front, feet, shift)):
            where = (middle + aside, base, spacing, height)
            self._row(canvas, place, motion, number, where, tops, close=back > 0)
            tops = tops[number:]

    def _row(
        self,
        canvas: Canvas,
        place: np.random.Generator,
        motion: np.random.Generator,
        number: int,
        where: tuple[float, float, float, float],
        tops: list[Color],
        *,
        close: bool,
    ) -> None:
        middle, feet, spacing, height = where
        moves = motion.uniform(-0.014, 0.014, number)
        spots = [
            middle + spacing * (i - (number - 1) / 2 + place.uniform(-0.05, 0.05)) + moves[i] for i in range(number)
        ]
        ground_shadow(canvas, [(x, feet, 0.17 * height) for x in spots])
        before = canvas.snapshot()
        for i, x in enumerate(spots):
            pose = CLOSE if close else CHEERING if motion.random() < 0.2 else STANDING
            look = sample_look(place, top=shade(tops[i], place.uniform(0.94, 1.04)))
            size = height * place.uniform(0.94, 1.03)
            person(canvas, x, feet, size, look, sway(pose, motion, 14), turn=motion.uniform(-0.6, 0.6))
        canvas.sculpt(before, 0.01, 0.4)

    def _step(self, canvas: Canvas, x: float, top: float, half: float, bottom: float) -> None:
        wood: Color = (150, 142, 134)
        canvas.rect(x - half, top, x + half, bottom, shade(wood, 0.66))
        canvas.rect(x - half, top - 0.012, x + half, top + 0.016, wood)

    def _between(self, canvas: Canvas, x: float, top: float, width: float) -> Canvas:
        shadow = canvas.layer()
        shadow.rect(x - 0.4 * width, top + 0.02, x + 0.4 * width, top + 0.2, (70, 70, 66))
        return shadow

    def _lawn(self, canvas: Canvas, place: np.random.Generator, floor: float) -> None:
        sky = mix((132, 188, 238), (246, 208, 160), place.uniform(0, 0.7))
        canvas.gradient(0, floor, shade(sky, 0.96), mix(sky, (255, 250, 240), 0.7))
        trees(canvas, place, floor, int(place.integers(4, 9)), 1.3)
        grass = shade((112, 160, 70), place.uniform(0.85, 1.1))
        canvas.gradient(floor, 1, shade(grass, 1.12), shade(grass, 0.66))

    def _steps(self, canvas: Canvas, place: np.random.Generator, floor: float) -> None:
        stone = shade(STONES[place.integers(3)], place.uniform(0.85, 1.0))
        canvas.gradient(0, floor, shade(stone, 0.5), shade(stone, 0.66))
        side = canvas.light.side
        for x in np.arange(place.uniform(-0.1, 0.1), canvas.aspect, place.uniform(0.26, 0.36)):
            for share in range(6):
                tone = shade(stone, (1.2 - 0.1 * share) if side < 0 else (0.7 + 0.1 * share))
                canvas.rect(x + 0.018 * share, 0, x + 0.018 * (share + 1), floor, tone)
            canvas.rect(x - 0.02, floor - 0.05, x + 0.13, floor, shade(stone, 0.95))
        for i, y in enumerate(np.linspace(floor, 1.04, 8)):
            canvas.rect(0, float(y), canvas.aspect, float(y) + 0.026, shade(stone, 1.14 + 0.01 * i))
            canvas.rect(0, float(y) + 0.026, canvas.aspect, float(y) + 0.07, shade(stone, 0.72))

    def _hall(self, canvas: Canvas, place: np.random.Generator, floor: float) -> None:
        wall = shade(WALLS[place.integers(3)], place.uniform(0.85, 1.05))
        boards(canvas, floor, shade((166, 116, 74), place.uniform(0.8, 1.0)), place)
        canvas.gradient(0, floor, shade(wall, 0.6), wall)
        canvas.rect(0, floor - 0.12, canvas.aspect, floor, shade(wall, 0.7))
        tint = list(LIGHTS.values())[place.integers(len(LIGHTS))]
        for x in np.arange(place.uniform(0.02, 0.2), canvas.aspect, place.uniform(0.32, 0.46)):
            canvas.rect(x, 0.08, x + 0.2, 0.4, (62, 48, 40))
            canvas.rect(x + 0.016, 0.1, x + 0.184, 0.38, mix((206, 222, 236), tint, place.uniform(0.05, 0.25)))
            canvas.line([(x + 0.1, 0.1), (x + 0.1, 0.38)], (62, 48, 40), 0.008)
        glow = canvas.layer()
        for x in np.linspace(0.15, 0.85, 4):
            glow.ellipse(x * canvas.aspect, 0.02, 0.14, 0.2, (60, 48, 30))
        canvas.add_light(glow, 0.05)
