"""The topic portrait: one face, close, the background out of focus."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, mix, shade
from core.mini.figures import CLOTHES, HAIR_STYLES, bust, sample_look
from core.mini.props import bokeh, trees
from core.mini.scene import LIGHTS, Scene, in_order, new_seed, pick


@dataclass(frozen=True, kw_only=True)
class Portrait(Scene):
    """One face, close, the background out of focus."""

    topic: ClassVar[str] = "portrait"
    hair: str
    shirt: str
    place: str

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        return cls(
            seed=new_seed(rng),
            upright=bool(rng.random() < 0.6),
            hair=pick(rng, HAIR_STYLES),
            shirt=pick(rng, tuple(CLOTHES)),
            place=pick(rng, ("a park", "a hall", "a wall")),
        )

    @property
    def caption(self) -> str:
        shirt = f"{'an' if self.shirt == 'orange' else 'a'} {self.shirt} shirt"
        where = {"a park": "in a park", "a hall": "in a hall with lights", "a wall": "by a plain wall"}[self.place]
        return f"a portrait of someone with {self.hair} hair in {shirt} {where}"

    @property
    def labels(self) -> tuple[str, ...]:
        return in_order("portrait", "person", "outdoors" if self.place == "a park" else "indoors")

    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        if self.place == "a park":
            sky = shade((178, 210, 236), place.uniform(0.85, 1.1))
            canvas.gradient(0, 0.6, sky, mix(sky, (236, 240, 226), 0.6))
            trees(canvas, place, 0.62, int(place.integers(4, 9)), 1.6)
            canvas.gradient(0.6, 1, shade((122, 160, 76), place.uniform(0.8, 1.1)), (84, 122, 58))
            canvas.defocus(0.022)
            bokeh(canvas, place, ((190, 220, 120), (220, 230, 180)), 6, 0.6)
        elif self.place == "a hall":
            canvas.gradient(0, 1, shade((88, 62, 48), place.uniform(0.5, 1.1)), (34, 28, 34))
            colors = tuple(LIGHTS[name] for name in (pick(place, tuple(LIGHTS)), "golden"))
            bokeh(canvas, place, (*colors, (250, 230, 190)), int(place.integers(8, 15)))
        else:
            walls: tuple[Color, ...] = (
                (206, 196, 182),
                (164, 184, 190),
                (198, 160, 132),
                (150, 152, 158),
                (188, 196, 164),
            )
            wall = walls[place.integers(len(walls))]
            canvas.gradient(0, 1, shade(wall, 1.08), shade(wall, 0.8))
            canvas.texture(0, 1, 0.06, place)
            shadow = canvas.layer()
            shadow.ellipse(canvas.aspect * place.uniform(0.55, 0.7), 0.55, 0.26, 0.4, (80, 80, 80))
            canvas.add_shadow(shadow, 0.04)
        r = place.uniform(0.135, 0.19) * (0.85 if canvas.aspect < 1 else 1)
        x = canvas.aspect * place.uniform(0.34, 0.66) + motion.uniform(-0.05, 0.05)
        chin = place.uniform(0.54, 0.62) + motion.uniform(-0.03, 0.03)
        look = sample_look(place, top=shade(CLOTHES[self.shirt], place.uniform(0.85, 1.08)), style=self.hair)
        bust(canvas, x, chin, r, look, turn=motion.uniform(-1, 1))
        light = canvas.layer()
        light.ellipse(x - 0.55 * r, chin - 1.3 * r, 0.5 * r, 0.9 * r, (34, 28, 20))
        canvas.add_light(light, 0.3 * r)
