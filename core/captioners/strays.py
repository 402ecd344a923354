"""What a caption must not say by itself: handles, links, hashtags, swipe hints, each with what hangs on it."""

import re

from core.handles import HANDLE, HASHTAG, LETTERS

__all__ = ["without_handles", "without_hashtags", "without_swipe_hints"]

_H = "\ue000"  # stands for a handle or link while what hangs on it is found; no caption holds it
_URL = re.compile(
    r"(?i)(?:https?://|(?<!\w)www\.)[^\s<>\"'”’]*|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:"
    r"(?:com|org|net|edu|in|ly|gl|gle|me|io|co|app|page|link|to|be|tv|gg|bio|ee)/[^\s<>\"'”’]*"
    r"|(?:com|org|net|edu|ac\.in|co\.in)(?![\w@.-]*\w))"
)
_CREDITS = (
    r"photos?|photograph(?:s|y|er|ers|ed)?|pics?|pictures?|images?|shots?|click(?:s|ed)?|captured|taken|edit(?:s|ed)?"
    r"|videos?|frames?|credits?|courtesy|pc|vc|ic|p\.c|links?|in\s+frame|models?|design"
)
_PREPOSITIONS = (
    r"by|with|from|at|for|via|to|of|on|in|and|x|ft|feat|featuring|alongside|including|like|about|around|near|thru"
)
_CLOSE = r"[\s.:|&/–—-]*"
_HANGING = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"{_H}(?:(?:[\s,&+/|•·×–—-]|and\b|x\b)*{_H})+", _H),
        (rf"{_H}['’](?:s\b)?", "the"),
        (rf"(^|[\n.!?…]\s*){_H}\s+(?i:presents?|brings you)\s*:?", r"\1"),
        (
            rf"\b(?i:(?:(?:please|or|and)\s+)?(?:follow|dm|tag|cc|check\s+out|visit|see|ping)(?:\s+us)?(?:\s+(?:on|at))?)[\s:]*{_H}"
            r"(?i:\s+(?:for|to)(?:\s+[\w'’-]+){1,6})?",
            _H,
        ),
        (
            rf"(?i)(?:^|(?<=[^\w\s])|(?<=\n))[^\S\n]*(?:{_CREDITS})\b{_CLOSE}"
            rf"(?:(?:{_CREDITS}|{_PREPOSITIONS}|the|goes?)\b{_CLOSE})*{_H}",
            f" {_H}",
        ),
        (
            r"(?i)(?<!\bwas )(?<!\bwere )(?<!\bis )(?<!\bare )(?<!\bbeen )(?<!\bbe )(?:\b\w+ly\s+)?"
            r"\b(?:organi[sz]ed|hosted|presented|powered|sponsored|captured|clicked|shot|taken|photographed|edited"
            rf"|curated|made|created|designed)\s+by\s+{_H}",
            _H,
        ),
        (
            rf"\b((?i:{_PREPOSITIONS}))\s+{_H}\s+(?:and|&)\s+"
            r"(?=[A-Z]|(?:the|our|my|his|her|their|friends|family|team|others|everyone|many|more|all)\b)",
            r"\1 ",
        ),
        (
            rf"(?i)(?:(?:\b(?:{_PREPOSITIONS})\b\.?|\bw/|[📸📷📹🎥🎬✍🎨👤🔗]\ufe0f?|[,:|~•·/&+×–—-])\s*)+{_H}",
            f" {_H}",
        ),
        (rf"(^|[\n.!?…]\s*)\s*{_H}\s*(?:(?:and|x)\b|[&,:–—-])\s*", r"\1"),
        (_H, " "),
    )
]

_ARROW = r"(?:[→⇒⟶⟹➔➜➝➞➤➡▶►⏩⏭👉←⬅◀👈][\ufe0e\ufe0f🏻-🏿]*|-+>|=+>|>{2,})"
_LEAD = (
    r"(?:(?:please|pls|just|now|and|then|so|keep|go\s+ahead\s+and|(?:don['’]?t|do\s+not)\s+forget\s+to"
    r"|make\s+sure\s+to)\s+)*"
)
_WAY = r"(?:\s+(?:left|right|up|down|across|through|along|over|on|away|now|ahead|further)\b){0,2}"
_SHOWN = r"of|from|pictures|photos|pics|images|shots|moments|clicks|glimpses|memories|the|this|our|it|event|night|day"
_FOR_MORE = (
    r"(?:for|to\s+(?:see|view|discover|explore|check\s+out))\s+(?:more|all|the\s+rest|the\s+others|others)\b"
    rf"(?:\s+(?:{_SHOWN})\b)*"
)
_HINTS = [
    re.compile(f"(?i){pattern}")
    for pattern in (
        rf"\b{_LEAD}(?:swip(?:e|ing)|slide|scroll)(?:\s+(?:left|right|up|down))?\s*(?:{_ARROW}\s*)+(?:{_FOR_MORE})?",
        rf"\b{_LEAD}(?:swip(?:e|ing)|slide|scroll){_WAY}\s+{_FOR_MORE}",
        rf"(?:^|(?<=[^\w\s'’])|(?<=\n))[^\S\n]*{_LEAD}swip(?:e|ing)\b{_WAY}"
        r"(?:\s+(?:for|to|and|at|till|until)\b(?:\s+[^\W_][\w'’-]*){0,20})?(?=\s*(?:$|\n|[^\w\s'’]))",
        r"(?:\b(?:tap|click|hit|check|out|visit|see|via|through|at|from|use|using|follow|with|to|on|and|the|register|book"
        r"|rsvp|now|here|more|full|details|album|registration|form|tickets?)\s+){0,6}"
        r"\blinks?(?:['’]s|\s+is|\s+are)?\s+in\s+(?:[\w@.'’]+\s+){0,2}?bio\b(?:\s+(?:for|to)\b(?:\s+[\w'’-]+){1,10})?"
        r"(?:\s*[🔗👆☝⬆📲][\ufe0f🏻-🏿]*)*",
        r"[🔗👆☝⬆📲]\ufe0f?\s*in\s+(?:the\s+|our\s+)?bio\b",
    )
]
_ARROWS = re.compile(rf"\s*{_ARROW}(?:\s*{_ARROW})*\s*")

_TAG_RUN = re.compile(rf"(?:\b(?:hash)?tags\s*:\s*)?{HASHTAG.pattern}(?:[\s,|•·/]*#+(?=\d*[^\W\d])[{LETTERS}]+)*", re.I)
_NEEDS_MORE = re.compile(
    r"(?i)(?:\b(?:an?|the|this|that|these|those|our|my|your|his|her|their|its|of|in|on|at|by|for|from|with|to|into|and|or"
    r"|but|as|is|are|was|were|be|loved?|loves|likes?|called|named|about|under|over|through|between|some|every|each|no"
    r"|more|most|very|so|such|via)|&)$"
)
"""Words after which a sentence cannot end."""


def without_handles(text: str) -> str:
    """Without `@handles` and links, and without "by", "with", "📸:" and the like that hung on them."""
    text = re.sub(r"(?i)(\bby|\bpc|\bcredits?|[📷📸])(\s*[:-]?\s*)@ +(?=\w)", r"\1\2@", text)
    text = HANDLE.sub(_H, _URL.sub(_link, text))
    if _H not in text:
        return text
    for pattern, replacement in _HANGING:
        text = pattern.sub(replacement, text)
    return text


def without_swipe_hints(text: str) -> str:
    """Without "Swipe →", "swipe left for more", "link in bio", and arrows that lead from no word to no word."""
    for hint in _HINTS:
        text = hint.sub(" ", text)
    return _ARROWS.sub(_arrow, text)


def without_hashtags(text: str) -> tuple[str, list[str]]:
    """The text with its hashtags turned into words where they read as such and removed where not; and the hashtags."""
    found: list[str] = []

    def replace(match: re.Match[str]) -> str:
        run = match.group()
        tags = re.findall(rf"#+([{LETTERS}]+)", run)
        found.extend(f"#{tag}" for tag in tags)
        if not _reads_as_words(text[: match.start()], len(tags), text[match.end() :]):
            return ". " if _parts_sentences(text[: match.start()], text[match.end() :]) else " "
        return re.sub(rf" ?#+([{LETTERS}]+)", lambda tag: " " + _as_words(tag[1]), run).removeprefix(" ")

    return _TAG_RUN.sub(replace, text), found


def _reads_as_words(before: str, tags: int, after: str) -> bool:
    """Whether a run of hashtags stands in a sentence between these texts."""
    before, following = before.rstrip(" "), after.lstrip(" ")
    goes_on = bool(following) and (following[0].isalnum() or following[0] in "&'’(") and not following[0].isupper()
    stops = after[:1] in tuple(".,;:!?…)")
    if tags > 2:
        return False
    if not before[-1:].isalnum() and before[-1:] != "&":
        inside = before[-1:] in tuple(",;(")
        return (tags == 1 and goes_on) or (inside and (goes_on or stops))
    return goes_on or stops or _NEEDS_MORE.search(before) is not None


def _parts_sentences(before: str, after: str) -> bool:
    """Whether nothing but the hashtags between them tells two sentences apart."""
    return before.rstrip(" ")[-1:].isalnum() and after.lstrip(" ")[:1].isupper()


def _as_words(tag: str) -> str:
    """`GoldenHour` as `Golden Hour`, `IITGuwahati2025` as `IIT Guwahati 2025`."""
    spaced = re.sub(r"(?<=[a-z]{2})(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=[a-z])(?=(?:19|20)\d\d(?!\d))", " ", tag)
    return spaced.replace("_", " ").strip()


def _link(match: re.Match[str]) -> str:
    link = match.group()
    return _H + link[len(link.rstrip(".,!?;:…)]}")) :]


def _arrow(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    leads = (before.isalnum() or before in tuple(")”\"'")) and (after.isalnum() or after in tuple("(“\"'"))
    if leads and "\n" not in match.group() and len(re.findall(_ARROW, match.group())) == 1:
        return match.group()
    return "\n" if "\n" in match.group() else " "
