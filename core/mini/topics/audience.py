"""The topic audience: rows of people seen from the stage."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Light, mix, shade
from core.mini.figures import CLOTHES, bust, limbs, sample_look
from core.mini.scene import Scene, in_order, new_seed, pick

WALLS: tuple[Color, ...] = ((104, 90, 80), (92, 92, 98), (116, 102, 86), (80, 78, 82))
SEAT = np.array(
    [(-2.04, 4.4), (-2.04, -0.1), (-1.8, -0.7), (-1.2, -1.0), (1.2, -1.0), (1.8, -0.7), (2.04, -0.1), (2.04, 4.4)]
)
EMPTY_BLOCKS = ("left", "right", "middle")


@dataclass(frozen=True, kw_only=True)
class Audience(Scene):
    """Rows of people seen from the stage."""

    topic: ClassVar[str] = "audience"
    mood: str
    seats: str
    full: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            mood=pick(rng, ("listening", "cheering", "filming")),
            seats=pick(rng, ("red", "blue", "green", "purple")),
            full=bool(rng.random() < 0.5),
        )

    @property
    def caption(self) -> str:
        return f"a {'full' if self.full else 'sparse'} audience {self.mood} in {self.seats} seats"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("audience", "indoors", "people")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        canvas.light = Light(side=-1.0 if place.random() < 0.5 else 1.0, tint=0.3)
        wall, cloth = shade(WALLS[place.integers(4)], place.uniform(0.8, 1.1)), CLOTHES[self.seats]
        rows, top = int(place.integers(3, 5)), place.uniform(0.2, 0.26)
        back = canvas.layer()
        back.gradient(0, top + 0.25, shade(wall, 0.45), shade(wall, 0.9))
        back.gradient(top + 0.2, 1, shade(cloth, 0.5), shade(cloth, 0.3))
        for x in np.arange(place.uniform(0, 0.2), canvas.aspect, place.uniform(0.2, 0.35)):
            back.rect(x, 0, x + 0.015, top + 0.2, shade(wall, 0.5))
        canvas.backdrop(back, 0.008)
        lamps, glow = canvas.layer(), canvas.layer()
        for x in np.linspace(0.12, 0.88, int(place.integers(3, 6))):
            lamps.ellipse(x * canvas.aspect, 0.06, 0.024, 0.024, (255, 226, 170))
            glow.ellipse(x * canvas.aspect, 0.1, 0.1, 0.14, (56, 44, 28))
        canvas.add_light(lamps, 0.01)
        canvas.add_light(glow, 0.06)
        block, before = pick(place, EMPTY_BLOCKS), None
        for row in range(rows):
            depth = (row + 1) / rows
            r = 0.72 * (0.3 + 0.12 * depth) / (rows + 1.6)
            y = top + (0.96 - top) * (row + 0.34) / rows
            if row == rows - 1:
                before = canvas.snapshot()
            shadow = canvas.layer()
            shadow.rect(0, y + 0.4 * r, canvas.aspect, y + 3.0 * r, (96, 96, 92))
            canvas.add_shadow(shadow, 0.012)
            pitch = 4.3 * r
            columns = int(canvas.aspect / pitch) + 2
            start = canvas.aspect / 2 - pitch * (columns - 1) / 2 + (0.25 if row % 2 else -0.25) * pitch
            for column in range(columns):
                x = start + column * pitch
                if not -1.9 * r < x < canvas.aspect + 1.9 * r:
                    continue
                self._seat(canvas, x, y, r, shade(cloth, 0.76 + 0.32 * depth))
                taken = self.full or self._taken(block, x / canvas.aspect)
                self._listener(canvas, place, motion, x, y, r, taken)
        if before is not None:
            canvas.sculpt(before, 0.01, 0.35)

    def _taken(self, block: str, across: float) -> bool:
        """Whether the seats of this part of the hall are taken, where half are."""
        if block in ("left", "right"):
            return (across < 0.5) == (block == "right")
        return abs(across - 0.5) > 0.25

    def _seat(self, canvas: Canvas, x: float, y: float, r: float, cloth: Color) -> None:
        side = canvas.light.side
        canvas.polygon(SEAT * r + (x, y), shade(cloth, 0.6))
        canvas.polygon(SEAT * (0.9 * r, r) + (x + 0.07 * side * r, y + 0.14 * r), cloth)
        canvas.ellipse(x + 0.6 * side * r, y - 0.5 * r, 0.9 * r, 0.26 * r, shade(cloth, 1.2))

    def _listener(
        self,
        canvas: Canvas,
        place: np.random.Generator,
        motion: np.random.Generator,
        x: float,
        y: float,
        r: float,
        taken: bool,
    ) -> None:
        look = sample_look(place)
        look = type(look)(**{**look.__dict__, "top": mix(look.top, (150, 146, 140), 0.55)})
        dx, dy, raised, turn = motion.uniform(-0.35, 0.35), motion.uniform(-0.25, 0.2), motion.random(), motion.random()
        reach = motion.uniform(0.0, 0.8, 2)
        if not taken:
            return
        x, y = x + dx * r, y + dy * r
        if self.mood == "cheering":
            bust_at = y + 1.12 * r
            bust(canvas, x, bust_at, r, look, turn=2 * turn - 1, down=3.4)
            if raised < 0.9:
                sides = (-1, 1) if raised < 0.4 else (-1,) if turn < 0.5 else (1,)
                for side, far in zip(sides, reach, strict=False):
                    hand = (x + side * (1.35 + 0.3 * far) * r, y - (0.9 + far) * r)
                    self._arm(canvas, (x + side * 1.35 * r, y + 2.5 * r), hand, r, look.top, look.skin)
            return
        bust(canvas, x, y + 1.12 * r, r, look, turn=2 * turn - 1, smile=0.5, down=3.4)
        if self.mood == "filming" and raised < 0.8:
            side = 1 if turn > 0.5 else -1
            hand = (x + side * 1.25 * r, y - (0.2 + 0.5 * reach[0]) * r)
            self._arm(canvas, (x + side * 1.4 * r, y + 2.6 * r), hand, r, look.top, look.skin)
            px, py = hand[0], hand[1] - 0.5 * r
            canvas.rect(px - 0.5 * r, py - 0.86 * r, px + 0.5 * r, py + 0.86 * r, (14, 14, 18))
            canvas.rect(px - 0.4 * r, py - 0.74 * r, px + 0.4 * r, py + 0.74 * r, (206, 234, 255))

    def _arm(
        self,
        canvas: Canvas,
        shoulder: tuple[float, float],
        hand: tuple[float, float],
        r: float,
        top: Color,
        skin: Color,
    ) -> None:
        middle = (0.45 * shoulder[0] + 0.55 * hand[0], 0.45 * shoulder[1] + 0.55 * hand[1])
        limbs(canvas, (shoulder, middle, hand), (0.36 * r, 0.32 * r, 0.28 * r), (top, skin))
        canvas.ellipse(hand[0], hand[1] - 0.12 * r, 0.34 * r, 0.4 * r, canvas.light.lit(skin))
