"""The topic sports: players with a ball on a field or in a hall."""

from dataclasses import dataclass, replace
from math import cos, radians, sin
from typing import ClassVar, Self

import numpy as np

from core.mini import venues
from core.mini.canvas import Canvas, Point, shade
from core.mini.figures import CLOTHES, RUNNING, Pose, ground_shadow, person, sample_look, sway
from core.mini.light import Light
from core.mini.scene import NUMBERS, Scene, crowd_label, in_order, new_seed, pick

KICKING = Pose(left=(-30, 60), right=(50, 110), legs=(14, 46), lean=-0.05)
LEAPING = Pose(left=(60, 100), right=(150, 172), legs=(20, 34))
BATTING = Pose(left=(28, 4), right=(46, -40), legs=(18, 16), lean=0.03)
MOVES: dict[str, tuple[Pose, ...]] = {
    "football": (RUNNING, KICKING),
    "basketball": (LEAPING, RUNNING),
    "cricket": (BATTING, RUNNING),
    "a race": (RUNNING,),
}


@dataclass(frozen=True, kw_only=True)
class Sports(Scene):
    """Players with a ball on a field or in a hall."""

    topic: ClassVar[str] = "sports"
    game: str
    count: int
    shirts: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            count=int(rng.integers(1, 5)),
            game=pick(rng, ("football", "basketball", "cricket", "a race")),
            shirts=pick(rng, ("red", "blue", "yellow", "white", "purple")),
        )

    @property
    def caption(self) -> str:
        who = "a player" if self.count == 1 else f"{NUMBERS[self.count]} players"
        verb = (
            ("runs" if self.count == 1 else "run")
            if self.game == "a race"
            else ("plays" if self.count == 1 else "play")
        )
        where = "in a hall" if self.game == "basketball" else "outdoors"
        return f"{who} in {self.shirts} {verb} {self.game} {where}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("sports", "indoors" if self.game == "basketball" else "outdoors", crowd_label(self.count))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wide, horizon = canvas.aspect, place.uniform(0.4, 0.47)
        side = 1 if place.random() < 0.5 else -1
        canvas.light = Light(side=-side, tint=0.25)
        venue = {"football": venues.pitch, "cricket": venues.oval, "basketball": venues.hall, "a race": venues.track}
        venue[self.game](canvas, place, horizon)
        height = place.uniform(0.46, 0.5) if self.count < 3 else place.uniform(0.4, 0.43)
        margin = 0.24 if self.count < 3 and self.game != "cricket" else 0.1
        free = self.game == "cricket"  # one place more, for the stumps
        spots = []
        slots = self.count + free
        stumps = int(place.integers(slots)) if free else -1
        for i in range(slots):
            x = wide * (margin + (1 - 2 * margin) * (i + 0.5 + place.uniform(-0.1, 0.1)) / slots)
            if i == stumps:
                self._stumps(canvas, x, 0.88)
                continue
            foot = place.uniform(0.78, 0.87)
            spots.append((x + motion.uniform(-0.03, 0.03), foot, height * place.uniform(0.96, 1.04)))
        ground_shadow(canvas, [(x + side * 0.12 * size, foot, 0.3 * size) for x, foot, size in spots])
        spots.sort(key=lambda spot: spot[1])
        hands: list[tuple[Point, Point]] = []
        for i, (x, foot, size) in enumerate(spots):
            look = sample_look(place, top=shade(CLOTHES[self.shirts], place.uniform(0.95, 1.05)))
            look = replace(look, trousers=(226, 224, 216) if self.game == "cricket" else (48, 50, 62))
            moves = MOVES[self.game]
            pose = moves[0] if i == 0 else moves[place.integers(len(moves))]
            if self.game == "cricket" and i > 0:
                pose = RUNNING
            lift = 0.03 if pose is LEAPING else 0.0
            hands.append(person(canvas, x, foot - lift, size, look, sway(pose, motion, 20)))
        if self.game == "cricket":
            self._bat(canvas, hands[0], spots[0][2])
        self._ball(canvas, place, motion, spots)

    def _ball(
        self,
        canvas: Canvas,
        place: np.random.Generator,
        motion: np.random.Generator,
        spots: list[tuple[float, float, float]],
    ) -> None:
        if self.game == "a race":
            return
        x, foot, size = spots[int(place.integers(len(spots)))]
        away = 0.34 * size * (1 if x < 0.5 * canvas.aspect else -1)
        if self.game == "football":
            at, r = (x + away + motion.uniform(-0.03, 0.03), foot - motion.uniform(0.02, 0.1)), 0.036
            ground_shadow(canvas, [(at[0], foot + 0.02, 1.5 * r)])
            canvas.ellipse(*at, r, r, (206, 208, 210))
            canvas.ellipse(at[0] - 0.12 * r, at[1] - 0.12 * r, 0.86 * r, 0.86 * r, (248, 248, 246))
            turn = motion.uniform(0, 72)
            for a in (0, 72, 144, 216, 288):
                dx, dy = 0.78 * r * cos(radians(a + turn)), 0.78 * r * sin(radians(a + turn))
                canvas.ellipse(at[0] + dx, at[1] + dy, 0.2 * r, 0.2 * r, (34, 36, 42))
            canvas.ellipse(*at, 0.3 * r, 0.3 * r, (34, 36, 42))
        elif self.game == "basketball":
            at, r = (x + away, foot - 0.5 * size + motion.uniform(-0.16, 0.1)), 0.045
            canvas.ellipse(*at, r, r, (170, 80, 26))
            canvas.ellipse(at[0] - 0.14 * r, at[1] - 0.14 * r, 0.82 * r, 0.82 * r, (234, 124, 46))
            canvas.ellipse(at[0] - 0.36 * r, at[1] - 0.4 * r, 0.26 * r, 0.2 * r, (252, 176, 110))
            canvas.line([(at[0] - r, at[1]), (at[0] + r, at[1])], (70, 38, 20), 0.1 * r)
            canvas.ellipse(*at, 0.36 * r, 0.98 * r, (70, 38, 20), outline=0.1 * r)
        else:
            at, r = (x + 1.1 * away, foot - motion.uniform(0.1, 0.45) * size), 0.016
            canvas.ellipse(*at, r, r, (150, 20, 26))
            canvas.ellipse(at[0] - 0.2 * r, at[1] - 0.2 * r, 0.7 * r, 0.7 * r, (220, 50, 46))

    def _bat(self, canvas: Canvas, hands: tuple[Point, Point], size: float) -> None:
        (x, y), wood = hands[0], (224, 184, 120)
        canvas.line([(x, y - 0.03 * size), (x - 0.05 * size, y + 0.1 * size)], (50, 40, 36), 0.03 * size)
        blade = [(-0.09, 0.08), (-0.015, 0.11), (-0.1, 0.42), (-0.18, 0.38)]
        canvas.polygon([(x + dx * size, y + dy * size) for dx, dy in blade], shade(wood, 0.8))
        canvas.polygon([(x + dx * size - 0.01 * size, y + dy * size) for dx, dy in blade], wood)

    def _stumps(self, canvas: Canvas, x: float, foot: float) -> None:
        ground_shadow(canvas, [(x + 0.03, foot, 0.1)])
        for dx in (-0.045, 0.0, 0.045):
            canvas.rect(x + dx - 0.009, foot - 0.27, x + dx + 0.009, foot, (226, 186, 112))
            canvas.rect(x + dx + 0.002, foot - 0.27, x + dx + 0.009, foot, (176, 132, 70))
        canvas.rect(x - 0.056, foot - 0.283, x + 0.056, foot - 0.27, (244, 208, 140))
