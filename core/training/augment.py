"""Captions made to vary in training: their parts in another order, or nothing at all. Changes no file."""

import re
from typing import Annotated

import numpy as np
from pydantic import Field

from core.captioners.mending import sentences
from core.settings_base import Settings, Share

__all__ = ["AugmentSettings", "augment_caption", "drop_caption", "shuffle_parts"]


class AugmentSettings(Settings):
    """How captions vary from epoch to epoch."""

    shuffle: bool = False
    """Put the sentences of a caption, or the comma parts of a single sentence, in another order."""
    keep_first: Annotated[int, Field(ge=0)] = 0
    """This many parts stay at the front."""
    dropout: Share = 0.0
    """Share of captions that are left empty, so that the model also learns from the photo alone."""


def augment_caption(caption: str, settings: AugmentSettings, generator: np.random.Generator) -> str:
    """A caption as it is shown this time; draws from the generator in the same way whatever the caption."""
    dropped = drop_caption(caption, generator, share=settings.dropout)
    shuffler = np.random.default_rng(generator.integers(2**63))
    return shuffle_parts(dropped, shuffler, keep_first=settings.keep_first) if settings.shuffle else dropped


def drop_caption(caption: str, generator: np.random.Generator, *, share: float) -> str:
    """The caption, or with probability `share` (0-1) an empty text."""
    return "" if generator.random() < share else caption


def shuffle_parts(caption: str, generator: np.random.Generator, *, keep_first: int = 0) -> str:
    """The sentences in another order; of a single sentence its parts between commas, the full stop staying at the end.

    >>> shuffle_parts("A stage, red light, a crowd.", np.random.default_rng(3))
    'a crowd, red light, A stage.'
    """
    parts = [part.strip() for part in sentences(caption) if part.strip()]
    if len(parts) > 1:
        *ahead, last = _shuffled(parts, generator, keep_first)
        return " ".join([*(f"{part}." if part[-1].isalnum() else part for part in ahead), last])
    body, stop = re.fullmatch(r"(?s)(.*?)([.!?…]*)", caption.strip()).groups()  # type: ignore[union-attr]
    parts = [part.strip() for part in re.split(r",\s+", body) if part.strip()]
    return ", ".join(_shuffled(parts, generator, keep_first)) + stop if len(parts) > 1 else caption


def _shuffled(parts: list[str], generator: np.random.Generator, keep_first: int) -> list[str]:
    order = generator.permutation(len(parts) - min(keep_first, len(parts))) + min(keep_first, len(parts))
    return [*parts[:keep_first], *(parts[i] for i in order)]
