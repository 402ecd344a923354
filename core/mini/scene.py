"""What a rendered scene is: a frozen description that fixes its caption, its labels and its picture."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.mini.canvas import Canvas, Color, Image, develop

LABELS: tuple[str, ...] = (
    "stage",
    "speaker",
    "award",
    "audience",
    "portrait",
    "group photo",
    "food",
    "night",
    "landscape",
    "nature",
    "sports",
    "indoors",
    "outdoors",
    "people",
    "person",
)
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
LIGHTS: dict[str, Color] = {
    "red": (235, 60, 60),
    "blue": (70, 110, 250),
    "purple": (165, 70, 235),
    "green": (60, 210, 110),
    "golden": (250, 185, 70),
    "pink": (250, 95, 170),
}


@dataclass(frozen=True, kw_only=True)
class Scene(ABC):
    """One scene; `seed` fixes everything the other fields leave open, `upright` turns the camera."""

    topic: ClassVar[str]
    seed: int
    upright: bool = False

    @classmethod
    @abstractmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """A scene of this topic drawn at random."""

    @property
    @abstractmethod
    def caption(self) -> str:
        """The one plain sentence that says what can be seen."""

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """The labels that are true of the picture, in the order of LABELS."""

    @abstractmethod
    def paint(self, canvas: Canvas, place: np.random.Generator, motion: np.random.Generator) -> None:
        """Paints it: what stands still by `place`, what moves between two frames by `motion`."""


def new_seed(rng: np.random.Generator) -> int:
    """A seed for one scene."""
    return int(rng.integers(2**31))


def pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    """One of the names."""
    return names[int(rng.integers(len(names)))]


def in_order(*labels: str) -> tuple[str, ...]:
    """The labels in the order of LABELS."""
    return tuple(label for label in LABELS if label in labels)


def crowd_label(count: int) -> str:
    """`person` for one, `people` for more."""
    return "person" if count == 1 else "people"


def render(scene: Scene, *, moment: int = 0, size: tuple[int, int] = (800, 600)) -> Image:
    """The photo of a scene, (H, W, 3) uint8 RGB; `size`: long, short side; `moment`: frame of a burst."""
    width, height = (size[1], size[0]) if scene.upright else size
    canvas = Canvas(width, height)
    scene.paint(canvas, np.random.default_rng([scene.seed, 0]), np.random.default_rng([scene.seed, 1, moment]))
    return develop(canvas.pixels, np.random.default_rng([scene.seed, 2]))
