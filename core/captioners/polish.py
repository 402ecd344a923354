"""What every caption of every captioner passes through before it is published."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.captioners.mending import (
    finished,
    has_word,
    mended,
    plain_characters,
    sentences,
    without_artefacts,
    without_repeats,
)
from core.captioners.strays import without_handles, without_hashtags, without_swipe_hints
from core.posts import choose_hashtags, publishable_text
from core.settings import CaptionerSettings

__all__ = ["Polished", "polish", "published_length"]

_LAST_RESORT = "Photos of the event."
_LEAST = 20
"""Characters that a caption keeps before its hashtags do; no limit can be set lower, and the last resort fits."""
_ROUNDS = 30
"""One round can leave work for the next (a handle hidden in brackets); two or three are usual."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Polished:
    """A caption as it is published."""

    text: str
    """Without hashtags, never empty."""
    hashtags: tuple[str, ...]
    fell_back: bool = field(default=False, compare=False)
    """Whether no word of the text was left, so that this is the fallback."""


def polish(
    text: str, *, settings: CaptionerSettings, controlled: Sequence[str], photo_count: int, fallback: str
) -> Polished:
    """Clean a caption and make it fit; polishing twice changes nothing more.

    Handles, links, swipe hints of its own, stray hashtags and model artefacts go, punctuation is mended, the swipe hint
    of the settings is added. What is too long is cut at a sentence end, else at a word.

    Args:
        controlled: the post's hashtags.
        photo_count: of the post; one photo needs no swipe hint.
        fallback: the text to take where no word is left; the template's.
    """
    hint = _swipe_hint(settings, photo_count)
    strays: list[str] = []
    bodies = [_settled(text, hint, strays), _settled(fallback, hint, []), _LAST_RESORT]
    wanted = [*controlled, *(strays if settings.stray_hashtags == "merge" else ())]
    tags = choose_hashtags((), base=wanted, by_label={}, most=settings.max_hashtags)
    for place, body in enumerate(bodies):
        if has_word(body):
            polished = _fitted(body, hint, tags, settings.max_caption_chars)
            if has_word(polished.text.removesuffix(hint)):
                return replace(polished, fell_back=place > 0)
    raise AssertionError("the last resort fits every limit")


def published_length(caption: str, hashtags: Sequence[str]) -> int:
    """Length of what is published, in UTF-16 code units.

    Instagram does not say what its 2,200 characters are; no other way of counting finds more.
    """
    return _length(publishable_text(caption, hashtags))


def _swipe_hint(settings: CaptionerSettings, photo_count: int) -> str:
    if not settings.include_swipe_hint or photo_count < 2:
        return ""
    hint = " ".join(plain_characters(settings.swipe_hint).split())
    return hint if _length(hint) + 1 + _LEAST <= settings.max_caption_chars else ""


def _settled(text: str, hint: str, strays: list[str]) -> str:
    """The text when no step of the cleaning finds anything more to do; hashtags found go to `strays`."""
    for _ in range(_ROUNDS):
        before = text
        text = without_artefacts(plain_characters(_without_hint(text, hint)))
        text = without_handles(without_swipe_hints(text))
        text, found = without_hashtags(text)
        strays.extend(found)
        text = finished(mended(without_repeats(text)))
        if text == before:
            break
    return text


def _without_hint(text: str, hint: str) -> str:
    """The text without the swipe hint that an earlier polish, the template, or a model that learnt it has written."""
    if has_word(hint):
        alone = rf"(?<![\w\s,;:'’\"(–—-])\s*{re.escape(hint)}(?=\s*(?:$|\n|[^\w\s]))"
        text = re.sub(alone, " ", text)
    while hint:
        rest = text.rstrip().removesuffix(hint)
        if rest == text.rstrip() or rest.rstrip()[-1:].isalnum():
            break
        text = rest.rstrip()
    return text


def _fitted(body: str, hint: str, tags: tuple[str, ...], limit: int) -> Polished:
    """Caption, hint and as many hashtags as fit; the caption is cut before hashtags go, but not below `_LEAST`."""
    hung = f" {hint}" if hint else ""

    def room(count: int) -> int:
        return limit - (published_length(f"x{hung}", tags[:count]) - 1)

    least = min(_length(body), _LEAST)
    kept = next(count for count in range(len(tags), -1, -1) if count == 0 or room(count) >= least)
    text = _cut(body, room(kept), hint)
    kept = next(count for count in range(len(tags), -1, -1) if count == 0 or room(count) >= _length(text))
    return Polished(text=text + hung, hashtags=tags[:kept])


def _cut(body: str, room: int, hint: str) -> str:
    """The body, or a settled beginning of it that has room."""
    text, target = body, room
    while _length(text) > room:
        text = _settled(_shortened(body, target), hint, [])
        target -= 1
    return text


def _shortened(text: str, most: int) -> str:
    """The whole sentences that fit in `most` UTF-16 code units, else the words, else the letters, with "…"."""
    kept = ""
    for sentence in sentences(text):
        if _length((kept + sentence).rstrip()) > most:
            break
        kept += sentence
    if has_word(kept):
        return kept.rstrip()
    end = next(i for i in range(len(text), -1, -1) if i == 0 or _length(text[:i]) <= most - 1)
    words = text[:end] if text[end : end + 1].isspace() else text[:end].rpartition(" ")[0]
    return (words if has_word(words) else text[:end]).rstrip(" \n,;:|–—-…\u200d") + "…"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
