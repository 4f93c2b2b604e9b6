"""The number an answer ends in."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from math import isfinite

READ = 10_000  # last characters of an answer that are looked at
SCALES = {"": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
SIGNS = dict.fromkeys("\u2212\u2012\u2013\ufe63\uff0d", "-") | dict.fromkeys("\u00a0\u2007\u2009\u202f", " ")
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")

BOXED = re.compile(r"\\boxed\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")  # as models that write LaTeX mark their answer
MARKED = re.compile(r"(?:####|\banswers?\b\s*(?:is\b|are\b|[:=]))(.*?)(?:[.!?;](?:\s|$)|\s\(|\n|$)", re.IGNORECASE)

_CURRENCY = r"(?:[A-Z]{0,3}\\?[$€£¥₹]|(?<![A-Za-z])(?:USD|EUR|GBP|JPY|CNY|INR|CHF|Rs\.?))"
_TIDY = (
    (re.compile(r"\.{2,}|…"), " "),
    (re.compile(r"\\[dt]?frac\s*\{\s*(-?[\d.]+)\s*\}\s*\{\s*([\d.]+)\s*\}"), r" \1/\2"),
    (re.compile(r"(?<=10)[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+"), lambda m: "^" + m[0].translate(RAISED)),
    (re.compile(r"(?<=\d)\s?(?:[x×*·]|\\times)\s?10\s?\^\s?\{?([-+]?\d{1,4})\}?"), r"e\1"),
    (re.compile(rf"(-?)\s?{_CURRENCY}\s?(?=[-+]?\.?\d)"), r" \1"),
    (re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])"), lambda m: m[0].replace(",", "")),
    (re.compile(r"(?<![\d,.])\d{1,3}(?:\.\d{3})+,\d+(?![\d,.])"), lambda m: m[0].replace(".", "").replace(",", ".")),
    (re.compile(r"(?<![\d,.])\d{1,3}(?:\.\d{3}){2,}(?![\d,]|\.\d)"), lambda m: m[0].replace(".", "")),
    (re.compile(r"(?<![\d,.])\d{1,3}(?:[ '’_]\d{3})+(?![\d_])"), lambda m: re.sub(r"\D", "", m[0])),
    (re.compile(r"(?<![\d,.])(\d+),(\d+)(?![\d,])"), r"\1.\2"),
)
_TOKEN = re.compile(
    r"""(?P<sign>(?<![A-Za-z\d)\]}])[-+])? (?<![A-Za-z_^\d])
    (?: (?P<other> \d+:\d+(?::\d+)* | \d+(?P<between>[-/.])\d+(?:(?P=between)\d+)+ )  # times, dates, versions
      | (?:(?P<whole>\d+)\s)? (?P<top>\d+)\s?/\s?(?P<bottom>\d+)
      | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,4}(?!\d))?) )
    (?: \s?(?P<percent>%|per\s?cent|pct\b) | \s?(?P<scale>thousand|million|billion|trillion)\b )?""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Number:
    """What was read.

    Args:
        value: finite; of "20 %" it is 20.
        percent: whether it is said to be one.
    """

    value: float
    percent: bool = False


def number(answer: str) -> Number | None:
    r"""Read the last number of the part marked as the answer, or of the whole; None where there is none.

    Marked is what follows the last "####" or "answer is", in its sentence, or stands in the last \boxed{}. A time, a
    date, a division by zero and what no float can hold are no numbers, so such answers have none.

    Example:
        >>> number("12 of them cost $1,234.50."), number("x 2 = 40 %, I think"), number("at 12:30")
        (Number(value=1234.5, percent=False), Number(value=40.0, percent=True), None)
    """
    found = _final(_tidy(answer))
    return found[-1] if found else None


def every(answer: str) -> tuple[float, ...]:
    """All numbers of an answer, sorted.

    Example:
        >>> every("born in 1879, died at 76"), every("nobody knows")
        ((76.0, 1879.0), ())
    """
    found = (_value(token) for token in _TOKEN.finditer(_tidy(answer)))
    return tuple(sorted(one.value for one in found if one is not None))


def is_one(answer: str) -> bool:
    """Whether an answer leaves no doubt which number it is: it holds one alone, or marks it."""
    text = _tidy(answer)
    part = _final(text)
    return (len(part) == 1 and part[0] is not None) or bool(part and part[-1] and _marked(text))


def _final(text: str) -> list[Number | None]:
    """Numbers of the marked part, of all where that holds none; None for times and dates."""
    for part in (*_marked(text)[-1:], text):
        if found := [_value(token) for token in _TOKEN.finditer(part)]:
            return found
    return []


def _marked(text: str) -> list[str]:
    """What is marked as the answer, in order."""
    return BOXED.findall(text) or MARKED.findall(text)


def _tidy(answer: str) -> str:
    """Digits of any script, fractions, powers, money and thousands in the one way that is read."""
    text = "".join(_plain(char) for char in answer[-READ:])
    for pattern, to in _TIDY:
        text = pattern.sub(to, text)
    return text


def _plain(char: str) -> str:
    """A character, or what it stands for."""
    if char.isascii():
        return char
    if char in SIGNS:
        return SIGNS[char]
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.decomposition(char).startswith("<fraction>"):
        return " " + unicodedata.normalize("NFKC", char).replace("\u2044", "/")
    return "/" if char == "\u2044" else char


def _value(token: re.Match[str]) -> Number | None:
    """A token's number."""
    if token["other"]:
        return None
    if token["bottom"]:
        top, bottom = float(token["top"]), float(token["bottom"])
        if not bottom or not isfinite(top / bottom):
            return None
        value = top / bottom + (float(token["whole"]) if token["whole"] and top < bottom else 0.0)
    else:
        value = float(token["number"])
    value *= SCALES[(token["scale"] or "").lower()]
    if not isfinite(value):
        return None
    return Number(-value if token["sign"] == "-" else value, bool(token["percent"]))
