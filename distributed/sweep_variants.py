"""The decodings and groupings that every trained model is tried with: those that differ in effect, defaults first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from core.settings import ClusterSettings, DecodingSettings
from core.store import digest
from core.vlm.decoding import decoding_key
from distributed.sweep_load import defaults_of
from distributed.sweep_space import Values, draw, every_combination

__all__ = ["decoding_effect", "decodings_of", "grouping_effect", "groupings_of"]

_TRIES_EACH = 50
_LABEL_KEYS = ("label_weight", "label_norm")


def decodings_of(spaces: Mapping[str, Any], most: int, *, seed: int) -> list[DecodingSettings]:
    """At most so many decodings, the default one first; drawn where there are more.

    Combinations that exclude each other (sampling with beams) are left out, and one that writes the same words as
    another (a length penalty without beams) is not listed again.
    """
    found = _listed(spaces, defaults_of("decoding"), decoding_effect, most, seed)
    return [one for one in found if isinstance(one, DecodingSettings)]


def groupings_of(spaces: Mapping[str, Any], most: int, *, seed: int) -> list[ClusterSettings]:
    """At most so many groupings, the default one first; drawn where there are more."""
    found = _listed(spaces, defaults_of("clustering"), grouping_effect, most, seed)
    return [one for one in found if isinstance(one, ClusterSettings)]


def decoding_effect(decoding: Any) -> dict[str, Any]:
    """What of a decoding decides the words."""
    effect = decoding_key(decoding, 0)
    if decoding.num_beams == 1:
        effect.pop("length_penalty")
    return effect


def grouping_effect(grouping: Any) -> dict[str, Any]:
    """What of a grouping's settings decides the posts."""
    without = set() if grouping.use_label_features else set(_LABEL_KEYS)
    if grouping.k != "auto":
        without.add("k_max")
    effect: dict[str, Any] = grouping.model_dump(mode="json", exclude=without)
    return effect


def _listed(spaces: Mapping[str, Any], default: BaseModel, effect: Any, most: int, seed: int) -> list[BaseModel]:
    found: dict[str, BaseModel] = {digest("effect", effect(default)): default}

    def add(values: Values) -> None:
        try:
            one = type(default).model_validate(default.model_dump() | values)
        except ValidationError:
            return  # values that exclude each other
        found.setdefault(digest("effect", effect(one)), one)

    if spaces:
        every = every_combination(spaces)
        if every is not None:
            for values in every:
                add(values)
            every_one = list(found.values())
            if len(every_one) <= most:
                return every_one
            chosen = np.random.default_rng(seed).choice(len(every_one) - 1, most - 1, replace=False) + 1
            return [default, *(every_one[i] for i in sorted(chosen))]
        generator = np.random.default_rng(seed)
        for _ in range(most * _TRIES_EACH):
            if len(found) >= most:
                break
            add(draw(spaces, generator))
    return list(found.values())[:most]
