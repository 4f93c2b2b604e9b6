"""Texts and numbers as people read them. Text of others is made harmless to the eye here; Jinja escapes it."""

from __future__ import annotations

import math
import re
from typing import Any, TypeGuard

from crowdtune.identity import PSEUDONYM

ID, CHOICE, TEXT = 64, 60, 700  # characters shown of an id, of a choice, of an item's text
NONE = "–"
# What draws something other than what is written: controls, and overrides of the writing direction.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def visible(text: Any, most: int) -> str:
    """Text with its hidden characters shown by number, at most `most` characters of it; "" for None.

    Example:
        >>> visible("a\\u202eb", 20)
        'a⟨U+202E⟩b'
        >>> visible("abcdef", 3)
        'abc…'
    """
    whole = "" if text is None else str(text)
    shown = HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", whole[:most])
    return shown + ("…" if len(whole) > most else "")


def known(value: Any) -> TypeGuard[float]:
    """True for a number that is one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def share(value: Any) -> str:
    """A share in percent.

    Example:
        >>> [share(v) for v in (0.914, 1, 0.997, 0.004, 0, None)]
        ['91%', '100%', '>99%', '<1%', '0%', '–']
    """
    if not known(value):
        return NONE
    if 0 < value < 0.01 or 0.99 < value < 1:
        return "<1%" if value < 0.5 else ">99%"
    return f"{round(value * 100)}%"


def span(low: Any, high: Any) -> str:
    """Both ends of an interval of a share, in percent.

    Example:
        >>> span(0.882, 0.93)
        '88–93'
    """
    return f"{round(low * 100)}–{round(high * 100)}" if known(low) and known(high) else ""


def count(value: Any) -> str:
    """A whole number with its thousands apart.

    Example:
        >>> count(16020.0)
        '16,020'
    """
    return f"{round(value):,}" if known(value) else NONE


def decimal(value: Any) -> str:
    """A number with two decimals, or more where it is small.

    Example:
        >>> [decimal(v) for v in (0.5234, -0.0812, 0.0004, 1234.5, 0)]
        ['0.52', '−0.08', '0.0004', '1,234', '0.00']
    """
    if not known(value):
        return NONE
    size = abs(value)
    shown = f"{size:,.0f}" if size >= 1000 else f"{size:.2f}" if size >= 0.01 or not size else f"{size:.1g}"
    return ("−" if value < 0 else "") + shown


def signed(value: Any) -> str:
    """A number with its sign and one decimal.

    Example:
        >>> [signed(v) for v in (0.52, -0.18, 0.04, None)]
        ['+0.5', '−0.2', '0.0', '–']
    """
    if not known(value):
        return NONE
    shown = f"{abs(value):.1f}"
    return shown if not float(shown) else ("+" if value > 0 else "−") + shown


def points(value: Any) -> str:
    """A difference of shares in points of 100, with its sign.

    Example:
        >>> [points(v) for v in (0.118, -0.2, 0.001)]
        ['+12', '−20', '0']
    """
    if not known(value):
        return NONE
    whole = round(100 * value)
    return f"{abs(whole)}" if not whole else ("+" if whole > 0 else "−") + f"{abs(whole)}"


def seconds(value: Any) -> str:
    """A time.

    Example:
        >>> [seconds(v) for v in (1.25, 8.1, 75, 4000)]
        ['1.2 s', '8.1 s', '1 min 15 s', '1 h 6 min']
    """
    if not known(value):
        return NONE
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def several(number: int, one: str, more: str = "") -> str:
    """A count with its noun.

    Example:
        >>> several(1, "item"), several(1200, "item")
        ('1 item', '1,200 items')
    """
    return f"{count(number)} {one if number == 1 else more or one + 's'}"


def begun(sentence: str) -> str:
    """A sentence with a capital at its beginning, unless that is a name.

    Example:
        >>> begun("no item has gold"), begun("a-15a6ee7e6b is fast")
        ('No item has gold', 'a-15a6ee7e6b is fast')
    """
    return sentence if PSEUDONYM.match(sentence) else sentence[:1].upper() + sentence[1:]


def sentences(text: str) -> list[str]:
    """A text cut after its sentences.

    Example:
        >>> sentences("Resolved (z = 1.2). This holds. Why?")
        ['Resolved (z = 1.2).', 'This holds.', 'Why?']
    """
    return [part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text.strip()) if part]
