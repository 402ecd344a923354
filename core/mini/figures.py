"""People, drawn: whole figures with tapered limbs and lit clothes, busts, and the shadows under feet."""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot, pi, radians, sin

import numpy as np
from numpy.typing import NDArray

from core.mini.canvas import Canvas, Color, Point, mix, shade
from core.mini.faces import CLOSE_PX, hair_behind, head
from core.mini.looks import (
    CHEERING,
    CLOTHES,
    HAIR_STYLES,
    PHONE_UP,
    PLAYING,
    RUNNING,
    SINGING,
    STANDING,
    TALKING,
    Look,
    Pose,
    sample_look,
    sway,
)

__all__ = [
    "CHEERING",
    "CLOTHES",
    "HAIR_STYLES",
    "PHONE_UP",
    "PLAYING",
    "RUNNING",
    "SINGING",
    "STANDING",
    "TALKING",
    "Look",
    "Pose",
    "bust",
    "ground_shadow",
    "head",
    "limb",
    "person",
    "sample_look",
    "sway",
    "torso",
]

SHOES: tuple[Color, ...] = ((66, 50, 44), (226, 222, 216), (44, 44, 52))
BACK_ARC = 1j * np.exp(1j * np.linspace(0, pi, 9))  # the half circle behind, as complex numbers
TORSO = np.array(  # half widths and heights from shoulders (0) to hips (1), one side
    [(0.3, -0.06), (0.62, -0.02), (0.9, 0.06), (1.0, 0.16), (0.94, 0.36), (0.84, 0.68), (0.86, 0.94), (0.84, 1.08)]
)
SHOULDERS = np.array(  # head radii from the chin, one side: neck, slope, round shoulder, arm
    [
        *((0.42, 0.2), (0.5, 0.42), (0.72, 0.58), (1.1, 0.7), (1.48, 0.85), (1.78, 1.05)),
        *((1.98, 1.33), (2.1, 1.7), (2.2, 2.2), (2.27, 2.8), (2.34, 8.0)),
    ]
)


def _reach(start: Point, angle: float, side: int, length: float) -> Point:
    return start[0] + side * sin(radians(angle)) * length, start[1] + cos(radians(angle)) * length


def _capsule(start: Point, end: Point, r0: float, r1: float) -> NDArray[np.float64]:
    """The outline of a limb that tapers from radius r0 to r1, with round ends."""
    first, last = complex(*start), complex(*end)
    along = (last - first) / (abs(last - first) or 1.0)
    outline = np.concatenate([first + r0 * along * BACK_ARC, last - r1 * along * BACK_ARC])
    return outline.view(np.float64).reshape(-1, 2)


def limb(canvas: Canvas, start: Point, end: Point, r0: float, r1: float, color: Color) -> None:
    """A tapered limb with a shaded side and a lit one."""
    limbs(canvas, (start, end), (r0, r1), (color,))


def limbs(canvas: Canvas, joints: Sequence[Point], radii: Sequence[float], colors: Sequence[Color]) -> None:
    """Limbs joined end to end, one colour each: first all that is shaded, then what is lit, so no joint shows."""
    light = canvas.light
    parts = list(zip(pairwise(zip(joints, radii, strict=True)), colors, strict=True))
    for ((start, r0), (end, r1)), color in parts:
        canvas.polygon(_capsule(start, end, r0, r1), light.shaded(color))
    if max(radii) * canvas.unit < 1.5:
        return
    for ((start, r0), (end, r1)), color in parts:
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = hypot(dx, dy) or 1.0
        ax, ay = 0.26 * abs(dy) * light.side / length, -0.26 * abs(dx) / length
        lit = (start[0] + r0 * ax, start[1] + r0 * ay), (end[0] + r1 * ax, end[1] + r1 * ay)
        canvas.polygon(_capsule(*lit, 0.74 * r0, 0.74 * r1), light.lit(color))


def torso(canvas: Canvas, shoulders: Point, hips: Point, half: float, color: Color) -> None:
    """A torso between two points, with a lit and a shaded side."""
    (sx, sy), (hx, hy) = shoulders, hips
    side, light = canvas.light.side, canvas.light
    for share in (0.0, 0.5, 1.0):
        size, shift = 1 - 0.22 * share, 0.16 * share * side * half
        tone = mix(light.shaded(color), light.lit(color), share)
        right = [(sx + (hx - sx) * t + shift + size * w * half, sy + (hy - sy) * t) for w, t in TORSO]
        left = [(sx + (hx - sx) * t + shift - size * w * half, sy + (hy - sy) * t) for w, t in TORSO[::-1]]
        canvas.polygon(right + left, tone)


def person(
    canvas: Canvas,
    x: float,
    feet: float,
    height: float,
    look: Look,
    pose: Pose = STANDING,
    *,
    back: bool = False,
    turn: float = 0.0,
) -> tuple[Point, Point]:
    """A whole figure; returns where the left and the right hand are."""
    h = height
    hips, shoulders = (x, feet - 0.48 * h), (x + pose.lean * h, feet - 0.79 * h)
    for side, angle in ((-1, pose.legs[0]), (1, pose.legs[1])):
        _leg(canvas, (hips[0] + side * 0.05 * h, hips[1]), side, angle, h, look)
    hands: list[Point] = []
    raised: list[tuple[int, tuple[float, float]]] = []
    for side, angles in ((-1, pose.left), (1, pose.right)):
        start = (shoulders[0] + side * 0.1 * h, shoulders[1] + 0.036 * h)
        elbow = _reach(start, angles[0], side, 0.17 * h)
        hands.append(_reach(elbow, angles[1], side, 0.16 * h))
        if abs(angles[1]) > 60 and angles[0] < 60:
            raised.append((side, angles))
        else:
            _arm(canvas, start, elbow, hands[-1], h, look)
    torso(canvas, shoulders, hips, 0.125 * h, look.top)
    r, top = 0.07 * h, (shoulders[0] + pose.lean * 0.12 * h, shoulders[1] - 0.118 * h)
    hair_behind(canvas, *top, r, look)
    if back:
        head(canvas, *top, r, look, back=True, behind=False)
    else:
        _collar(canvas, shoulders, hips, h, look)
        base = (shoulders[0], shoulders[1] + 0.012 * h)
        limb(canvas, (top[0], top[1] + 0.5 * r), base, 0.032 * h, 0.036 * h, shade(look.skin, 0.86))
        head(canvas, *top, r, look, turn=turn, behind=False)
    for side, angles in raised:  # hands before the chest
        start = (shoulders[0] + side * 0.1 * h, shoulders[1] + 0.036 * h)
        _arm(canvas, start, _reach(start, angles[0], side, 0.17 * h), hands[0 if side < 0 else 1], h, look)
    return hands[0], hands[1]


def _leg(canvas: Canvas, hip: Point, side: int, angle: float, h: float, look: Look) -> None:
    bend = 12.0 if abs(angle) > 14 else 1.5
    knee = _reach(hip, angle + bend, side, 0.23 * h)
    ankle = _reach(knee, angle - 1.6 * bend, side, 0.215 * h)
    toe = (ankle[0] + side * 0.04 * h, ankle[1] + 0.018 * h)
    limb(
        canvas,
        (ankle[0], ankle[1] + 0.01 * h),
        toe,
        0.03 * h,
        0.022 * h,
        SHOES[int(look.trousers[0] + look.top[0]) % 3],
    )
    limbs(canvas, (hip, knee, ankle), (0.06 * h, 0.046 * h, 0.031 * h), (look.trousers, look.trousers))


def _arm(canvas: Canvas, start: Point, elbow: Point, hand: Point, h: float, look: Look) -> None:
    bare = look.garment == "tee"
    dx, dy = hand[0] - elbow[0], hand[1] - elbow[1]
    reach = 0.032 * h / (hypot(dx, dy) or 1.0)
    limb(canvas, hand, (hand[0] + dx * reach, hand[1] + dy * reach), 0.027 * h, 0.02 * h, look.skin)
    colors = (look.skin, look.skin) if bare else (look.top, look.top)
    limbs(canvas, (start, elbow, hand), (0.038 * h, 0.032 * h, 0.024 * h), colors)
    if bare:
        end = (start[0] + 0.62 * (elbow[0] - start[0]), start[1] + 0.62 * (elbow[1] - start[1]))
        limb(canvas, start, end, 0.04 * h, 0.04 * h, look.top)


def _collar(canvas: Canvas, shoulders: Point, hips: Point, h: float, look: Look) -> None:
    (sx, sy), light = shoulders, canvas.light
    if look.garment == "jacket":
        chest = (sx + 0.3 * (hips[0] - sx), sy + 0.15 * h)
        front = [(sx - 0.04 * h, sy - 0.018 * h), (sx + 0.04 * h, sy - 0.018 * h), chest]
        canvas.polygon(front, light.lit((240, 238, 232)))
        for side in (-1, 1):
            edge = [(sx + side * 0.036 * h, sy - 0.02 * h), (sx + side * 0.07 * h, sy + 0.05 * h), chest]
            canvas.polygon(edge, light.shaded(look.top) if side == light.side else shade(light.shaded(look.top), 0.88))
        canvas.line([chest, (hips[0], hips[1])], light.shaded(shade(look.top, 0.8)), 0.006 * h)
        return
    canvas.ellipse(sx, sy - 0.004 * h, 0.046 * h, 0.034 * h, light.shaded(look.skin))
    if look.garment == "shirt":
        for side in (-1, 1):
            flap = [(0.0, 0.046), (0.05 * side, -0.022), (0.062 * side, 0.03)]
            tone = light.lit(mix(look.top, (255, 255, 255), 0.16))
            canvas.polygon([(sx + dx * h, sy + dy * h) for dx, dy in flap], tone)


def bust(
    canvas: Canvas,
    x: float,
    chin: float,
    r: float,
    look: Look,
    *,
    turn: float = 0.0,
    back: bool = False,
    smile: float = 1.0,
    down: float = 8.0,
) -> None:
    """Head and shoulders, the arms running `down` head radii below the chin, out of what is seen."""
    light, side, large = canvas.light, canvas.light.side, r * canvas.unit > CLOSE_PX
    steps = 9 if large else 3
    for step in range(steps):
        share = step / (steps - 1)
        size, shift = 1 - 0.24 * share, 0.4 * share * side
        tone = mix(light.shaded(look.top), light.lit(look.top), share**0.8)
        wide, low = SHOULDERS[:, 0], np.minimum(SHOULDERS[:, 1], down) + 0.1 * share
        lean = shift * wide / wide[-1]  # what is lit stays put at the neck
        right = np.stack([size * wide + lean, low], axis=1)
        left = np.stack([lean - size * wide, low], axis=1)[::-1]
        canvas.polygon(np.concatenate([right, left]) * r + (x, chin), tone)
    hair_behind(canvas, x, chin - 1.1 * r, r, look)
    if not back:
        _neckline(canvas, x, chin, r, look)
    head(canvas, x, chin - 1.1 * r, r, look, turn=turn, back=back, behind=False, smile=smile)


def _neckline(canvas: Canvas, x: float, chin: float, r: float, look: Look) -> None:
    light, side = canvas.light, canvas.light.side
    skin, dark = light.lit(look.skin), light.shaded(look.skin)
    canvas.ellipse(x, chin + 0.62 * r, 0.66 * r, 0.5 * r, mix(dark, skin, 0.45))
    limb(canvas, (x, chin - 0.5 * r), (x, chin + 0.5 * r), 0.44 * r, 0.5 * r, shade(look.skin, 0.86))
    canvas.ellipse(x, chin - 0.02 * r, 0.5 * r, 0.3 * r, shade(dark, 0.9))
    if look.garment == "shirt":
        for sign in (-1, 1):
            flap = [(0.02, 1.34), (0.46, 0.22), (0.72, 0.36), (0.66, 1.16)]
            tone = light.lit(mix(look.top, (255, 255, 255), 0.14))
            tone = tone if sign == side else mix(tone, light.shaded(look.top), 0.6)
            canvas.polygon([(x + sign * dx * r, chin + dy * r) for dx, dy in flap], tone)
    else:
        canvas.ellipse(x, chin + 0.6 * r, 0.7 * r, 0.54 * r, light.shaded(look.top), arc=(0, 180), outline=0.12 * r)


def ground_shadow(canvas: Canvas, spots: list[tuple[float, float, float]]) -> None:
    """Soft shadows under feet, falling away from the light: each spot is (x, y, radius)."""
    layer = canvas.layer()
    for x, y, radius in spots:
        layer.ellipse(x - 0.35 * canvas.light.side * radius, y, 1.15 * radius, 0.2 * radius, (84, 84, 84))
        layer.ellipse(x, y, 0.7 * radius, 0.12 * radius, (170, 170, 170))
    canvas.add_shadow(layer, 0.008)
