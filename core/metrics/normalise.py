"""What is taken out of captions before they are compared, by stated settings."""

import re
from dataclasses import asdict, dataclass

from core.errors import ConfigError
from core.handles import LETTERS

__all__ = ["Normalisation", "normalise"]

_HASHTAG = re.compile(rf"(?<![^\W_])[#＃]+[{LETTERS}]+")  # "#1" too, which is no hashtag to `core.handles`
_ARROW = r"(?:[→⇒⟶➔➜➝➞➤➡▶►👉←⬅◀👈][\ufe0e\ufe0f🏻-🏿]*|-+>|=+>|>{2,})"
_SWIPE = re.compile(
    rf"(?i)\bswip(?:e|ing)\b(?:\s+(?:left|right|up|down|across|through))?"
    rf"(?:\s+(?:for|to\s+see)\s+(?:more|all|the\s+rest))?(?:\s*{_ARROW})*|{_ARROW}"
)
_EMPTY_BRACKETS = re.compile(r"\(\s*\)")  # of "(Swipe)"
_PUNCTUATION = re.compile(r"[^\w\s\u0300-\u036f\u0900-\u0dff'’-]|(?<!\w)['’-]|['’-](?!\w)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Normalisation:
    """The club's `eval.normalize`; each is applied to candidates and references alike."""

    lowercase: bool = False
    strip_punct: bool = False
    """Everything but letters, digits, apostrophes and hyphens within words becomes a space."""
    remove_hashtags: bool = False
    """Hashtags go with their word."""
    remove_swipe_tokens: bool = False
    """"Swipe", "swipe left for more" and arrows."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, bool):
                raise ConfigError(f"normalize.{name} must be true or false, got {value!r}")


def normalise(text: str, settings: Normalisation) -> str:
    """Apply the settings; where any is on, runs of white space become one space.

    >>> normalise("Lights! #night", Normalisation(strip_punct=True, remove_hashtags=True))
    'Lights'
    """
    if settings == Normalisation():
        return text
    if settings.remove_hashtags:
        text = _HASHTAG.sub(" ", text)
    if settings.remove_swipe_tokens:
        text = _EMPTY_BRACKETS.sub(" ", _SWIPE.sub(" ", text))
    if settings.strip_punct:
        text = _PUNCTUATION.sub(" ", text)
    if settings.lowercase:
        text = text.lower()
    return " ".join(text.split())
