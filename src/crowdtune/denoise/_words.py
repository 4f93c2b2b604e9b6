"""The words of an answer, without what does not change its meaning."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from functools import lru_cache

_ARTICLES = {"a", "an", "the"}
_OF_NUMBERS = r"(?<![^\d\s])[-.,:/](?=\d)"  # -5, 1.5 and 12:30 are not 5, 15 and 1230
_PUNCTUATION = re.compile(rf"(?<=\d),(?=\d{{3}}(?!\d))|(?!{_OF_NUMBERS})[{re.escape(string.punctuation)}]")
_MARKS = str.maketrans(
    dict.fromkeys("‘’", "'") | dict.fromkeys("‐‑\u2212", "-") | dict.fromkeys("“”„«»‹›‒–—…¿¡。、「」『』·", " ")
)
_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}  # Unicode's controls, formats and separators


@lru_cache(maxsize=1 << 16)
def normalised(text: str) -> str:
    """A text in lower case, without punctuation, articles and spare spaces; where nothing would be left, with them.

    Example:
        >>> normalised("  The  Quick, brown Fox! "), normalised("The"), normalised("?!"), normalised("$1,234.5.")
        ('quick brown fox', 'the', '?!', '1234.5')
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = _PUNCTUATION.sub("", text.translate(_MARKS)).split()
    return " ".join([word for word in words if word not in _ARTICLES] or words or text.split())


def blank(text: str) -> bool:
    """Whether a text shows nothing: spaces and what is invisible.

    Example:
        >>> blank(" \u200b"), blank("?")
        (True, False)
    """
    return not text.strip() or all(unicodedata.category(char) in _UNSEEN for char in text)


def shared(one: str, other: str) -> float:
    """F1 of the words two texts have in common, 0 to 1.

    Example:
        >>> round(shared("the big dog", "a big cat"), 3)
        0.5
    """
    a, b = Counter(normalised(one).split()), Counter(normalised(other).split())
    return 2 * (a & b).total() / max(a.total() + b.total(), 1)
