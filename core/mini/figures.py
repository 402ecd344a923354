"""People, drawn: a look (skin, hair, clothes), a pose, and three ways to stand before the camera."""

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from core.mini.canvas import Canvas, Color, Point, shade

SKINS: tuple[Color, ...] = ((247, 214, 186), (228, 180, 140), (198, 145, 102), (150, 101, 66), (103, 68, 46))
HAIRS: tuple[Color, ...] = ((28, 22, 20), (62, 40, 26), (110, 72, 40), (186, 140, 82), (120, 112, 108))
CLOTHES: dict[str, Color] = {
    "red": (196, 44, 48),
    "blue": (44, 88, 180),
    "green": (46, 138, 84),
    "yellow": (232, 188, 52),
    "white": (232, 230, 224),
    "black": (42, 42, 50),
    "orange": (230, 122, 40),
    "purple": (122, 66, 160),
}
HAIR_STYLES = ("short", "long", "curly")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a person looks like."""

    skin: Color
    hair: Color
    style: str
    top: Color
    trousers: Color


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Angles in degrees from straight down, outward positive: upper arm and forearm, left then right."""

    left: tuple[float, float] = (14, 6)
    right: tuple[float, float] = (14, 6)
    legs: tuple[float, float] = (4, 4)
    lean: float = 0.0


STANDING = Pose()
CHEERING = Pose(left=(150, 170), right=(150, 170))
SINGING = Pose(left=(30, -130), right=(70, 40))
PLAYING = Pose(left=(25, -75), right=(38, -60))
TALKING = Pose(left=(55, 100), right=(25, -95))
HOLDING_UP = Pose(left=(20, 4), right=(155, 172))
RUNNING = Pose(left=(40, 110), right=(-30, 60), legs=(38, 24), lean=0.05)
PHONE_UP = Pose(left=(120, 175), right=(20, 10))


def sample_look(rng: np.random.Generator, *, top: Color | None = None, style: str | None = None) -> Look:
    """A person, with the clothes or the hair given where they matter."""
    tops = list(CLOTHES.values())
    return Look(
        skin=SKINS[rng.integers(len(SKINS))],
        hair=HAIRS[rng.integers(len(HAIRS))],
        style=style or HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        top=top or shade(tops[rng.integers(len(tops))], rng.uniform(0.8, 1.1)),
        trousers=shade(
            ((40, 44, 62), (70, 62, 56), (52, 74, 112), (30, 30, 34))[rng.integers(4)], rng.uniform(0.8, 1.2)
        ),
    )


def sway(pose: Pose, rng: np.random.Generator, amount: float = 14) -> Pose:
    """The pose a moment later: every limb moved a little."""
    moves = rng.uniform(-amount, amount, 6)
    return Pose(
        left=(pose.left[0] + moves[0], pose.left[1] + moves[1]),
        right=(pose.right[0] + moves[2], pose.right[1] + moves[3]),
        legs=(pose.legs[0] + moves[4] / 4, pose.legs[1] + moves[5] / 4),
        lean=pose.lean + moves[0] / 400,
    )


def _reach(start: Point, angle: float, side: int, length: float) -> Point:
    return start[0] + side * sin(radians(angle)) * length, start[1] + cos(radians(angle)) * length


def head(canvas: Canvas, x: float, y: float, r: float, look: Look, *, back: bool = False, turn: float = 0.0) -> None:
    """A head of radius r (from cheek to cheek), its face turned by -1..1, or seen from behind."""
    hair = look.hair
    if look.style == "long":
        for side in (-1, 1):
            canvas.ellipse(x + side * 0.82 * r, y + 0.5 * r, 0.4 * r, 1.5 * r, shade(hair, 0.85))
    if look.style == "curly":
        for step in range(7):
            angle = radians(180 + step * 30)
            canvas.ellipse(x + 0.95 * r * cos(angle), y - 0.25 * r + 0.9 * r * sin(angle), 0.5 * r, 0.5 * r, hair)
    if back:
        canvas.ellipse(x, y, r, 1.2 * r, shade(hair, 0.8))
        canvas.ellipse(x - 0.2 * r, y - 0.2 * r, 0.7 * r, 0.85 * r, hair)
        return
    canvas.ellipse(x, y, r, 1.22 * r, shade(look.skin, 0.84))
    canvas.ellipse(x - 0.1 * r, y - 0.04 * r, 0.86 * r, 1.1 * r, look.skin)
    canvas.ellipse(x, y - 0.22 * r, 1.06 * r, 1.08 * r, hair, arc=(186, 354))
    shift, dark = 0.25 * turn * r, shade(look.skin, 0.3)
    for side in (-1, 1):
        canvas.ellipse(x + shift + side * 0.36 * r, y + 0.08 * r, 0.1 * r, 0.13 * r, dark)
        canvas.line(
            [
                (x + shift + side * 0.36 * r - 0.16 * r, y - 0.16 * r),
                (x + shift + side * 0.36 * r + 0.16 * r, y - 0.18 * r),
            ],
            hair,
            0.07 * r,
        )
    canvas.ellipse(x + shift, y + 0.5 * r, 0.36 * r, 0.26 * r, (150, 52, 56), arc=(10, 170), outline=0.12 * r)


def person(
    canvas: Canvas,
    x: float,
    feet: float,
    height: float,
    look: Look,
    pose: Pose = STANDING,
    *,
    back: bool = False,
) -> tuple[Point, Point]:
    """A whole figure; returns where the left and the right hand are."""
    h, top = height, look.top
    hips, shoulders = (x, feet - 0.47 * h), (x + pose.lean * h, feet - 0.8 * h)
    for side, angle in ((-1, pose.legs[0]), (1, pose.legs[1])):
        start = (hips[0] + side * 0.05 * h, hips[1])
        foot = _reach(start, angle, side, 0.46 * h)
        canvas.line([start, foot], look.trousers if side < 0 else shade(look.trousers, 0.8), 0.085 * h)
        canvas.line([foot, (foot[0] + side * 0.04 * h, foot[1] + 0.005 * h)], (30, 26, 26), 0.045 * h)
    hands: list[Point] = []
    for side, (upper, fore) in ((-1, pose.left), (1, pose.right)):
        start = (shoulders[0] + side * 0.105 * h, shoulders[1] + 0.03 * h)
        elbow = _reach(start, upper, side, 0.17 * h)
        hand = _reach(elbow, fore, side, 0.16 * h)
        sleeve = shade(top, 0.86 if side < 0 else 0.7)
        canvas.line([start, elbow], sleeve, 0.064 * h)
        canvas.line([elbow, hand], sleeve, 0.052 * h)
        canvas.ellipse(*hand, 0.032 * h, 0.032 * h, look.skin)
        hands.append(hand)
    torso(canvas, shoulders, hips, 0.125 * h, top)
    canvas.line([shoulders, (shoulders[0], shoulders[1] - 0.05 * h)], shade(look.skin, 0.75), 0.06 * h)
    head(canvas, shoulders[0] + pose.lean * 0.1 * h, shoulders[1] - 0.1 * h, 0.062 * h, look, back=back)
    return hands[0], hands[1]


def torso(canvas: Canvas, shoulders: Point, hips: Point, half: float, color: Color) -> None:
    """A torso between two points, with a lit and a shaded side."""
    (sx, sy), (hx, hy) = shoulders, hips
    outline = [
        (sx - half, sy + 0.25 * half),
        (sx - 0.5 * half, sy - 0.1 * half),
        (sx + 0.5 * half, sy - 0.1 * half),
        (sx + half, sy + 0.25 * half),
        (hx + 0.78 * half, hy + 0.1 * half),
        (hx - 0.78 * half, hy + 0.1 * half),
    ]
    canvas.polygon(outline, shade(color, 0.76))
    canvas.polygon(
        [
            outline[0],
            outline[1],
            (sx + 0.35 * half, sy - 0.1 * half),
            (hx + 0.3 * half, hy + 0.1 * half),
            outline[5],
        ],
        color,
    )


def bust(canvas: Canvas, x: float, chin: float, r: float, look: Look, *, turn: float = 0.0, back: bool = False) -> None:
    """Head and shoulders, the shoulders running out of the bottom of what is seen."""
    top = look.top
    canvas.ellipse(x, chin + 2.6 * r, 2.15 * r, 2.2 * r, shade(top, 0.76))
    canvas.ellipse(x - 0.2 * r, chin + 2.62 * r, 1.9 * r, 2.1 * r, top)
    canvas.rect(x - 2.15 * r, chin + 2.6 * r, x + 2.15 * r, chin + 8 * r, shade(top, 0.76))
    canvas.rect(x - 2.1 * r, chin + 2.6 * r, x + 1.6 * r, chin + 8 * r, top)
    if not back:
        canvas.ellipse(x, chin + 0.55 * r, 0.6 * r, 0.55 * r, shade(look.skin, 0.78))
    canvas.rect(x - 0.4 * r, chin - 0.4 * r, x + 0.4 * r, chin + 0.5 * r, shade(look.skin, 0.76))
    head(canvas, x, chin - 1.0 * r, r, look, turn=turn, back=back)


def ground_shadow(canvas: Canvas, spots: list[tuple[float, float, float]]) -> None:
    """Soft shadows under feet: each spot is (x, y, radius)."""
    layer = canvas.layer()
    for x, y, radius in spots:
        layer.ellipse(x, y, radius, 0.22 * radius, (150, 150, 150))
    canvas.add_shadow(layer, 0.008)
