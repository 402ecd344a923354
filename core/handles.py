"""What counts as an `@handle` and as a `#hashtag`, wherever captions are cleaned, counted or scored."""

import re

__all__ = ["HANDLE", "HASHTAG", "LETTERS"]

LETTERS = r"\w\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0e4e\u200c\u200d"
"""Characters of a hashtag, for a character class; `\\w` lacks the vowel signs of many scripts."""
HANDLE = re.compile(r"(?<![^\W_])[@＠﹫]+[\w.]*\w(?:[@＠﹫]+[\w.]*\w)*")
"""A handle, or several in a row; what follows a letter or digit is an e-mail address, not a handle."""
HASHTAG = re.compile(rf"(?<![^\W_])#+(?=\d*[^\W\d])[{LETTERS}]+")
"""A hashtag: letters, digits and underscores of any script, not digits alone."""
