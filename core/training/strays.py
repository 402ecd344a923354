"""What training captions hold beyond what published ones are cleaned of: links, credits by name, emoji."""

import re

__all__ = ["CREDIT", "EMOJI", "LINK", "SWIPE", "without_emoji"]

LINK = re.compile(
    r"(?i)(?:https?://|(?<!\w)www\.)[^\s<>\"'”’]+|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|org|net|edu|in|ly|gl|gle|me|io|co"
    r"|app|page|link|to|be|tv|gg|bio|ee)(?:/[^\s<>\"'”’]*|(?![\w@.-]*\w))"
)
SWIPE = re.compile(r"(?i)\bswip(?:e|ing)\b|\blinks?\s+in\s+(?:our\s+|the\s+)?bio\b")

_NAME = r"[A-Z][\w.'’-]*"
_NAMES = rf"{_NAME}(?:(?:[^\S\n]+|[^\S\n]*[,&+/×][^\S\n]*|[^\S\n]+(?:and|x)[^\S\n]+){_NAME}){{0,7}}"
_NOT_NAMES = r"(?:An?|The|In|On|At|Our|My|We|It|This|From|Of|To|For|And|When|Where|Night|Day)\b"
_ALONE = (
    rf"(?!{_NOT_NAMES}){_NAME}[^\S\n]+{_NAME}(?:[^\S\n]*(?:[,&+×]|\band\b)[^\S\n]*{_NAME}(?:[^\S\n]+{_NAME})?){{0,3}}"
)
_WORDS = r"[^\W\d_][\w.'’-]*(?:(?:[^\S\n]+|[^\S\n]*[,&+/×][^\S\n]*)[^\W\d_][\w.'’-]*){0,5}"
_START = r"(?:^|(?<=\n)|(?<=[.!?…|•·)✨]))[^\S\n]*"
_STOP = r"(?=[^\S\n]*(?:$|\n|[.!?…|•·#✨📸📷]))"
_WHAT = r"(?:photo(?:graph)?s?|pictures?|pics?|images?|clicks?|shots?|frames?|videos?)"
_CAMERA = r"[📸📷📹🎥]\ufe0f?"
CREDIT = re.compile(
    rf"{_START}(?:(?:{_CAMERA}[^\S\n]*)?(?:"
    rf"(?i:(?:pc|p\.c\.?|vc|{_WHAT}\s+(?:credits?|courtesy|by)|(?:credits?|courtesy)(?:\s+to)?))"
    rf"[^\S\n]*[:–—~-]+[^\S\n]*{_WORDS}"
    rf"|(?i:(?:{_WHAT}\s+(?:credits?|courtesy|by)|(?:clicked|captured|shot|photographed)\s+by|pc|p\.c\.))[^\S\n]+{_NAMES})"
    rf"|{_CAMERA}[^\S\n]*(?:[:–—~-][^\S\n]*{_NAMES}|(?i:by)[^\S\n]+{_NAMES}|{_ALONE})"
    rf"){_STOP}[^\S\n]*\.?",
    re.MULTILINE,
)
"""A credit that names people, on a line or in a sentence of its own."""

_PICTURE = (
    "[\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
EMOJI = re.compile(f"(?:{_PICTURE}|[\u2190-\u21ff\u2122\u2139\u00a9\u00ae\u203c\u2049]\ufe0f|[0-9#*]\ufe0f?\u20e3)")
_WITH_PARTS = re.compile(
    f"(?:{EMOJI.pattern}[\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*\u200d?)+[^\\S\n]*"
)


def without_emoji(text: str) -> str:
    """Without emoji and what belongs to them; letters that need joiners keep theirs."""
    return _WITH_PARTS.sub(" ", text)
