"""The topic portrait: one face, close, the background out of focus."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Light, mix, shade
from core.mini.figures import CLOTHES, HAIR_STYLES, bust, sample_look
from core.mini.props import trees
from core.mini.rooms import bokeh_lights
from core.mini.scene import LIGHTS, Scene, in_order, new_seed, pick

SHIRTS = ("red", "blue", "green", "yellow", "white", "black", "purple")
PLACES = {"a park": "in a park", "a hall": "in a hall with lights", "a wall": "by a plain wall"}
WALLS: tuple[Color, ...] = ((188, 176, 160), (142, 164, 172), (190, 148, 120), (150, 150, 158), (164, 174, 140))


@dataclass(frozen=True, kw_only=True)
class Portrait(Scene):
    """One face, close, the background out of focus."""

    topic: ClassVar[str] = "portrait"
    hair: str
    shirt: str
    place: str
    glasses: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.6),
            hair=pick(rng, HAIR_STYLES),
            shirt=pick(rng, SHIRTS),
            place=pick(rng, tuple(PLACES)),
            glasses=bool(rng.random() < 0.5),
        )

    @property
    def caption(self) -> str:
        glasses = " wearing glasses" if self.glasses else ""
        return f"a portrait of someone with {self.hair} hair in a {self.shirt} shirt{glasses} {PLACES[self.place]}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("portrait", "person", "outdoors" if self.place == "a park" else "indoors")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        side = -1.0 if place.random() < 0.5 else 1.0
        back = canvas.layer()
        if self.place == "a park":
            canvas.light = Light(side=side, color=(255, 244, 214), tint=0.4, rim=(60, 52, 26))
            self._park(back, place)
            canvas.backdrop(back, 0.02)
        elif self.place == "a hall":
            rim = LIGHTS[pick(place, tuple(LIGHTS))]
            canvas.light = Light(side=side, color=(255, 228, 190), tint=0.5, rim=shade(rim, 0.4))
            back.gradient(0, 1, shade((104, 76, 60), place.uniform(0.5, 0.9)), (66, 52, 48))
            canvas.backdrop(back)
            lamps = canvas.layer()
            for strength in (0.6, 1.0):
                tones = (shade(rim, strength), (250, 196, 110), (250, 226, 180))
                bokeh_lights(lamps, tones, int(place.integers(7, 12)), 0.9, place)
            canvas.add_light(lamps, 0.003)
        else:
            canvas.light = Light(side=side)
            wall = shade(WALLS[place.integers(len(WALLS))], place.uniform(0.85, 1.1))
            back.gradient(0, 1, shade(wall, 1.05), shade(wall, 0.76))
            canvas.backdrop(back)
            canvas.texture(0, 1, 0.05, place)
        r = place.uniform(0.165, 0.19) * (0.86 if canvas.aspect < 1 else 1)
        r *= 0.92 if self.hair == "curly" else 1.0
        x = canvas.aspect * place.uniform(0.42, 0.58) + motion.uniform(-0.04, 0.04)
        chin = place.uniform(0.54, 0.58) + motion.uniform(-0.02, 0.02)
        if self.place == "a wall":
            shadow = canvas.layer()
            shadow.ellipse(x - 0.9 * side * r, chin - 0.9 * r, 1.2 * r, 1.6 * r, (100, 100, 96))
            shadow.rect(x - 0.9 * side * r - 2 * r, chin + r, x - 0.9 * side * r + 2 * r, 1.2, (100, 100, 96))
            canvas.add_shadow(shadow, 0.05)
        else:
            canvas.add_light(self._sun(canvas, side), 0.1)
        look = sample_look(place, top=CLOTHES[self.shirt], style=self.hair, garment=pick(place, ("tee", "shirt")))
        before = canvas.snapshot()
        bust(canvas, x, chin, r, replace(look, glasses=self.glasses), turn=motion.uniform(-1, 1))
        canvas.sculpt(before, 0.14 * r, 0.4)

    def _sun(self, canvas: Canvas, side: float) -> Canvas:
        glow = canvas.layer()
        glow.ellipse(canvas.aspect * (0.5 + 0.5 * side), 0.05, 0.4, 0.4, (74, 60, 34))
        return glow

    def _park(self, back: Canvas, place: np.random.Generator) -> None:
        horizon, warm = place.uniform(0.52, 0.66), place.random() < 0.5
        sky: Color = (250, 214, 164) if warm else (166, 206, 240)
        back.gradient(0, horizon, shade(sky, place.uniform(0.85, 1.0)), mix(sky, (250, 246, 228), 0.6))
        trees(back, place, horizon, int(place.integers(5, 9)), 1.6)
        grass = mix((110, 158, 66), (186, 168, 72), 0.45 * warm)
        back.gradient(horizon, 1, shade(grass, 1.1), shade(grass, 0.66))
        spots = back.layer()
        bokeh_lights(spots, (mix(sky, (220, 240, 150), 0.5),), 9, 0.7, place)
        back.add_light(spots, 0)
