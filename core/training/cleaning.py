"""Clean captions for training: what a model should not learn to write is taken out, by settings.

The club's voice stays: nothing is rephrased, and a caption from which nothing was taken keeps its punctuation. What
counts as a handle, a link or a swipe hint is what `montage caption` takes out of published captions.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import model_validator

from core.captioners.mending import mended, plain_characters
from core.captioners.strays import without_handles, without_hashtags, without_swipe_hints
from core.handles import EMAIL, GLUED_AT, HANDLE, HASHTAG
from core.settings_base import Settings
from core.training.record import Record
from core.training.strays import CREDIT, EMOJI, LINK, without_emoji

__all__ = ["Cleaned", "CleaningSettings", "clean_caption", "clean_records"]

_ROUNDS = 40
"""One round can leave work for the next (a handle hidden in brackets); two or three are usual."""
_HIDDEN = 0xF0000  # private characters that stand for pieces that stay; `plain_characters` lets none through before
_MARK = chr(_HIDDEN - 1)
_WRITE_TO = re.compile(
    r"(?i)\b(?:please\s+)?(?:write|mail|e-?mail|contact|reach(?:\s+out)?|drop\s+(?:us\s+)?a\s+(?:mail|line))"
    rf"(?:\s+(?:to|us|me|at|on))*[\s:]*{_MARK}"
)
_HINT_AFTER_TAG = re.compile(  # "#night swipe left" and "#night (Swipe)" go on no sentence
    rf"({HASHTAG.pattern})[^\S\n]+(?=(?i:\(\s*swip(?:e|ing)\b"
    r"|swip(?:e|ing)(?:\s+(?:left|right|up|down))?[^\S\n]*(?:$|\n|[^\w\s'’])))"
)
_SPACER = re.compile(rf"^(?:(?!{EMOJI.pattern})[\W_])*$")
_FANCY = re.compile("[\U0001d400-\U0001d7ff\uff01-\uff5e\u24b6-\u24e9\u249c-\u24b5]+")
_TIME = r"\d{1,2}(?:[:.]\d{2})?\s*(?:[ap]\.?m\b|hrs\b|hours\b|o['’]clock\b|onwards\b)|\d{1,2}:\d{2}\b"
_AT_TIME = re.compile(rf"(?i)(?P<glued>(?<=[^\W_]))?@\s*(?={_TIME})")
_APART = re.compile(r"@\s+(?=\w*[^\W\d]\w*[._]\w*[^\W_]|\w+_)")
_ABOUT = re.compile(
    r"(?i)(\b(?:by|with|from|ft\.?|feat\.?|featuring|follow|tag|cc|pc|credits?|courtesy|and|&)\s*[:–-]?\s*)@\s+(?=\w)"
)
_AT_PLACE = re.compile(r"(?<![^\s(\[“\"'])@\s+(?=\w)")


class CleaningSettings(Settings):
    """What is taken out of captions before a model is trained on them."""

    remove_handles: bool = True
    """Handles, with "by", "📸:" and the like that hang on them; then no @ is left at all, but in kept e-mails."""
    remove_urls: bool = True
    """Links, with "link:" and the like that hang on them."""
    remove_emails: bool = True
    """E-mail addresses: a model that learnt them would make some up."""
    remove_swipe_hints: bool = True
    """"Swipe →", "swipe left for more", "link in bio", and arrows that lead nowhere."""
    remove_credits: bool = True
    """Credits of photographers by name, as "PC: Rahul Sharma"."""
    remove_emoji: bool = False
    """Emoji and their flags, skin tones and keycaps."""
    hashtags: Literal["all", "uncontrolled", "none"] = "all"
    """Which hashtags go: all, those that are not in `controlled`, or none. Within a sentence their words stay."""
    controlled: tuple[str, ...] = ()
    """Hashtags that stay under `uncontrolled`, in any capitals."""
    line_breaks: Literal["space", "keep"] = "space"
    """One line (many tokenizers know no line break), or the lines as they are; spacer lines of dots always go."""
    plain_letters: bool = True
    """𝐁𝐨𝐥𝐝, ｗｉｄｅ and ⓒⓘⓡⓒⓛⓔⓓ letters become ordinary ones, which a tokenizer knows."""

    @model_validator(mode="after")
    def _controlled_are_hashtags(self) -> "CleaningSettings":
        for tag in self.controlled:
            if not HASHTAG.fullmatch(tag):
                raise ValueError(f"controlled: a hashtag is '#' and then letters without spaces, got {tag!r}")
        if self.hashtags == "uncontrolled" and not self.controlled:
            raise ValueError("hashtags: uncontrolled needs a list of controlled hashtags, got none")
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """Records before and after."""

    records: tuple[Record, ...]
    """Cleaned, in order, without those that have no word left."""
    pairs: tuple[tuple[Record, str], ...]
    """Every record as it was, and its caption now (empty where no word is left)."""
    references_emptied: tuple[tuple[int | None, str], ...]
    """Line and text of references that had no word left and were taken out of their records."""

    @property
    def changed(self) -> tuple[tuple[Record, str], ...]:
        """Those whose caption is another now."""
        return tuple((record, after) for record, after in self.pairs if record.caption != after)

    @property
    def emptied(self) -> tuple[Record, ...]:
        """Records whose caption has no word left; they are in no output."""
        return tuple(record for record, after in self.pairs if not after)


def clean_caption(text: str, settings: CleaningSettings) -> str:
    """A caption without what the settings name; cleaning twice changes nothing more. Empty where no word is left."""
    for _ in range(_ROUNDS):
        before, text = text, _round(text, settings)
        if text == before:
            break
    return text if any(c.isalnum() for c in text) else ""


def clean_records(records: Sequence[Record], settings: CleaningSettings) -> Cleaned:
    """Clean captions and references; a record whose caption loses every word is left out and listed."""
    pairs = tuple((record, clean_caption(record.caption, settings)) for record in records)
    kept: list[Record] = []
    emptied: list[tuple[int | None, str]] = []
    for record, caption in pairs:
        cleaned = [(reference, clean_caption(reference, settings)) for reference in record.references]
        emptied += [(record.line, reference) for reference, after in cleaned if not after]
        if caption:
            references = tuple(dict.fromkeys(after for _, after in cleaned if after))
            kept.append(replace(record, caption=caption, references=references))
    return Cleaned(records=tuple(kept), pairs=pairs, references_emptied=tuple(emptied))


def _round(text: str, settings: CleaningSettings) -> str:
    if settings.plain_letters:
        text = _FANCY.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)
    text = plain_characters(text)
    rest = text
    for remove in _removals(settings):
        rest = remove(rest)
    if rest != text:
        text = mended(rest)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    lines = [line for line in lines if line and not _SPACER.match(line)]
    return "\n".join(lines) if settings.line_breaks == "keep" else _one_line(lines)


def _removals(settings: CleaningSettings) -> list[Callable[[str], str]]:
    removals: list[Callable[[str], str]] = []
    if settings.remove_emails:
        removals.append(_without_emails)
    if settings.remove_handles or settings.remove_urls:
        removals.append(lambda text: _without_handles_or_urls(text, settings))
    if settings.remove_credits:
        removals.append(lambda text: CREDIT.sub(" ", text))
    if settings.remove_swipe_hints:
        removals.append(lambda text: without_swipe_hints(_HINT_AFTER_TAG.sub(r"\1\n", text)))
    if settings.hashtags != "none":
        removals.append(lambda text: _without_hashtags(text, settings))
    if settings.remove_emoji:
        removals.append(without_emoji)
    return removals


def _without_emails(text: str) -> str:
    # As a handle, so that "write to", "contact:" and the like, which hang on it, go too.
    if not EMAIL.search(text):
        return text
    marked = _WRITE_TO.sub(_MARK, EMAIL.sub(_MARK, text))
    return _keeping([LINK, HANDLE], marked, lambda rest: without_handles(rest.replace(_MARK, "@mail")))


def _without_handles_or_urls(text: str, settings: CleaningSettings) -> str:
    kept: list[re.Pattern[str]] = []
    if not settings.remove_urls:
        kept.append(LINK)
    if not settings.remove_emails:
        kept.append(EMAIL)
    if not settings.remove_handles:
        kept.append(HANDLE)
    return _keeping(kept, text, _without_at if settings.remove_handles else without_handles)


def _without_at(text: str) -> str:
    """Without handles; an @ that stands for "at" becomes the word, any other goes."""
    if "@" not in text:
        return without_handles(text)
    text = _AT_TIME.sub(lambda found: "at " if found["glued"] is None else " at ", text)
    text = GLUED_AT.sub(" @", text)
    text = _ABOUT.sub(r"\1@", _APART.sub("@", text))
    return without_handles(_AT_PLACE.sub("at ", text)).replace("@", " ")


def _without_hashtags(text: str, settings: CleaningSettings) -> str:
    if settings.hashtags == "all":
        return without_hashtags(text)[0]
    wanted = {tag.casefold() for tag in settings.controlled}
    return _keeping([HASHTAG], text, lambda rest: without_hashtags(rest)[0], where=lambda t: t.casefold() in wanted)


def _keeping(
    patterns: Sequence[re.Pattern[str]],
    text: str,
    remove: Callable[[str], str],
    *,
    where: Callable[[str], bool] = lambda piece: True,
) -> str:
    """What `remove` makes of the text, with the pieces that match a pattern and a condition left alone."""
    pieces: list[str] = []

    def hide(match: re.Match[str]) -> str:
        if not where(match.group()):
            return match.group()
        pieces.append(match.group())
        return chr(_HIDDEN + len(pieces) - 1)

    for pattern in patterns:
        text = pattern.sub(hide, text)
    text = remove(text)
    for number, piece in reversed(list(enumerate(pieces))):
        text = text.replace(chr(_HIDDEN + number), piece)
    return text


def _one_line(lines: Sequence[str]) -> str:
    """Lines in one; a line that ends in a letter gets a full stop before a capital."""
    text = ""
    for line in lines:
        if text:
            text += ". " if text[-1].isalnum() and line[0].isupper() else " "
        text += line
    return text
