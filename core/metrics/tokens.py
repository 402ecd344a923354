"""Words of a raw caption, as coco-caption's tokeniser would give them, without Java.

coco-caption runs Stanford's PTBTokenizer 3.4.1 (`-preserveLines -lowerCase`) and drops a list of punctuation. These
rules follow it on ordinary English captions; rare ones (emoticons, odd abbreviations, US money) may differ.
"""

import html
import re

__all__ = ["TOKENIZATION", "tokenize"]

TOKENIZATION = "ptb-like"
"""Name of these rules in signatures; change it when they change."""

_DROPPED = frozenset(
    ["''", "'", "``", "`", '"', "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
"""coco-caption's list and the plain quote. Its brackets are in capitals, so lower-cased ones stay, here as there."""

_SPELLED = str.maketrans(
    {
        **{"’": "'", "‘": "`", "“": '"', "”": '"', "—": " -- ", "–": " -- ", "…": " ... ", "€": "$", "£": "#"},
        **{"(": " -lrb- ", ")": " -rrb- ", "[": " -lsb- ", "]": " -rsb- ", "{": " -lcb- ", "}": " -rcb- "},
        **{"½": "1/2", "¼": "1/4", "¾": "3/4", "\u00ad": ""},
    }
)
_ABBREVIATIONS = (
    r"mr|mrs|ms|dr|prof|st|ave|blvd|rd|jr|sr|gen|col|capt|lt|sgt|rev|hon|gov|sen|rep|inc|ltd|co|corp|bros|vs|etc|al|est|ft"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|ph\.d|(?:[a-z]\.)+[a-z]"
)
_TOKEN = re.compile(
    rf"""
    -(?:lrb|rrb|lsb|rsb|lcb|rcb)-
    | https?://[^\s<>"]*[^\s<>".,;:!?'] | www\.[^\s<>"]*[^\s<>".,;:!?']
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                       # an e-mail address
    | [#@][^\W\d]\w*
    | </?[a-z][^<>]*>
    | (?:{_ABBREVIATIONS})\.(?!\w) | no\.(?=\s*\d)
    | '\d0s\b | '(?:tis|twas)\b
    | [+-]?\d+(?:[.,:/-]\d+)+(?:(?:['-]\w+)|[^\W\d_]+)?      # 1,000 and 5:30 and 10.5mm and 24-70mm
    | [\w\u0300-\u036f\u0900-\u0dff]+(?:(?:[-'&/]|\.(?=[^\W\d]))[\w\u0300-\u036f\u0900-\u0dff]+)*(?:\+\+|\#(?!\w))?
    | \.{{2,}} | -{{2,}} | [!?]+ | \S
    """,
    re.VERBOSE,
)
_ENDING = re.compile(r"(.*[^'])(n't|'(?:s|m|re|ve|ll|d))")
_TWO_WORDS = {
    **{"cannot": "can not", "gonna": "gon na", "gotta": "got ta", "wanna": "wan na", "gimme": "gim me"},
    **{"lemme": "lem me", "'tis": "'t is", "'twas": "'t was"},
}


def tokenize(text: str) -> str:
    """Lower-case words with one space between, punctuation dropped.

    >>> tokenize("Don't stop! It's the club’s night (black-and-white)…")
    "do n't stop it 's the club 's night -lrb- black-and-white -rrb-"
    """
    plain = html.unescape(text).translate(_SPELLED).lower()
    plain = "".join(c for c in plain if c <= "\uffff" and c not in "\ufe0e\ufe0f")  # the Java one drops emoji beyond
    words = (word for token in _TOKEN.findall(plain) for word in _parts(token))
    return " ".join(
        word for word in words if word not in _DROPPED and not (word.startswith("..") and set(word) == {"."})
    )


def _parts(token: str) -> list[str]:
    if token in _TWO_WORDS:
        return _TWO_WORDS[token].split()
    endings: list[str] = []
    while match := _ENDING.fullmatch(token):  # I'd've has two
        token, ending = match.groups()
        endings.insert(0, ending)
    return [token, *endings]
