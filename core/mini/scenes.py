"""All topics of the rendered world, and how to draw a scene at random."""

import numpy as np

from core.mini.scene import LABELS, Scene, render
from core.mini.topics.audience import Audience
from core.mini.topics.award import Award
from core.mini.topics.campus import Campus
from core.mini.topics.exhibition import Exhibition
from core.mini.topics.food import Food
from core.mini.topics.group_photo import GroupPhoto
from core.mini.topics.landscape import Landscape
from core.mini.topics.night import Night
from core.mini.topics.portrait import Portrait
from core.mini.topics.speaker import Speaker
from core.mini.topics.sports import Sports
from core.mini.topics.stage import Stage

__all__ = ["LABELS", "TOPICS", "Scene", "render", "sample_scene"]

TOPICS: dict[str, type[Scene]] = {
    kind.topic: kind
    for kind in (
        Stage,
        Speaker,
        Award,
        Audience,
        Portrait,
        GroupPhoto,
        Food,
        Night,
        Landscape,
        Sports,
        Exhibition,
        Campus,
    )
}


def sample_scene(rng: np.random.Generator, topic: str | None = None) -> Scene:
    """A scene of the topic, or of any."""
    names = tuple(TOPICS)
    return TOPICS[topic or names[int(rng.integers(len(names)))]].sample(rng)
