"""Fine-tuning data: what a model is asked and what it is to answer, as tools for fine-tuning take it.

Alpaca (`instruction`, `input`, `output`), `prompt` and `completion`, `messages` with roles, and ShareGPT's
`conversations`. Each row is an item and its answer a label: of whoever a column names, else of nobody in particular.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.columns import ALIASES
from crowdtune.read.entries import Answer, Described, Entry
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport

GIVEN = "given"  # the annotator where no column names one
MARKS = (("instruction", "output"), ("prompt", "completion"), ("messages",), ("conversations",))
IDS = ("id", "item", "item_id", "example_id")
NO_ANSWER = "row without an answer at its end: no label"
ROLES = {"human": "user", "gpt": "assistant"}  # ShareGPT's words for them

Turns = list[tuple[str, str]]


def recognise(opened: Opened) -> str:
    """Columns that only such data have, and talk where they say so; not where the user names columns."""
    if opened.columns or opened.wide:
        return ""
    for names in MARKS:
        if opened.has(*names) and (len(names) > 1 or any(_turns(row.cells[names[0]]) for row in opened.sample)):
            return f"columns {', '.join(names)}"
    return ""


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """An item for every row, with its answer."""
    names = next((names for names in MARKS if opened.has(*names)), ())
    if not names:
        known = " or ".join(", ".join(own) for own in MARKS)
        raise InputError(f"{opened.path}: no fine-tuning data, which have the columns {known}.")
    who = next((name for name in ALIASES["annotator"] if name in opened.names), "")
    report.columns = {"prompt": names[0], "label": names[-1]} | ({"annotator": who} if who else {})
    for row in opened.rows():
        prompt, answer = _asked(row.cells, names)
        item = next((key for name in IDS if (key := clean(row.cells.get(name)))), str(row.number))
        yield Described(row.number, item, prompt=prompt, split=clean(row.cells.get("split")), kind="text")
        if answer:
            yield Answer(row.number, item, clean(row.cells.get(who)) or GIVEN, answer)
        else:
            report.notes[NO_ANSWER] += 1


def _asked(cells: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, str]:
    """What is asked, and the answer; "" without one."""
    if len(names) == 1:
        turns = _turns(cells.get(names[0]))
        ends = bool(turns) and turns[-1][0] == "assistant"
        return _text(turns[:-1] if ends else turns), turns[-1][1] if ends else ""
    asked, answer = (cells.get(name) for name in names)
    beside = clean(cells.get("input")) if names[0] == "instruction" else ""
    parts = [_text(_turns(asked)) if isinstance(asked, list) else clean(asked), beside]
    answer = _text(_turns(answer)) if isinstance(answer, list) else clean(answer)
    return "\n\n".join(part for part in parts if part), answer


def _turns(said: Any) -> Turns:
    """Role and text of each message; [] of anything that is no conversation."""
    if not isinstance(said, list) or not all(isinstance(one, Mapping) for one in said):
        return []
    turns = [(clean(one.get("role", one.get("from"))), one.get("content", one.get("value"))) for one in said]
    if not all(role and isinstance(text, str) for role, text in turns):
        return []
    return [(ROLES.get(role, role), clean(text)) for role, text in turns]


def _text(turns: Turns) -> str:
    """One message as it is, several with their roles."""
    if len(turns) == 1:
        return turns[0][1]
    return "\n\n".join(f"{role.capitalize()}: {text}" for role, text in turns)
