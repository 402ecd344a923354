"""The topic night: a street after dark, with or without people."""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import ClassVar, Self

import numpy as np

from core.mini.buildings import terrace
from core.mini.canvas import Canvas, Color, Point, mix, shade
from core.mini.figures import CLOTHES, Pose, ground_shadow, person, sample_look, sway
from core.mini.light import Light
from core.mini.scene import NUMBERS, Scene, crowd_label, in_order, new_seed, pick
from core.mini.surfaces import glow, lay, mirror

SKIES: tuple[Color, ...] = ((22, 32, 74), (44, 28, 72), (14, 40, 66))
LAMP: Color = (255, 190, 96)
SPARKS: tuple[Color, ...] = ((255, 90, 130), (110, 230, 140), (90, 190, 255), (255, 214, 110), (210, 120, 255))
WALKING = Pose(legs=(9, 9), left=(22, 14), right=(22, 14))


@dataclass(frozen=True, kw_only=True)
class Night(Scene):
    """A street after dark, with or without people."""

    topic: ClassVar[str] = "night"
    people: int
    lamps: int
    sky: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.25),
            people=int(rng.integers(0, 4)),
            lamps=int(rng.integers(1, 4)),
            sky=pick(rng, ("the moon", "fireworks", "a dark sky")),
        )

    @property
    def caption(self) -> str:
        lamps = "a street lamp" if self.lamps == 1 else f"{NUMBERS[self.lamps]} street lamps"
        who = ("", " and one person walking", " and two people walking", " and three people walking")[self.people]
        return f"a street at night with {lamps}{who} under {self.sky}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("night", "outdoors", *((crowd_label(self.people),) if self.people else ()))

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wide, ground = canvas.aspect, place.uniform(0.68, 0.74)
        side = -1.0 if place.random() < 0.5 else 1.0
        canvas.light = Light(side=side, color=(255, 206, 140), tint=0.5, dim=0.95, rim=(170, 110, 50))
        sky = SKIES[place.integers(len(SKIES))]
        canvas.gradient(0, ground + 0.02, shade(sky, 0.42), mix(shade(sky, 1.5), (150, 90, 80), 0.25))
        for x, y in (place.uniform(0, 1, (int(place.integers(20, 60)), 2)) * (wide, 0.45)).tolist():
            canvas.ellipse(x, y, 0.0016, 0.0016, shade((200, 206, 224), place.uniform(0.4, 1)))
        lamps = self._lamp_places(place, wide)
        if self.sky == "the moon":
            self._moon(canvas, place)
        terrace(canvas, place, ground)
        canvas.defocus(0.0022)
        if self.sky == "fireworks":
            self._fireworks(canvas, place, motion)
        top = ground - place.uniform(0.31, 0.36)
        self._street(canvas, place, motion, ground)
        self._lamps(canvas, lamps, ground, top)
        mirror(
            canvas, ground + 0.05, 1, place, tint=(255, 255, 255), strength=0.62, sharp=0.3, stretch=0.62, ripples=0.16
        )
        self._walkers(canvas, place, motion, ground, lamps)

    def _lamp_places(self, place: np.random.Generator, wide: float) -> list[float]:
        shift = place.uniform(-0.03, 0.03)
        if self.lamps == 1:
            return [wide * (0.5 + place.uniform(-0.22, 0.22))]
        edge = place.uniform(0.2, 0.26)
        return [wide * (float(x) + shift) for x in np.linspace(edge, 1 - edge, self.lamps)]

    def _moon(self, canvas: Canvas, place: np.random.Generator) -> None:
        x, y = place.uniform(0.25, 0.75) * canvas.aspect, place.uniform(0.19, 0.22)
        glow(canvas, [(x, y, 0.085, (120, 136, 176))])
        canvas.ellipse(x, y, 0.062, 0.062, (240, 240, 226))
        for dx, dy, r in ((-0.02, -0.012, 0.016), (0.018, 0.016, 0.012), (0.008, -0.026, 0.009), (-0.014, 0.026, 0.01)):
            canvas.ellipse(x + dx, y + dy, r, 0.9 * r, (212, 212, 204))

    def _fireworks(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        wide, order = canvas.aspect, place.permutation(len(SPARKS))
        light = canvas.layer()
        places = [(0.32, 0.22), (0.68, 0.2), (0.5, 0.34)][: int(place.integers(2, 4))]
        for k, (share, y) in enumerate(places):
            x, r = wide * (share + place.uniform(-0.05, 0.05)), place.uniform(0.12, 0.17) * min(1.0, 0.3 + 0.6 * wide)
            color, turn, rays = SPARKS[order[k]], motion.uniform(0, 20), int(place.integers(18, 26))
            for ray in range(rays):
                angle, reach = radians(turn + 360 * ray / rays), r * motion.uniform(0.75, 1.05)
                dx, dy = cos(angle) * reach, sin(angle) * reach
                start, end = (x + 0.2 * dx, y + 0.2 * dy), (x + dx, y + dy + 0.12 * r)
                canvas.line([start, (x + 0.65 * dx, y + 0.65 * dy), end], color, 0.0045)
                light.line([start, end], shade(color, 0.7), 0.012)
                canvas.ellipse(*end, 0.006, 0.006, mix(color, (255, 255, 255), 0.6))
            light.ellipse(x, y, 0.22 * r, 0.22 * r, shade(color, 0.9))
            canvas.ellipse(x, y, 0.012, 0.012, (255, 252, 236))
        canvas.add_light(light, 0.016)

    def _street(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, ground: float) -> None:
        wide = canvas.aspect
        canvas.gradient(ground, ground + 0.05, (62, 58, 68), (50, 46, 58))
        canvas.rect(0, ground + 0.045, wide, ground + 0.055, (84, 78, 86))
        canvas.gradient(ground + 0.055, 1, (46, 46, 62), (22, 22, 34))
        lay(canvas, "grit", ground, 1, 0.16, place, flat=True)
        vanish = place.uniform(0.3, 0.7) * wide
        for k in range(-3, 5):
            y = ground + 0.12
            x = vanish + k * 0.36
            canvas.polygon([(x, y), (x + 0.14, y), (x + 0.15, y + 0.014), (x - 0.01, y + 0.014)], (128, 122, 104))
        trails = canvas.layer()
        for color, y in (((255, 60, 40), 0.068), ((255, 236, 190), 0.084)):
            start, length = motion.uniform(-0.3, 0.8) * wide, motion.uniform(0.3, 0.7) * wide
            for k in range(3):
                row = ground + y + 0.004 * k - 0.006
                trails.line([(start + 0.03 * k, row), (start + length, row + 0.004)], shade(color, 0.75), 0.004)
        canvas.add_light(trails, 0.004)

    def _lamps(self, canvas: Canvas, lamps: list[float], ground: float, top: float) -> None:
        cones = canvas.layer()
        for x in lamps:
            cones.polygon(
                [(x - 0.02, top + 0.02), (x + 0.02, top + 0.02), (x + 0.15, ground + 0.07), (x - 0.15, ground + 0.07)],
                (54, 38, 18),
            )
            cones.ellipse(x, ground + 0.06, 0.17, 0.03, (150, 104, 46))
        canvas.add_light(cones, 0.018)
        for x in lamps:
            canvas.rect(x - 0.0065, top + 0.03, x + 0.0065, ground + 0.05, (20, 20, 26))
            canvas.rect(x - 0.018, ground + 0.01, x + 0.018, ground + 0.05, (16, 16, 22))
            canvas.rect(x - 0.003, top + 0.03, x - 0.001, ground + 0.05, (150, 110, 66))
        glow(canvas, [(x, top, 0.05, LAMP) for x in lamps])
        for x in lamps:
            cap = [(x - 0.03, top - 0.03), (x, top - 0.055), (x + 0.03, top - 0.03)]
            box: list[Point] = [(x - 0.026, top - 0.03), (x + 0.026, top - 0.03), (x + 0.018, top + 0.032)]
            canvas.polygon([*box, (x - 0.018, top + 0.032)], (255, 226, 150))
            canvas.ellipse(x, top, 0.014, 0.02, (255, 252, 236))
            canvas.polygon(cap, (18, 18, 24))
            canvas.rect(x - 0.02, top + 0.03, x + 0.02, top + 0.038, (18, 18, 24))

    def _walkers(
        self,
        canvas: Canvas,
        place: np.random.Generator,
        motion: np.random.Generator,
        ground: float,
        lamps: list[float],
    ) -> None:
        wide = canvas.aspect
        h = place.uniform(0.37, 0.42) * min(1.0, 0.35 + 0.6 * wide)
        for x in self._gaps(place, wide, lamps):
            feet, at = place.uniform(0.85, 0.88), x + motion.uniform(-0.025, 0.025)
            top = shade(list(CLOTHES.values())[place.integers(8)], 0.8)
            look = sample_look(place, top=top if sum(top) > 180 else (150, 130, 120))
            ground_shadow(canvas, [(at, feet, 0.2 * h)])
            person(canvas, at, feet, h, look, sway(WALKING, motion, 11), back=bool(place.random() < 0.5))

    def _gaps(self, place: np.random.Generator, wide: float, lamps: list[float]) -> list[float]:
        """Where people walk: apart from each other and, where there is room, from the lamps."""
        if not self.people:
            return []
        best: list[float] = []
        most, least = -1.0, (0.22 if wide > 1 else 0.185)
        for _ in range(30):
            spots = np.sort(place.uniform(0.18, 0.82, self.people)) * wide
            apart = min([*(np.diff(spots) / least).tolist(), 1.0])
            clear = min([abs(x - lamp) / 0.17 for x in spots.tolist() for lamp in lamps] + [1.0])
            if 2 * apart + clear > most:
                best, most = spots.tolist(), 2 * apart + clear
        return best
