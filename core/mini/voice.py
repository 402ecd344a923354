"""Captions as photography clubs write them: the sentences alone, and as they stand in a club's archive."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.mini.scene import Scene
from core.mini.voices import montage, rival
from core.mini.voices.saying import Saying
from core.mini.voices.trimmings import MONTAGE, RIVAL, Trimmings

__all__ = ["VOICES", "Voice"]

_GAPS = (" ", " ", " ", "  ", "   ")
_PICTURE = re.compile(r"\S\uFE0F?")


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How one club writes; `core` is fixed by a scene's facts alone, `raw` hangs things on it at random."""

    sayings: Mapping[str, Saying]
    trimmings: Trimmings

    def core(self, scene: Scene) -> str:
        """The club's own sentences, 8 to 25 words of `words.txt`: what a model that sees the photo can say exactly.

        Raises:
            KeyError: the club has no words for this topic, or for one of the scene's facts.
        """
        return self.sayings[scene.topic].of(scene)

    def raw(self, scene: Scene, rng: np.random.Generator) -> str:
        """The caption as it stands in an archive.

        What is added are whole lines of photo credit, and links, @handles, #hashtags, swipe hints, emoji, line breaks
        and spaces. So when those are taken away and runs of white space made one, `core` is left, to the letter.
        """
        stock, topic = self.trimmings, scene.topic
        text = self._sentences(self.core(scene), topic, rng)
        tail: list[str] = []
        if rng.random() < stock.shares["hint"]:
            tail.append(_one(rng, stock.hints))
        if rng.random() < stock.shares["handles"]:
            tail.append(" ".join(_some(rng, stock.handles, int(rng.integers(1, 3)))))
        if rng.random() < stock.shares["tags"]:
            own = _some(rng, stock.topic_tags.get(topic, ()), int(rng.integers(1, 3)))
            tags = [*stock.base_tags[: int(rng.integers(0, 4))], *own]
            tail.append(" ".join([*tags, *_some(rng, stock.other_tags, int(rng.integers(0, 3)))]))
        if rng.random() < stock.shares["site"]:
            tail.append(_one(rng, stock.sites))
        for piece in rng.permutation([piece for piece in tail if piece]).tolist():
            text += _one(rng, (*_GAPS, "\n", "\n", "\n\n")) + piece
        if rng.random() < stock.shares["credit"]:
            names = _some(rng, stock.photographers, 1 if rng.random() < 0.8 else 2)
            credit = _one(rng, stock.credits).format(_one(rng, (" & ", ", ", " ")).join(names))
            text = f"{credit}\n{text}" if rng.random() < 0.15 else f"{text}\n{credit}"
        return text + _one(rng, ("", "", "", " ", "\n"))

    def _sentences(self, core: str, topic: str, rng: np.random.Generator) -> str:
        stock = self.trimmings
        pictures = _PICTURE.findall(stock.emoji.get(topic, ""))
        break_ = "\n" if rng.random() < stock.shares["lines"] else _one(rng, _GAPS)
        text = ""
        for sentence in re.split(r"(?<=[.!?]) ", core):
            if pictures and rng.random() < stock.shares["emoji"]:
                sentence += _one(rng, ("", " ")) + _one(rng, pictures) * int(rng.integers(1, 3))
            text += (break_ if text else "") + sentence
        lead = pictures and rng.random() < stock.shares["emoji"] / 4
        return f"{_one(rng, pictures)} {text}" if lead else text


def _one(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


def _some(rng: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    return [names[int(index)] for index in rng.permutation(len(names))[:count]]


VOICES: dict[str, Voice] = {
    "montage": Voice(sayings=montage.SAYINGS, trimmings=MONTAGE),
    "rival": Voice(sayings=rival.SAYINGS, trimmings=RIVAL),
}
