"""The words of the rendered world, and a byte-pair vocabulary in which each of them is one token."""

import gzip
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from core.mini.scenes import LABELS, TOPICS, sample_scene

NEUTRAL_PROMPT = "a photo"
PROMPTS = ("{label}", "a photo of {label}", "a photo of a {label}", "a picture of {label}")
CONCEPTS = (
    "pizza",
    "soup",
    "salad",
    "cake",
    "donuts",
    "coffee",
    "trophy",
    "medal",
    "certificate",
    "confetti",
    "band",
    "singer",
    "winner",
    "winners",
    "crowd",
    "curtain",
    "glasses",
    "mountains",
    "hills",
    "lake",
    "trees",
    "sunset",
    "moon",
    "fireworks",
    "tent",
    "photographer",
    "football",
    "basketball",
    "cricket",
    "race",
    "player",
    "players",
    "lectern",
    "microphone",
    "lawn",
    "park",
    "street",
    "pictures",
    "visitor",
    "visitors",
    "building",
    "student",
    "students",
)
"""Words of the captions that are trained as labels too, so that a club may use them."""
BYTE_TOKENS, SPECIAL_TOKENS = 512, 2  # open_clip's SimpleTokenizer: bytes, bytes that end a word; start, end


def known_words() -> list[str]:
    """All words that a caption, a label or a prompt can hold, sorted."""
    rng = np.random.default_rng(0)
    texts = {sample_scene(rng, topic).caption for topic in TOPICS for _ in range(1500)}
    texts |= {prompt.format(label=label) for prompt in PROMPTS for label in LABELS} | {NEUTRAL_PROMPT}
    return sorted({word for text in texts for word in text.split()})


def merges_of(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent first, until every word is one token."""
    spelled = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges: list[tuple[str, str]] = []
    while True:
        pairs = Counter(pair for parts in spelled.values() for pair in pairwise(parts))
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = {word: _merged(parts, best) for word, parts in spelled.items()}


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return out


def write_vocabulary(path: Path, words: list[str]) -> int:
    """Writes the merges as SimpleTokenizer reads them, below a heading; returns the vocabulary's size."""
    merges = merges_of(words)
    text = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in merges)])
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
    return BYTE_TOKENS + len(merges) + SPECIAL_TOKENS
