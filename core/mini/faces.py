"""Heads, drawn: hair that has volume, a face lit from the scene's side, as detailed as its size allows."""

from math import cos, pi, radians, sin

import numpy as np
from numpy.typing import NDArray

from core.mini.canvas import Canvas, Color, mix, shade
from core.mini.looks import Look

Outline = NDArray[np.float64]

SMALL_PX = 9.0  # radius below which a face is two eyes and a smile
LARGE_PX = 26.0  # radius from which eyes have whites
CLOSE_PX = 60.0  # radius from which light falls off over a face in fine steps
LIP: Color = (164, 62, 62)


def _outline(*points: tuple[float, float]) -> Outline:
    return np.array(points, np.float64)


def _rounded(*points: tuple[float, float]) -> Outline:
    """The outline with its corners cut twice (Chaikin 1974)."""
    outline = np.array(points, np.float64)
    for _ in range(2):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], 1).reshape(-1, 2)
    return outline


def _face() -> Outline:
    turns = np.linspace(0, 2 * pi, 30, endpoint=False)
    down = np.clip(np.sin(turns), 0, 1)
    return np.stack([np.cos(turns) * (1 - 0.24 * down**2.2), 1.22 * np.sin(turns)], axis=1)


FACE = _face()
CAP = _outline(
    *((1.12 * cos(a), 0.02 + 1.42 * sin(a)) for a in np.linspace(pi * 0.98, pi * 2.02, 22)),
    *((0.93, -0.16), (0.84, -0.44), (0.5, -0.66), (0.05, -0.6), (-0.42, -0.7), (-0.8, -0.46), (-0.93, -0.16)),
)
FRINGE = _outline(
    *((1.14 * cos(a), 0.0 + 1.46 * sin(a)) for a in np.linspace(pi * 0.97, pi * 2.03, 22)),
    *((0.9, 0.1), (0.82, -0.3), (0.42, -0.74), (0.1, -0.88), (-0.3, -0.7), (-0.72, -0.34), (-0.9, 0.1)),
)
SHEEN = _outline(
    *((cos(a), 1.3 * sin(a)) for a in np.linspace(pi * 1.1, pi * 1.5, 8)),
    *((0.8 * cos(a), 1.02 * sin(a)) for a in np.linspace(pi * 1.46, pi * 1.14, 8)),
)
FALL = _rounded(  # long hair behind neck and shoulders, both sides past the collar
    *((1.24 * cos(a), -0.1 + 1.4 * sin(a)) for a in np.linspace(pi, 2 * pi, 16)),
    *((1.44, 0.7), (1.62, 1.7), (1.66, 2.7), (1.36, 3.02), (0.96, 2.86), (0.78, 2.0), (0.7, 1.2)),
    *((-0.7, 1.2), (-0.78, 2.0), (-0.96, 2.86), (-1.36, 3.02), (-1.66, 2.7), (-1.62, 1.7), (-1.44, 0.7)),
)
LOCK = _rounded(
    *((1.06, -0.7), (1.3, 0.4), (1.56, 1.9), (1.56, 2.6)), *((1.24, 2.86), (0.96, 2.2), (0.86, 0.9), (0.9, -0.4))
)
LOCK_MIDDLE = np.array([1.2, 1.0])
CURLS = tuple((1.3 * cos(radians(a)), -0.42 + 1.18 * sin(radians(a))) for a in range(150, 391, 20))
FRONT_CURLS = tuple((0.98 * cos(radians(a)), -0.2 + 0.82 * sin(radians(a))) for a in range(188, 360, 22))


def hair_behind(canvas: Canvas, x: float, y: float, r: float, look: Look) -> None:
    """The hair that lies behind face and neck; to be painted after the clothes and before the neck."""
    light, hair, side = canvas.light, look.hair, canvas.light.side
    if look.style == "long":
        canvas.polygon(FALL * r + (x, y), light.lit(shade(hair, 0.66)))
        for sign in (-1, 1):
            for size, factor in ((1.0, 0.8 if sign != side else 0.92), (0.5, 0.92 if sign != side else 1.16)):
                lock = (LOCK - LOCK_MIDDLE) * (size, 0.5 + 0.5 * size) + LOCK_MIDDLE
                canvas.polygon(lock * (sign * r, r) + (x, y), light.lit(shade(hair, factor)))
    elif look.style == "curly":
        canvas.ellipse(x, y - 0.36 * r, 1.5 * r, 1.4 * r, light.shaded(hair))
        step, size = (1, 0.46) if r * canvas.unit > CLOSE_PX else (2, 0.54)
        for dx, dy in CURLS[::step]:
            tone = light.lit(shade(hair, 0.96 + 0.16 * dx * side - 0.12 * dy))
            canvas.ellipse(x + dx * r, y + dy * r, size * r, size * r, tone)


def head(
    canvas: Canvas,
    x: float,
    y: float,
    r: float,
    look: Look,
    *,
    back: bool = False,
    turn: float = 0.0,
    behind: bool = True,
    smile: float = 1.0,
) -> None:
    """A head of radius r (from cheek to cheek), its face turned by -1..1, or seen from behind.

    `behind`: the hair behind it is painted, too (it is not yet); `smile` is 0..1.
    """
    light, side, pixels = canvas.light, canvas.light.side, r * canvas.unit
    if behind:
        hair_behind(canvas, x, y, r, look)
    if back:
        _nape(canvas, x, y, r, look)
        return
    skin, dark = light.lit(look.skin), light.shaded(look.skin)
    if pixels > SMALL_PX and look.style == "short":
        for sign in (-1, 1):
            canvas.ellipse(x + 0.98 * sign * r, y + 0.12 * r, 0.16 * r, 0.26 * r, dark if sign != side else skin)
    steps = 2 if pixels < SMALL_PX else 3 if pixels < CLOSE_PX else 9
    for step in range(steps):
        share = step / (steps - 1)
        size = 1 - 0.24 * share
        tone = mix(dark, shade(skin, 1.0 + 0.05 * share), share**0.6)
        canvas.polygon(FACE * (size * r) + (x + 0.15 * side * share * r, y - 0.06 * share * r), tone)
    shift = 0.24 * turn * r
    if look.glasses:
        for sign in (-1, 1):
            lens = mix(skin, (228, 238, 246), 0.4)
            canvas.ellipse(x + shift + 0.43 * sign * r, y + 0.07 * r, 0.36 * r, 0.32 * r, lens)
    _features(canvas, x + shift, y, r, look, smile)
    _fringe(canvas, x, y, r, look)
    if look.glasses:
        _glasses(canvas, x + shift, y, r)


def _nape(canvas: Canvas, x: float, y: float, r: float, look: Look) -> None:
    light, side = canvas.light, canvas.light.side
    canvas.ellipse(x, y + 0.1 * r, r, 1.14 * r, light.shaded(look.skin))
    for step in range(4):
        tone = mix(light.shaded(look.hair), light.lit(shade(look.hair, 1.15)), step / 3)
        size = 1 - 0.2 * step
        canvas.ellipse(x + 0.1 * side * step * r, y - (0.14 + 0.1 * step) * r, 1.08 * size * r, 1.2 * size * r, tone)


def _fringe(canvas: Canvas, x: float, y: float, r: float, look: Look) -> None:
    light, hair, side = canvas.light, look.hair, canvas.light.side
    if look.style == "curly":
        step, size = (1, 0.3) if r * canvas.unit > CLOSE_PX else (2, 0.4)
        for dx, dy in FRONT_CURLS[::step]:
            tone = light.lit(shade(hair, 0.92 + 0.2 * dx * side))
            canvas.ellipse(x + dx * r, y + dy * r, size * r, size * r, tone)
        return
    outline = CAP if look.style == "short" else FRINGE
    canvas.polygon(outline * (-side * r, r) + (x, y), light.lit(shade(hair, 0.84)))
    pixels = r * canvas.unit
    if pixels > SMALL_PX:
        steps = 5 if pixels > CLOSE_PX else 1
        for step in range(steps):
            size = 1.02 - 0.02 * step
            tone = shade(hair, 0.9 + 0.42 * (step + 1) / steps)
            arc = slice(step, len(SHEEN) - step)
            canvas.polygon(SHEEN[arc] * (-side * size * r, size * r) + (x, y), light.lit(tone))


def _features(canvas: Canvas, x: float, y: float, r: float, look: Look, smile: float) -> None:
    light, side, pixels = canvas.light, canvas.light.side, r * canvas.unit
    ink, skin = shade(light.shaded(look.skin), 0.28), light.lit(look.skin)
    blush = mix(skin, light.lit((226, 96, 84)), 0.26)
    if pixels >= SMALL_PX:
        for sign in (-1, 1):
            for size in (0.26, 0.19, 0.12) if pixels >= CLOSE_PX else (0.18,):
                tone = mix(skin, blush, (0.3 - size) / 0.2) if pixels >= CLOSE_PX else mix(skin, blush, 0.6)
                canvas.ellipse(x + 0.5 * sign * r, y + 0.42 * r, size * r, 0.7 * size * r, tone)
    for sign in (-1, 1):
        eye = (x + 0.37 * sign * r, y + 0.06 * r)
        if pixels >= LARGE_PX:
            _eye(canvas, *eye, r, ink)
        else:
            canvas.ellipse(*eye, 0.11 * r, 0.15 * r, ink)
        if pixels >= SMALL_PX:
            low, high = y - 0.2 * r, y - 0.27 * r
            ends = [(eye[0] - 0.2 * sign * r, low), (eye[0], high), (eye[0] + 0.2 * sign * r, low)]
            canvas.line(ends, mix(light.lit(shade(look.hair, 0.7)), ink, 0.4), 0.075 * r)
    if pixels >= SMALL_PX:
        nose = mix(skin, light.shaded(look.skin), 0.8)
        bridge = [(x, y + 0.06 * r), (x - 0.17 * side * r, y + 0.42 * r), (x + 0.06 * side * r, y + 0.44 * r)]
        canvas.polygon(bridge, nose)
        canvas.ellipse(x, y + 0.4 * r, 0.12 * r, 0.08 * r, mix(nose, skin, 0.4))
    _mouth(canvas, x, y, r, look, smile)


def _eye(canvas: Canvas, x: float, y: float, r: float, ink: Color) -> None:
    light = canvas.light
    canvas.ellipse(x, y, 0.21 * r, 0.135 * r, light.lit((246, 240, 234)))
    canvas.ellipse(x, y, 0.115 * r, 0.125 * r, (74, 50, 34))
    if r * canvas.unit > CLOSE_PX:
        canvas.ellipse(x, y, 0.065 * r, 0.075 * r, (20, 14, 12))
        canvas.ellipse(x + 0.04 * light.side * r, y - 0.045 * r, 0.03 * r, 0.03 * r, (255, 255, 255))
    canvas.ellipse(x, y + 0.03 * r, 0.22 * r, 0.18 * r, ink, arc=(198, 342), outline=0.05 * r)


def _mouth(canvas: Canvas, x: float, y: float, r: float, look: Look, smile: float) -> None:
    lip = mix(canvas.light.shaded(look.skin), canvas.light.lit(LIP), 0.7)
    if r * canvas.unit < LARGE_PX:
        high = 0.24 * smile * r + 0.03 * r
        canvas.ellipse(x, y + (0.7 - 0.16 * smile) * r, 0.34 * r, high, lip, arc=(10, 170), outline=0.11 * r)
        return
    y += 0.56 * r
    canvas.ellipse(x, y, 0.38 * r, 0.27 * r, lip, arc=(0, 180))
    canvas.ellipse(x, y + 0.01 * r, 0.32 * r, 0.15 * r, canvas.light.lit((250, 244, 238)), arc=(0, 180))
    canvas.ellipse(x, y - 0.02 * r, 0.4 * r, 0.07 * r, shade(lip, 0.8), arc=(0, 180), outline=0.03 * r)


def _glasses(canvas: Canvas, x: float, y: float, r: float) -> None:
    rim: Color = (20, 18, 22)
    for sign in (-1, 1):
        canvas.ellipse(x + 0.43 * sign * r, y + 0.07 * r, 0.35 * r, 0.31 * r, rim, outline=0.115 * r)
        canvas.line([(x + 0.78 * sign * r, y + 0.02 * r), (x + 1.0 * sign * r, y - 0.04 * r)], rim, 0.1 * r)
    canvas.line([(x - 0.1 * r, y + 0.03 * r), (x + 0.1 * r, y + 0.03 * r)], rim, 0.1 * r)
