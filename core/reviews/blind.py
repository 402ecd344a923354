"""The text that reviewers are shown: without what gives away which captioner wrote it.

Both captions pass through the same steps; the editor can read exactly what comes out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.captioners.mending import finished, has_word, mended, plain_characters, without_artefacts
from core.captioners.strays import without_handles, without_hashtags, without_swipe_hints
from core.record import EventRecord
from core.training.strays import without_emoji

__all__ = ["GiveAways", "blind_text"]

_EVENT = "the event"
_NOTHING_LEFT = "Photos of the event."
_PLAIN_MARKS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "—": "–"})
_SPACED_DASH = re.compile(r"\s+(?:–|-{1,2})\s+|\s*\|\s*")
_HEADLINE = re.compile(rf"(?i)^{_EVENT}\s*(?:[–:,.!?…|-]+\s*|$)(?!\w*'s\b)")
_END = re.compile(r"[\s.!…,;:|•~–-]+$")


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveAways:
    """What the template, or a model that learnt from it, puts into captions of an event."""

    event: str
    when_and_where: str = ""
    """Place and date as the template writes them."""
    openers: Sequence[str] = ()
    """First words of a template caption."""
    swipe_hint: str = ""

    @classmethod
    def of(cls, record: EventRecord) -> "GiveAways":
        """Those of a recorded event, with the settings it was captioned with."""
        captioner = record.config.get("captioner", {})
        return cls(
            event=record.event.name,
            when_and_where=", ".join(part for part in (record.event.place, record.event.date) if part),
            openers=tuple(captioner.get("openers", ())),
            swipe_hint=captioner.get("swipe_hint", ""),
        )


def blind_text(text: str, away: GiveAways) -> str:
    """A caption as reviewers see it: one paragraph, never empty; blinding twice changes nothing more.

    Handles, links, swipe hints and emoji go, and hashtags that are no words of a sentence; so do the template's opener,
    place and date, and a headline that only names the event. Elsewhere the event's name becomes "the event".
    Quotes and dashes become plain, line breaks spaces; the text begins with a capital and ends with a full stop, unless
    with a question mark.

    >>> blind_text("Highlights from Open Mic — stage and night. Swipe →", GiveAways(event="Open Mic",
    ...     openers=["Highlights from"]))
    'Stage and night.'
    """
    text = without_artefacts(plain_characters(text))
    if has_word(away.swipe_hint):
        text = _alone(away.swipe_hint).sub(" ", text)
    text = _cleaned(text)
    when_and_where, event = _cleaned(away.when_and_where), _cleaned(away.event)
    if has_word(when_and_where):
        text = re.sub(rf"(?i)\s*\(\s*{re.escape(when_and_where)}\s*\)", "", text)
    if has_word(event):
        text = _event_name(event).sub(_EVENT, text)
    text = _SPACED_DASH.sub(" – ", _without_opener(text, away.openers)).strip()
    body = _END.sub("", " ".join(finished(mended(text)).split()))
    if not has_word(body):
        return _NOTHING_LEFT
    return body if body.endswith("?") else f"{body}."


def _cleaned(text: str) -> str:
    """One line with plain marks, without handles, links, swipe hints, emoji and hashtags."""
    text, _ = without_hashtags(without_emoji(without_handles(without_swipe_hints(plain_characters(text)))))
    return " ".join(mended(text.translate(_PLAIN_MARKS)).split())


def _without_opener(text: str, openers: Sequence[str]) -> str:
    """Without the opener at the start, and without a headline that then only names the event."""
    words = sorted({" ".join(opener.split()) for opener in openers if has_word(opener)}, key=len, reverse=True)
    before = None
    while text != before:
        before = text
        if words:
            text = re.sub(rf"(?i)^(?:{'|'.join(map(re.escape, words))})(?!\w)[\s:–-]*", "", text)
        text = _HEADLINE.sub("", text)
    return text


def _event_name(name: str) -> re.Pattern[str]:
    """The event's name with or without its year and an article; one word alone only in its own capitals."""
    words = name.split()
    year = words.pop() if len(words) > 1 and re.fullmatch(r"(?:19|20)\d\d", words[-1]) else None
    spelt = r"[\s_-]*".join(re.escape(word) for word in words)
    spelt = spelt if len(words) > 1 else f"(?-i:{spelt})"
    ending = rf"(?:[\s_-]*(?:{re.escape(year)}|['’]?{year[2:]}))?" if year else ""
    return re.compile(rf"(?i)(?:\b(?:the|an?|this|our)\s+)?(?<!\w){spelt}{ending}(?!\w)")


def _alone(hint: str) -> re.Pattern[str]:
    """The swipe hint where it stands for itself: after a sentence or line, before another or the end."""
    return re.compile(rf"(?i)(?<![\w,;])\s*{re.escape(' '.join(hint.split()))}(?=\s*(?:$|\n|[^\w\s]))")
