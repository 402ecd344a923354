"""Things that several scenes share."""

import numpy as np

from core.mini.canvas import Canvas, Color, shade


def heads_in_front(canvas: Canvas, place: np.random.Generator, motion: np.random.Generator, color: Color) -> None:
    """The dark heads of those who stand between the camera and the stage."""
    for _ in range(int(place.integers(5, 16))):
        x, r = place.uniform(0, canvas.aspect) + motion.uniform(-0.02, 0.02), place.uniform(0.028, 0.05)
        y = place.uniform(0.95, 1.02)
        canvas.ellipse(x, y, r, 1.2 * r, color)
        canvas.ellipse(x, y + 2.5 * r, 2 * r, 1.7 * r, color)
        if place.random() < 0.3:
            canvas.line([(x + 1.6 * r, y + 2 * r), (x + 1.9 * r, y - 2.4 * r)], color, 0.5 * r)


def bokeh(canvas: Canvas, place: np.random.Generator, colors: tuple[Color, ...], count: int, low: float = 1.0) -> None:
    """Discs of light out of focus, above the height `low`."""
    for _ in range(count):
        layer_color = shade(colors[place.integers(len(colors))], place.uniform(0.25, 0.6))
        layer = canvas.layer()
        r = place.uniform(0.02, 0.06)
        x, y = place.uniform(0, canvas.aspect), place.uniform(0, low)
        layer.ellipse(x, y, r, r, layer_color)
        layer.ellipse(x, y, r, r, shade(layer_color, 1.3), outline=0.008)
        canvas.add_light(layer, 0)


def trees(canvas: Canvas, place: np.random.Generator, horizon: float, count: int, scale: float = 1.0) -> None:
    """Round trees with trunks, standing on the horizon."""
    for _ in range(count):
        x, r = place.uniform(0, canvas.aspect), scale * place.uniform(0.07, 0.16)
        leaf = shade((58, 112, 52), place.uniform(0.7, 1.25))
        foot = horizon + place.uniform(0, 0.03)
        canvas.rect(x - 0.12 * r, foot - 1.4 * r, x + 0.12 * r, foot, (84, 60, 42))
        for dx, dy, size in ((0, -2.1, 1.0), (-0.6, -1.6, 0.75), (0.6, -1.7, 0.7), (-0.2, -2.3, 0.5)):
            tone = 1.2 if dy < -2.2 else place.uniform(0.85, 1.1)
            canvas.ellipse(x + dx * r, foot + dy * r, size * r, size * r, shade(leaf, tone))


def trophy(canvas: Canvas, x: float, y: float, size: float, gold: Color) -> None:
    """A cup standing on (x, y)."""
    canvas.rect(x - 0.5 * size, y - 0.25 * size, x + 0.5 * size, y, (60, 44, 36))
    canvas.rect(x - 0.12 * size, y - 0.8 * size, x + 0.12 * size, y - 0.25 * size, shade(gold, 0.8))
    for side in (-1, 1):
        canvas.ellipse(x + side * 0.6 * size, y - 1.35 * size, 0.3 * size, 0.32 * size, gold, outline=0.12 * size)
    canvas.ellipse(x, y - 1.65 * size, 0.68 * size, 1.0 * size, shade(gold, 0.85), arc=(0, 180))
    canvas.ellipse(x - 0.12 * size, y - 1.65 * size, 0.42 * size, 0.85 * size, gold, arc=(0, 180))
    canvas.ellipse(x, y - 1.65 * size, 0.68 * size, 0.16 * size, shade(gold, 1.2))
