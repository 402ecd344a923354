"""What any written text may need before it is shown: clean characters, no artefacts, no repeats, sound punctuation."""

import html
import re
import unicodedata

__all__ = ["finished", "has_word", "mended", "plain_characters", "sentences", "without_artefacts", "without_repeats"]

_LINE_ENDS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_BLANKS = "\t\x1f\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000▁"
_INVISIBLE = "\u115f\u1160\u3164\uffa0\u2800\ufffc\ufffd"  # letters to Unicode, nothing to the eye
_TABLE = str.maketrans(
    {"＠": "@", "﹫": "@", "＃": "#", "﹟": "#"}
    | dict.fromkeys(_LINE_ENDS, "\n")
    | dict.fromkeys(_BLANKS, " ")
    | dict.fromkeys(_INVISIBLE, "")
)
_SELECTORS = frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
_FLAG_TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
_PICTURE = "[\u2190-\u2bff\u3030\u303d\ufe0f\u200d\u20e3\U0001f000-\U000e007f]"

_TOKENS = re.compile(
    r"(?i:</?(?:s|pad|unk|bos|eos|cls|sep|mask|image|od|ocr|br|(?:more_)?(?:detailed_)?caption|loc_\d+|extra_id_\d+)/?>)"
    r"|<\|[^|<>\s]{1,40}\|>|\[(?:SEP|CLS|PAD|UNK|MASK|BOS|EOS|/?INST)\]"
)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[0-9a-fA-F]{1,5});")
_WRAPPED = re.compile(
    r"(?s)\s*(?:\"([^\"]+)\"|“([^“”]+)”|«([^«»]+)»|‘([^‘]+)’|`+([^`]+)`+|'((?:[^']|(?<=\w)'(?=\w))+)')([.!?…]?)\s*"
)
_PHRASES = (  # the same words again at once: three or more, two twice more, one three times more
    (re.compile(r"(?i)\b(\w+(?:[ ,]+\w+){2,24}?)(?:[ ,]+\1\b)+"), r"\1"),
    (re.compile(r"(?i)\b(\w+ \w+)(?:[ ,]+\1\b){2,}"), r"\1"),
    (re.compile(r"(?i)\b(\w+)(?:[ ,]+\1\b){3,}"), r"\1"),
)
_END = re.compile(rf"(?:[.!?…।。]+[\"”’)\]]*(?:\s*{_PICTURE})*(?:\s+|$)|\n+)")
_ABBREVIATION = re.compile(
    r"(?i)(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|No|Vol|vs|etc|approx|e\.g|i\.e|a\.m|p\.m)|\b[^\W\d_])\.$"
)

_SMILE = r"['’]?-?[)(DP]+(?!\w)"
_BRACKET = re.compile(rf"[:;=]{_SMILE}|[()\[\]{{}}]")
_RUN = re.compile(rf"(?:[,.!?…]|[:;](?!{_SMILE})){{2,}}")
_RULES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[^\S\n]+", " "),
        (r"(?<=\w) (['’]) (?=(?:s|t|m|d|re|ve|ll)\b)", r"\1"),  # as BERT's tokenizers leave them
        (r"(?<!\S)(?<!\d )\" ([^\"]*[^\"\s\d]) \"(?!\w)", r'"\1"'),
        (r"(?<=[(\[{]) +| +(?=[)\]}])", ""),
        (r"\.(?: ?\.){2,}", "…"),
        (r"(?<=[.!?…]) +[,.!?…;:]+(?= |$)", ""),
        (r"[(\[{][ ,.;:|•·/–—-]*[)\]}]", ""),
        (rf" +(?=[,!?…]|;(?!{_SMILE})|:(?!{_SMILE}|\w)|\.(?!\w))", ""),
        (r"([–—|•·~])(?: *[–—|•·~])+", r"\1"),
        (r"(?<= )-(?: +-)+(?= )", "-"),
        (r"[,;:] +(?=[–—|•·] )", " "),
        (r" *[–—|•·~] *(?=[.!?…,;:](?: |$))| +- *(?=[.!?…,;:](?: |$))", ""),
        (rf"^(?:[ ,;|•·~–—!?]|[.&+/-](?= |$)|:(?!{_SMILE}))+", ""),
        (r"(?:[ ,;:|•·~–—]|(?<![^\w\s])-|(?<![^ ])[@#&+/])+$", ""),
    )
]
_TOUCHING = re.compile(
    r"(?<=[^\W_])(?:[,;!?…](?=[^\W\d_])|(?<=[^\W\d_]),(?=\d)|(?<=[^\W\d_]):(?=[^\W\d_]{2}))"
    r"|(?<=[a-z][a-z])\.(?=[A-Z][a-z])"
)


def plain_characters(text: str) -> str:
    """NFC without control, zero-width and private characters, each white space one space or one blank line.

    Emoji and letters that need joiners keep theirs.
    """
    kept: list[str] = []
    text = unicodedata.normalize("NFC", text.translate(_TABLE))
    for i, c in enumerate(text):
        before, after = kept[-1] if kept else " ", text[i + 1 : i + 2] or " "
        if c in "\u200c\u200d":
            keep = _joinable(before) and _joinable(after)
        elif c in _SELECTORS:
            keep = not before.isspace() and before not in _SELECTORS
        elif c in _FLAG_TAGS:
            keep = before == "🏴" or before in _FLAG_TAGS
        else:
            keep = c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co")
        if keep:
            kept.append(c)
    return re.sub(r"\s+", lambda space: "\n\n" if "\n" in space.group() else " ", "".join(kept))


def without_artefacts(text: str) -> str:
    """Without special tokens of models, HTML entities, and quotes around the whole."""
    text = _TOKENS.sub(" ", _ENTITY.sub(lambda match: html.unescape(match.group()), text))
    wrapped = _WRAPPED.fullmatch(text)
    return "".join(part for part in wrapped.groups() if part) if wrapped else text


def sentences(text: str) -> list[str]:
    """The text in pieces, each a sentence with the space after it; together they are the text."""
    pieces, start = [], 0
    for match in _END.finditer(text):
        until_stop = text[max(start, match.start() - 8) : match.start() + 1]
        if "\n" not in match.group() and match.end() < len(text) and _ABBREVIATION.search(until_stop):
            continue
        pieces.append(text[start : match.end()])
        start = match.end()
    return [*pieces, text[start:]] if text[start:] else pieces


def without_repeats(text: str) -> str:
    """Each sentence once, and no phrase over and over; a last sentence that breaks off in a repeat is dropped too."""
    for pattern, once in _PHRASES:
        text = pattern.sub(once, text)
    pieces, kept = sentences(text), []
    said: list[tuple[str, ...]] = []
    for i, piece in enumerate(pieces):
        words = tuple(re.findall(r"\w+", piece.casefold()))
        again = words in said and (len(words) >= 3 or words == said[-1])
        broken_off = i == len(pieces) - 1 and len(words) >= 2 and piece[-1:].isalnum()
        if words and (again or (broken_off and any(s[: len(words)] == words for s in said))):
            continue
        kept.append(piece)
        if words:
            said.append(words)
    return "".join(kept)


def mended(text: str) -> str:
    """White space, punctuation, brackets and quotes put right; line breaks become one blank line."""
    text = _balanced(text)
    lines = (_mended_line(line) for line in text.split("\n"))
    return "\n\n".join(line for line in lines if re.search(rf"[^\W_]|{_PICTURE}", line))


def finished(text: str) -> str:
    """With a capital at the start, where the first word is an ordinary one, and a full stop after a letter or digit."""
    first = re.match(r"(?:(?!…)[^\w])*([^\W\d_])[\w'’]*(?![\w'’]*[@.]\w)", text)
    if first and first.group().islower() and len(first[1].upper()) == 1:
        at = first.start(1)
        text = text[:at] + first[1].upper() + text[at + 1 :]
    return f"{text}." if text[-1:].isalnum() else text


def has_word(text: str) -> bool:
    """Whether there is a letter or digit in it."""
    return any(c.isalnum() for c in text)


def _joinable(c: str) -> bool:
    return not c.isascii() and unicodedata.category(c) not in ("Zs", "Cc", "Cf", "Cs", "Co", "Po", "Pd", "Ps", "Pe")


def _mended_line(line: str) -> str:
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)
    line = _RUN.sub(_one_mark, line)
    return re.sub(r"[^ @]+(?![^ ]*@)", lambda token: _TOUCHING.sub(r"\g<0> ", token.group()), line)


def _one_mark(match: re.Match[str]) -> str:
    """What a run of punctuation comes down to: `!!` to `!`, `....` to `…`, `,.` to `.`; `e.g.,` stays."""
    run = match.group()
    if run[0] == "." and "..." not in run and _ABBREVIATION.search(match.string[: match.start() + 1][-9:]):
        rest = run.lstrip(".")
        return "." + (_strongest(rest) if rest else "")
    return _strongest(run)


def _strongest(run: str) -> str:
    asked = ("?" if "?" in run else "") + ("!" if "!" in run else "")
    if "…" in run or "..." in run:
        return "…" + asked
    return asked or next(mark for mark in ".;:," if mark in run)


def _balanced(text: str) -> str:
    """Without brackets and double quotes that have no partner; smileys and inch marks stay."""
    pairs, open_, lone = {")": "(", "]": "[", "}": "{", "”": "“"}, [], set()
    for match in re.finditer(rf"{_BRACKET.pattern}|[“”]", text):
        c, i = match.group(), match.start()
        if c in pairs.values():
            open_.append(i)
        elif c in pairs and open_ and text[open_[-1]] == pairs[c]:
            open_.pop()
        elif c in pairs and not (c == "”" and "„" in text):
            lone.add(i)
    lone.update(i for i in open_ if not (text[i] == "“" and "„" in text))
    quotes = [i for i, c in enumerate(text) if c == '"']
    droppable = [i for i in quotes if not text[max(i - 1, 0)].isdigit()]
    if len(quotes) % 2 and droppable:
        lone.add(droppable[-1])
    return "".join(c for i, c in enumerate(text) if i not in lone)
