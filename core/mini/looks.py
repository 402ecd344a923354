"""What people look like (skin, hair, clothes) and how they hold themselves."""

from dataclasses import dataclass

import numpy as np

from core.mini.canvas import Color, shade

SKINS: tuple[Color, ...] = ((247, 212, 182), (232, 184, 144), (204, 150, 108), (156, 106, 72), (112, 74, 52))
HAIRS: tuple[Color, ...] = ((34, 27, 26), (66, 43, 30), (112, 72, 42), (190, 144, 86), (126, 116, 110))
CLOTHES: dict[str, Color] = {
    "red": (204, 40, 44),
    "blue": (40, 90, 196),
    "green": (38, 142, 78),
    "yellow": (242, 196, 44),
    "white": (240, 238, 232),
    "black": (34, 34, 40),
    "orange": (236, 122, 34),
    "purple": (126, 62, 172),
}
HAIR_STYLES = ("short", "long", "curly")
GARMENTS = ("tee", "shirt", "hoodie", "jacket")
TROUSERS: tuple[Color, ...] = ((44, 48, 68), (92, 80, 70), (58, 82, 126), (36, 36, 42), (126, 112, 92))


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a person looks like."""

    skin: Color
    hair: Color
    style: str
    top: Color
    trousers: Color
    garment: str = "tee"
    glasses: bool = False


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Angles in degrees from straight down, outward positive: upper arm and forearm, left then right."""

    left: tuple[float, float] = (14, 6)
    right: tuple[float, float] = (14, 6)
    legs: tuple[float, float] = (4, 4)
    lean: float = 0.0


STANDING = Pose()
CHEERING = Pose(left=(150, 170), right=(150, 170))
SINGING = Pose(left=(30, -150), right=(70, 40))
PLAYING = Pose(left=(25, -75), right=(38, -60))
TALKING = Pose(left=(55, 100), right=(25, -125))
HOLDING_UP = Pose(left=(20, 4), right=(155, 172))
RUNNING = Pose(left=(40, 110), right=(-30, 60), legs=(38, 24), lean=0.05)
PHONE_UP = Pose(left=(120, 175), right=(20, 10))


def sample_look(
    rng: np.random.Generator, *, top: Color | None = None, style: str | None = None, garment: str | None = None
) -> Look:
    """A person, with the clothes or the hair given where they matter."""
    tops = list(CLOTHES.values())
    return Look(
        skin=SKINS[rng.integers(len(SKINS))],
        hair=HAIRS[rng.integers(len(HAIRS))],
        style=style or HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        top=top or shade(tops[rng.integers(len(tops))], rng.uniform(0.8, 1.1)),
        trousers=shade(TROUSERS[rng.integers(len(TROUSERS))], rng.uniform(0.8, 1.15)),
        garment=garment or GARMENTS[rng.integers(len(GARMENTS) - 1)],
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
