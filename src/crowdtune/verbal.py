"""A label distribution as a sentence, and back: what a model writes when it is asked how people would answer."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
PERCENT = 10.0  # bare numbers with a sum from here on are percentages: the middle between 1 and 100, by ratio
AROUND = (0.95, 1.05)  # sums that count as 1


@dataclass(frozen=True)
class Verbal:
    """A distribution as it was read.

    Args:
        shares: K, sum to 1.
        total: what the numbers summed to as they were written, 1 where they were right.
    """

    shares: tuple[float, ...]
    total: float

    @property
    def sums_to_one(self) -> bool:
        """Whether the numbers as written summed to 0.95 to 1.05."""
        return AROUND[0] <= self.total <= AROUND[1]


def written(shares: Sequence[float], choices: Sequence[str]) -> str:
    """Shares in whole percent, which sum to 100, the largest first; of equal ones in the choices' order.

    So the first word is the answer most people give, which is what a language model is best at foretelling. What
    the rounding leaves goes to the largest remainders.

    Args:
        shares: K numbers, none negative, one above 0.
        choices: K names.

    Example:
        >>> written([0.1, 0.3, 0.6], ["negative", "neutral", "positive"])
        'positive 60%, neutral 30%, negative 10%'
    """
    exact = [100 * share / sum(shares) for share in shares]
    whole = [math.floor(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda k: (whole[k] - exact[k], k))
    for k in by_remainder[: 100 - sum(whole)]:
        whole[k] += 1
    order = sorted(range(len(whole)), key=lambda k: -whole[k])
    return ", ".join(f"{choices[k]} {whole[k]}%" for k in order)


def parse(text: str, choices: Sequence[str]) -> Verbal | None:
    """Read a distribution: every choice with a number after it, in any order, as percent or as shares.

    As `written` writes it, as JSON, or as lines; in <answer> tags or a code fence, or amid other words. Names may be
    in upper or lower case, unless choices differ in that alone.

    Args:
        text: what a model wrote.
        choices: K names.

    Returns:
        None where a choice has no number, two different ones or a negative one, or where all are 0.

    Example:
        >>> parse('<answer>{"No": 0.25, "yes": 0.7}</answer>', ["yes", "no"])
        Verbal(shares=(0.7368421052631579, 0.2631578947368421), total=0.95)
    """
    answer = _answer(text)
    found = _as_written(text, choices) or _as_written(answer, choices) or _anywhere(answer, choices)
    if found is None:
        return None
    numbers, percent = found
    total = sum(numbers)
    if not math.isfinite(total) or total <= 0 or min(numbers) < 0:
        return None
    shares = tuple(number / total for number in numbers)
    if not all(map(math.isfinite, shares)):
        return None
    return Verbal(shares, total / 100 if percent or total >= PERCENT else total)


def _answer(text: str) -> str:
    """What stands in the last <answer>, else everything."""
    at = text.lower().rfind("<answer>")
    if at < 0:
        return text
    inside = text[at + len("<answer>") :]
    end = inside.lower().find("</answer>")
    return inside if end < 0 else inside[:end]


def _as_written(text: str, choices: Sequence[str]) -> tuple[list[float], bool] | None:
    """Numbers of a text that is word for word as `written` writes it, whatever the choices hold."""
    found = _rest(text.strip(), frozenset(range(len(choices))), choices)
    return None if found is None else ([float(found[k]) for k in range(len(choices))], True)


def _rest(text: str, left: frozenset[int], choices: Sequence[str]) -> dict[int, str] | None:
    """What follows names the choices left, each once; the longest that fits is tried first."""
    for k in sorted(left, key=lambda k: -len(choices[k])):
        share = re.match(r" ([0-9]+)%(?:, |$)", text[len(choices[k]) :]) if text.startswith(choices[k]) else None
        if share is None:
            continue
        after = text[len(choices[k]) + share.end() :]
        more = _rest(after, left - {k}, choices) if len(left) > 1 else None if after else {}
        if more is not None:
            return {k: share[1]} | more
    return None


def _anywhere(text: str, choices: Sequence[str]) -> tuple[list[float], bool] | None:
    """Numbers after the choices' names, and whether a percent sign stands after one; the longest name counts."""
    found: dict[int, float] = {}
    percent = False
    for k, number, sign in _named(text, choices):
        if found.setdefault(k, number) != number:
            return None
        percent |= sign
    if len(found) < len(choices) or not found:
        return None
    return [found[k] for k in range(len(choices))], percent


def _named(text: str, choices: Sequence[str]) -> list[tuple[int, float, bool]]:
    """Code of a choice, the number after it, and whether that has a percent sign."""
    order = sorted(range(len(choices)), key=lambda k: -len(choices[k]))
    names = "|".join(f"({re.escape(choices[k].strip())})" for k in order)
    between = r"""["'*`]{0,3}(?:\s*(?::|=|->|\bis\b|\s[-–](?=\s))\s*|\s+)["'*`]{0,3}"""
    distinct = len({name.lower() for name in choices}) == len(choices)
    pattern = rf"(?<!\w)(?:{names}){between}({NUMBER})\s*(%?)"
    return [
        (
            order[next(g for g in range(len(order)) if match[g + 1] is not None)],
            float(match[len(order) + 1]),
            bool(sign),
        )
        for match in re.finditer(pattern, text, re.IGNORECASE if distinct else 0)
        for sign in [match[len(order) + 2]]
    ]
