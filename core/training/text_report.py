"""What captions are like: how many hold handles, hashtags, links, emoji; how long they are; which words recur."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.handles import EMAIL, HANDLE, HASHTAG, handles_in
from core.training.leakage import caption_key
from core.training.strays import EMOJI, LINK, SWIPE

__all__ = ["Quantiles", "TextReport", "report_texts"]

_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about all an and are as at be been but by can did do does for from had has have he her his i if in into is "
        "it its me my no not of on or our out s she so t that the their them then there these they this those to up "
        "us was we were what when where which who will with you your",
    )
)
_WORD = re.compile(r"[^\W\d_][\w'’]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantiles:
    """Least, 5, 25, 50, 75, 95 % and most of some lengths."""

    least: int
    p5: int
    p25: int
    p50: int
    p75: int
    p95: int
    most: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TextReport:
    """Counts over captions, references among them."""

    captions: int
    empty: int
    repeated: int
    """Captions that say the same as an earlier one."""
    with_handles: int
    with_hashtags: int
    with_urls: int
    with_emails: int
    with_emoji: int
    with_swipe_hints: int
    words: Quantiles | None
    """Of words to a caption; None without captions."""
    characters: Quantiles | None
    frequent_words: tuple[tuple[str, int], ...]
    """And in how many captions; "the", "of" and the like are left out."""
    frequent_hashtags: tuple[tuple[str, int], ...]
    frequent_handles: tuple[tuple[str, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def report_texts(texts: Iterable[str], *, most: int = 20) -> TextReport:
    """Count over captions.

    Args:
        most: how many of the most frequent words, hashtags and handles are named.
    """
    found: Counter[str] = Counter()
    words, hashtags, handles = Counter[str](), Counter[str](), Counter[str]()
    lengths: list[tuple[int, int]] = []
    seen: set[str] = set()
    for text in texts:
        key = caption_key(text)
        found.update(kind for kind, holds in _kinds(text, key, seen).items() if holds)
        seen.add(key)
        plain = LINK.sub(" ", HANDLE.sub(" ", EMAIL.sub(" ", text)))
        hashtags.update({tag.casefold() for tag in HASHTAG.findall(plain)})
        handles.update({handle.casefold() for handle in handles_in(text)})
        words.update({word for word in _WORD.findall(HASHTAG.sub(" ", plain).casefold()) if word not in _COMMON})
        lengths.append((len(text.split()), len(text)))
    return TextReport(
        captions=len(lengths),
        words=_quantiles([length for length, _ in lengths]),
        characters=_quantiles([length for _, length in lengths]),
        frequent_words=_top(words, most),
        frequent_hashtags=_top(hashtags, most),
        frequent_handles=_top(handles, most),
        **{kind: found[kind] for kind in _kinds("", "", set())},
    )


def _kinds(text: str, key: str, seen: set[str]) -> dict[str, bool]:
    at_large = EMAIL.sub(" ", LINK.sub(" ", text))
    return {
        "empty": not text.strip(),
        "repeated": bool(key) and key in seen,
        "with_handles": bool(handles_in(at_large)),
        "with_hashtags": HASHTAG.search(at_large.replace("＃", "#")) is not None,
        "with_urls": LINK.search(text) is not None,
        "with_emails": EMAIL.search(text) is not None,
        "with_emoji": EMOJI.search(text) is not None,
        "with_swipe_hints": SWIPE.search(text) is not None,
    }


def _quantiles(lengths: Sequence[int]) -> Quantiles | None:
    if not lengths:
        return None
    values = np.quantile(lengths, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1], method="inverted_cdf")
    least, p5, p25, p50, p75, p95, most = (int(value) for value in values)
    return Quantiles(least=least, p5=p5, p25=p25, p50=p50, p75=p75, p95=p95, most=most)


def _top(counts: Counter[str], most: int) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])
