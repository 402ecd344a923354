"""Where sports are played: a pitch, a cricket oval, a hall and a running track, before a grandstand."""

import numpy as np

from core.mini.canvas import Canvas, Color, mix, shade
from core.mini.sky import sky
from core.mini.surfaces import beam_of_sun, crowd, glow, lay, mirror, pan, paste


def _stands(canvas: Canvas, place: np.random.Generator, top: float, low: float) -> None:
    """A grandstand with a crowd out of focus, and boards in front of it."""
    wide, people = canvas.aspect, crowd(int(place.integers(4)))
    tall = round(160 * (low - top) / 0.24)
    across = min(900, round(160 * wide / 0.24))
    left = int(place.integers(0, 900 - across + 1))
    paste(canvas, people[: min(160, tall), left : left + across], 0, top, wide, low)
    canvas.gradient(low - 0.035, low, (52, 64, 92), (30, 38, 58))
    boards: tuple[Color, ...] = ((44, 74, 120), (72, 76, 92), (46, 104, 104), (226, 226, 222))
    for x in np.arange(-0.1, wide, 0.36).tolist():
        canvas.rect(x, low - 0.032, x + 0.34, low - 0.004, boards[place.integers(4)])


def _open_air(canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
    late = place.random() < 0.4
    high: Color = (70, 120, 190) if not late else (96, 92, 150)
    low: Color = (206, 226, 242) if not late else (250, 190, 130)
    sky(canvas, place, horizon, high, low, clouds=place.uniform(0.2, 0.6), lit=mix(low, (255, 255, 255), 0.6))
    top = horizon - place.uniform(0.17, 0.24)
    _stands(canvas, place, top, horizon)
    canvas.polygon(
        [
            (-0.1, top - 0.03),
            (canvas.aspect + 0.1, top - 0.045),
            (canvas.aspect + 0.1, top + 0.012),
            (-0.1, top + 0.012),
        ],
        (88, 96, 112),
    )
    if late:
        lights = [(canvas.aspect * x, max(0.06, top - 0.16), 0.035, (255, 244, 214)) for x in (0.1, 0.9)]
        for x, y, _, _ in lights:
            canvas.line([(x, y), (x, top)], (70, 76, 90), 0.01)
            canvas.rect(x - 0.05, y - 0.025, x + 0.05, y + 0.02, (255, 250, 232))
        glow(canvas, lights)
        return
    beam_of_sun(canvas, 0.0 if place.random() < 0.5 else canvas.aspect, 0.0, (90, 76, 40), 1.4)


def _grass(canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
    grass = shade((78, 142, 60), place.uniform(0.85, 1.05))
    canvas.gradient(horizon, 1, shade(grass, 1.08), shade(grass, 0.85))
    vanish, step = place.uniform(0.3, 0.7) * canvas.aspect, place.uniform(0.22, 0.34)
    for x in np.arange(-8 * step, canvas.aspect + 8 * step, 2 * step).tolist():
        near = [(x, 1.0), (x + step, 1.0)]
        far = [(vanish + (p - vanish) * 0.35, horizon) for p, _ in reversed(near)]
        canvas.polygon([*near, *far], shade(grass, 0.82))
    lay(canvas, "grass", horizon, 1, 0.3, place, flat=True)


def pitch(canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
    """A football pitch with its goal."""
    _open_air(canvas, place, horizon)
    _grass(canvas, place, horizon)
    wide, white = canvas.aspect, (244, 246, 240)
    canvas.defocus(0.0025)
    x0, foot = place.uniform(0.2, 0.36) * wide, horizon + 0.1
    x1, top = x0 + 0.56, foot - 0.28
    back = [(x0 + 0.07, top + 0.05), (x1 - 0.07, top + 0.05)]
    for k in range(15):
        x = x0 + 0.56 * k / 14
        inner = back[0][0] + (back[1][0] - back[0][0]) * k / 14
        canvas.line([(x, top), (inner, back[0][1]), (inner, foot - 0.03)], (206, 214, 214), 0.002)
    for k in range(8):
        y = top + 0.05 + (foot - 0.03 - top - 0.05) * k / 7
        canvas.line([(x0, y), (back[0][0], y), (back[1][0], y), (x1, y)], (206, 214, 214), 0.002)
    canvas.line([(x0, foot), (x0, top), (x1, top), (x1, foot)], white, 0.017)
    canvas.line([(0, foot), (wide, foot)], white, 0.006)
    canvas.line(
        [(x0 - 0.22, foot), (x0 - 0.32, foot + 0.14), (x1 + 0.32, foot + 0.14), (x1 + 0.22, foot)], white, 0.007
    )
    canvas.ellipse((x0 + x1) / 2, 1.02, 0.5, 0.12, white, outline=0.009)


def oval(canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
    """A cricket ground with its strip."""
    _open_air(canvas, place, horizon)
    _grass(canvas, place, horizon)
    canvas.defocus(0.0025)
    middle, sand = place.uniform(0.44, 0.56) * canvas.aspect, (206, 178, 126)
    strip = [
        (middle - 0.1, horizon + 0.12),
        (middle + 0.1, horizon + 0.12),
        (middle + 0.5, 1.02),
        (middle - 0.5, 1.02),
    ]
    canvas.polygon(strip, sand)
    lay(canvas, "grit", horizon + 0.12, 1, 0.08, place, flat=True)
    for y, half in ((horizon + 0.2, 0.2), (0.9, 0.44)):
        canvas.line([(middle - half, y), (middle + half, y)], (248, 246, 238), 0.008)


def hall(canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
    """A basketball hall with its hoop."""
    wide, wood = canvas.aspect, shade((196, 158, 122), place.uniform(0.9, 1.04))
    wall: Color = ((74, 84, 110), (96, 84, 84), (64, 92, 98))[place.integers(3)]
    canvas.gradient(0, horizon, shade(wall, 0.45), wall)
    top = horizon - place.uniform(0.2, 0.26)
    _stands(canvas, place, top, horizon)
    lights = [(x, 0.035, 0.03, (255, 244, 224)) for x in np.linspace(0.1, wide - 0.1, 5).tolist()]
    for x, y, _, _ in lights:
        canvas.rect(x - 0.05, y - 0.012, x + 0.05, y + 0.012, (255, 250, 236))
    glow(canvas, lights)
    canvas.defocus(0.003)
    canvas.gradient(horizon, 1, shade(wood, 0.86), wood)
    vanish = place.uniform(0.35, 0.65) * wide
    for x in np.arange(-1.5 * wide, 2.5 * wide, 0.13).tolist():
        canvas.line([(vanish + (x - vanish) * 0.4, horizon), (x, 1.0)], shade(wood, 0.8), 0.002)
    mirror(canvas, horizon, 1, place, tint=(255, 255, 255), strength=0.24, sharp=0.2, ripples=0)
    white: Color = (244, 240, 230)
    canvas.ellipse(vanish, 0.8, 0.4, 0.13, white, outline=0.01)
    canvas.line([(0, horizon + 0.05), (wide, horizon + 0.05)], white, 0.007)
    x = (0.26 if place.random() < 0.5 else 0.74) * wide + place.uniform(-0.04, 0.04)
    canvas.rect(x - 0.012, 0.2, x + 0.012, horizon + 0.05, (52, 56, 68))
    canvas.rect(x - 0.17, 0.1, x + 0.17, 0.31, (60, 66, 80))
    canvas.rect(x - 0.16, 0.11, x + 0.16, 0.3, (240, 242, 244))
    canvas.line([(x - 0.06, 0.265), (x - 0.06, 0.175), (x + 0.06, 0.175), (x + 0.06, 0.265)], (206, 52, 40), 0.01)
    for k in range(6):
        a = -0.075 + 0.03 * k
        canvas.line([(x + a, 0.3), (x + 0.6 * a, 0.385)], (236, 236, 232), 0.003)
    canvas.line([(x - 0.06, 0.34), (x + 0.06, 0.34)], (236, 236, 232), 0.003)
    canvas.ellipse(x, 0.3, 0.078, 0.018, (236, 92, 36), outline=0.014)


def track(canvas: Canvas, place: np.random.Generator, horizon: float) -> None:
    """A running track, the background smeared by the panning camera."""
    _open_air(canvas, place, horizon)
    wide, clay, start = canvas.aspect, shade((186, 84, 58), place.uniform(0.88, 1.08)), 0.66
    _grass(canvas, place, horizon)
    pan(canvas, 0.06)
    canvas.gradient(start, 1, shade(clay, 0.92), shade(clay, 1.05))
    lay(canvas, "grit", start, 1, 0.16, place, flat=True)
    lanes, tilt = 5, place.uniform(-0.04, 0.04)
    for i in range(lanes + 1):
        y = start + 0.008 + (1.02 - start) * (i / lanes) ** 1.35
        canvas.line([(0, y - tilt * i / lanes), (wide, y + tilt * i / lanes)], (246, 240, 234), 0.008)
