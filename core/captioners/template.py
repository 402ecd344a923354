"""The template captioner: opener, event, date and place, labels. Deterministic by seed."""

import random
from collections.abc import Sequence

from core.posts import EventDetails, join_words
from core.settings import CaptionerSettings

__all__ = ["template_captions"]


def template_captions(
    event: EventDetails,
    labels: Sequence[Sequence[str]],
    photo_counts: Sequence[int],
    settings: CaptionerSettings,
    *,
    seed: int,
) -> list[str]:
    """Write a caption for each post of an event.

    Args:
        labels: of each post.
        photo_counts: of each post; one photo needs no swipe hint.
        seed: decides which opener comes first; after it they follow in turn, so that neighbours differ.
    """
    openers = list(settings.openers)
    random.Random(f"openers:{seed}:{event.name}").shuffle(openers)  # text seeds: the same on every machine
    captions = []
    for i, (post_labels, count) in enumerate(zip(labels, photo_counts, strict=True)):
        headline = " ".join(f"{openers[i % len(openers)]} {event.name}".split())
        when_and_where = ", ".join(part for part in (event.place, event.date) if part)
        text = f"{headline} ({when_and_where})" if when_and_where else headline
        if post_labels:
            text += f" — {join_words(post_labels)}"
        text += "."
        if settings.include_swipe_hint and count > 1:
            text += f" {settings.swipe_hint}"
        captions.append(text)
    return captions
