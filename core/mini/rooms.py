"""What rooms and stages are made of: boards, curtains, beams of light, and those who sit in front."""

from math import radians, sin

import numpy as np

from core.mini.canvas import Canvas, Color, mix, shade


def boards(canvas: Canvas, floor: float, color: Color, place: np.random.Generator) -> None:
    """A floor of boards that run towards the back, brighter there."""
    canvas.gradient(floor, 1, shade(color, 1.12), shade(color, 0.62))
    middle, step = canvas.aspect * place.uniform(0.3, 0.7), place.uniform(0.11, 0.17)
    for x in np.arange(middle - 8 * step * 1.6, middle + 8 * step * 1.6, step):
        far = middle + (x - middle) * 0.5
        board = [(far, floor), (far + 0.5 * step, floor), (x + step, 1.0), (x, 1.0)]
        if place.random() < 0.4:
            canvas.polygon(board, shade(color, place.uniform(0.72, 1.0)))
        canvas.line([(far, floor), (x, 1.0)], shade(color, 0.55), 0.003)


def curtain(canvas: Canvas, bottom: float, color: Color, place: np.random.Generator) -> None:
    """Heavy folds of cloth from the top down to `bottom`, over the full width."""
    rows, width = round(bottom * canvas.unit), canvas.pixels.shape[1]
    x = np.linspace(0, canvas.aspect, width)
    pitch, phase = place.uniform(0.07, 0.11), place.uniform(0, 6, 2)
    fold = np.sin(2 * np.pi * x / pitch + 1.4 * np.sin(x / pitch + phase[0]) + phase[1])
    tone = 0.5 + 0.42 * fold + 0.12 * np.sin(4 * np.pi * x / pitch)
    fall = np.linspace(1.05, 0.7, rows)[:, None, None]
    cloth = tone[None, :, None] * np.array(color, float) * fall
    canvas.pixels[:rows] = np.clip(cloth, 0, 255).astype(np.uint8)


def beam(layer: Canvas, lamp: float, foot: float, ground: float, spread: float, color: Color) -> None:
    """A cone of light in haze, from a lamp at the top to a pool on the ground; to be added as light."""
    for share in (1.0, 0.55):
        width = spread * share
        cone = [(lamp - 0.012, -0.02), (lamp + 0.012, -0.02), (foot + width, ground), (foot - width, ground)]
        layer.polygon(cone, shade(color, 0.62 if share == 1.0 else 1.0))
    layer.ellipse(foot, ground, 1.25 * spread, 0.3 * spread, color)
    layer.ellipse(lamp, 0.015, 0.03, 0.03, mix(color, (255, 250, 240), 0.8))


def crowd(canvas: Canvas, top: float, color: Color, place: np.random.Generator, motion: np.random.Generator) -> None:
    """Dark heads side by side along the bottom, seen from behind, some with raised hands, out of focus."""
    layer, x = canvas.layer(), -0.05
    while x < canvas.aspect + 0.05:
        r, y = place.uniform(0.04, 0.052), top + place.uniform(0.03, 0.07) + motion.uniform(-0.012, 0.012)
        layer.ellipse(x, y, r, 1.25 * r, color)
        layer.ellipse(x, y + 2.6 * r, 2.1 * r, 1.7 * r, color)
        if place.random() < 0.42:
            lean = motion.uniform(-18, 18)
            hand = (x + 1.5 * r + 3.4 * r * sin(radians(lean)), y - 2.1 * r)
            layer.line([(x + 1.4 * r, y + 2.4 * r), hand], color, 0.62 * r)
            layer.ellipse(*hand, 0.5 * r, 0.6 * r, color)
        x += r * place.uniform(2.1, 3.0)
    layer.rect(0, top + 0.17, canvas.aspect, 1.1, color)
    canvas.add_shadow(layer, 0.004)


def bokeh_lights(layer: Canvas, colors: tuple[Color, ...], count: int, low: float, place: np.random.Generator) -> None:
    """Lamps out of focus: discs with brighter rims, to be added as light."""
    for _ in range(count):
        color = shade(colors[place.integers(len(colors))], place.uniform(0.35, 0.8))
        r, x, y = place.uniform(0.02, 0.065), place.uniform(0, layer.aspect), place.uniform(0, low)
        layer.ellipse(x, y, r, r, color)
        layer.ellipse(x, y, 0.94 * r, 0.94 * r, shade(color, 1.25), outline=0.008)
