"""Things that several scenes share."""

import numpy as np

from core.mini.canvas import Canvas
from core.mini.sprites import grove


def trees(canvas: Canvas, place: np.random.Generator, horizon: float, count: int, scale: float = 1.0) -> None:
    """Broad trees that stand on the horizon, about 0.3 picture heights tall at scale 1."""
    spots = [
        (
            place.uniform(-0.05, canvas.aspect + 0.05),
            horizon + place.uniform(0.005, 0.03),
            scale * place.uniform(0.22, 0.4),
        )
        for _ in range(count)
    ]
    grove(canvas, place, spots, ("oak", "birch", "bush"), tint=(255, 252, 240))
