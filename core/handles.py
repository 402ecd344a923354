"""What counts as an `@handle`, an e-mail address and a `#hashtag`, wherever captions are cleaned, counted or scored."""

import re

__all__ = ["AT", "EMAIL", "GLUED_AT", "HANDLE", "HASHTAG", "LETTERS", "handles_in"]

LETTERS = r"\w\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0e4e\u200c\u200d"
"""Characters of a hashtag, for a character class; `\\w` lacks the vowel signs of many scripts."""
AT = r"[@＠﹫]"
"""An at sign of any width, for a pattern."""
HANDLE = re.compile(rf"(?<![^\W_]){AT}+[\w.]*\w(?:{AT}+[\w.]*\w)*")
"""A handle that stands alone, or several in a row: what a platform makes a link of."""
GLUED_AT = re.compile(rf"(?<=[^\W_]){AT}+(?=[^\W\d])")
"""Where a handle is glued to a word, as in `by@name`; outside of e-mail addresses. Published texts keep such a word
(an event may be called Spirit@IITG); in captions to learn from, and in what a model writes, it names an account."""
EMAIL = re.compile(
    r"(?i)(?<![\w.+-])[a-z0-9][\w.+-]*@(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|info|club|me|io|co|in|uk|us|de|fr|au)\b"
    r"(?![\w-])"
)
HASHTAG = re.compile(rf"(?<![^\W_])#+(?=\d*[^\W\d])[{LETTERS}]+")
"""A hashtag: letters, digits and underscores of any script, not digits alone."""


def handles_in(text: str) -> list[str]:
    """The handles that a text names, one by one, also those glued to a word; not of e-mail addresses.

    >>> handles_in("by @a.b@c and hello@club, mail us@club.in")
    ['@a.b', '@c', '@club']
    """
    apart = GLUED_AT.sub(" @", EMAIL.sub(" ", text))
    return [f"@{name}" for run in HANDLE.findall(apart) for name in re.split(f"{AT}+", run)[1:]]
