"""Tables of comparisons: which of two things an annotator prefers. The two are the choices of their item.

They stand in the order they were first shown. Where a table names them `chosen` and `rejected` that order would be
the first annotator's answer, so it is drawn instead, by a hash of what was compared: always the same, and no answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from crowdtune.errors import InputError
from crowdtune.read.entries import Answer, Described, Entry
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row

SIDES = (
    ("left", "right"), ("response_a", "response_b"), ("response_1", "response_2"), ("answer_a", "answer_b"),
    ("completion_a", "completion_b"), ("output_1", "output_2"), ("model_a", "model_b"),
)  # fmt: skip
PREFERRED = ("chosen", "rejected")  # the answer is told by the columns' names
FIRST = frozenset({"left", "1", "a", "first", "model_a", "response_a", "response_1", "chosen"})  # casefolded
SECOND = frozenset({"right", "2", "b", "second", "model_b", "response_b", "response_2", "rejected"})
TIES = frozenset({"tie", "ties", "tied", "equal", "same", "both", "neither", "draw", "tie (bothbad)"})
TIE = "tie"
SHORT = 60  # characters of two things that may name their pair
EQUAL = "pair of two equal things: left out"


def sides(opened: Opened, roles: Mapping[str, str]) -> tuple[str, str] | None:
    """The columns of the two things, None where the table compares nothing; nobody need be named beside a prompt."""
    named = "annotator" in roles or bool(opened.of_one)
    if opened.wide or not (named or "prompt" in roles):
        return None
    if opened.has(*PREFERRED):
        return PREFERRED
    told = "label" in roles or not named
    return next((pair for pair in SIDES if opened.has(*pair)), None) if told else None


def answers(opened: Opened, roles: Mapping[str, str], names: tuple[str, str], report: ReadReport) -> Iterator[Entry]:
    """An item for each two things, in whichever order they were shown; what nobody is named as saying is gold."""
    answer, gold = roles.get("label", "") if names != PREFERRED else "", roles.get("gold", "")
    words = {clean(row.cells.get(name)).casefold() for row in opened.rows() for name in (answer, gold) if name}
    tie = words & TIES or {"0", "2"} <= words
    nobody = "annotator" not in roles and not opened.of_one
    met: dict[tuple[str, frozenset[str]], Described] = {}
    taken: dict[str, int] = {}
    for row in opened.rows():
        first, second = (_text(row.cells.get(name)) for name in names)
        if not first or not second:
            missing = names[0] if not first else names[1]
            raise InputError(f"{opened.where(row.number)}: {missing} is empty. Give both things that were compared.")
        if first == second:
            report.notes[EQUAL] += 1
            continue
        label = first if names == PREFERRED else _preferred(row.cells.get(answer), first, second, words)
        asked = _asked(row, roles)
        item = met.get((asked, frozenset((first, second))))
        if item is None:
            order = _drawn(asked, first, second) if names == PREFERRED else (first, second)
            item = _described(row, roles, _name(row, roles, *order, taken), [*order, *([TIE] if tie else [])])
            met[asked, frozenset((first, second))] = item
        if item.row == row.number or nobody:
            known = clean(row.cells.get(gold)) or (clean(label) if nobody else "")
            yield item._replace(row=row.number, gold=_preferred(known, first, second, words) if known else None)
        if not nobody:
            time, seconds = (row.cells.get(roles.get(role, "")) for role in ("time", "seconds"))
            who = row.cells.get(roles.get("annotator", ""), opened.of_one)
            yield Answer(row.number, item.item, who, label, item.task, time, seconds)


def _drawn(asked: str, *things: str) -> tuple[str, str]:
    """Two things in an order that is drawn, but the same whichever of them comes first."""
    one, other = sorted(things)
    drawn = hashlib.blake2b("\0".join((asked, one, other)).encode()).digest()
    return (one, other) if drawn[0] % 2 else (other, one)


def _text(value: Any) -> str:
    """A thing as text; of a conversation, what was said last."""
    if isinstance(value, list) and value and isinstance(value[-1], dict) and "content" in value[-1]:
        return clean(value[-1]["content"])
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else clean(value)


def _asked(row: Row, roles: Mapping[str, str]) -> str:
    return "\n".join(_text(row.cells.get(roles[role])) for role in ("item", "task", "prompt") if role in roles)


def _name(row: Row, roles: Mapping[str, str], first: str, second: str, taken: dict[str, int]) -> str:
    """The item's own id, else the two things where they are short, else the row; numbered where that is taken."""
    name = clean(row.cells.get(roles["item"])) if "item" in roles else ""
    name = name or (f"{first} | {second}" if len(first) + len(second) < SHORT else str(row.number))
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}#{taken[name]}"


def _described(row: Row, roles: Mapping[str, str], name: str, choices: list[str]) -> Described:
    gold, split, prompt, task = (row.cells.get(roles.get(role, "")) for role in ("gold", "split", "prompt", "task"))
    return Described(row.number, name, clean(task), _text(prompt), choices, gold, clean(split), "pair")


def _preferred(label: Any, first: str, second: str, words: set[str]) -> Any:
    """The thing a label means: by its text, or by its place in this row."""
    text = clean(label)
    if text in (first, second):
        return text
    word = text.casefold()
    if word == "0":
        return TIE if "2" in words else first
    if word == "1" and "0" in words and "2" not in words:
        return second
    return first if word in FIRST else second if word in SECOND else TIE if word in TIES else text
