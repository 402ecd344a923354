"""The same facts in every way of saying them: the plain caption, and each club's."""

import re
from functools import cache

import numpy as np

from core.mini.lexicon import known_words
from core.mini.scenes import TOPICS, sample_scene
from core.mini.voice import VOICES

__all__ = ["caption_words", "spoken", "voiced"]

SAMPLES = 3000  # a topic: enough to meet every caption


@cache
def voiced() -> dict[str, tuple[str, ...]]:
    """For each plain caption what the clubs say of such a photo, as `spoken` has it."""
    rng = np.random.default_rng(1)
    told: dict[str, tuple[str, ...]] = {}
    for topic in TOPICS:
        for _ in range(SAMPLES):
            scene = sample_scene(rng, topic)
            if scene.caption not in told:
                told[scene.caption] = tuple(spoken(voice.core(scene)) for voice in VOICES.values())
    return told


def spoken(text: str) -> str:
    """Its words alone, in small letters: what the product gives a model with a closed vocabulary."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def caption_words() -> list[str]:
    """All words that a caption can hold, the clubs' included, sorted."""
    return sorted({*known_words(), *(word for texts in voiced().values() for text in texts for word in text.split())})
