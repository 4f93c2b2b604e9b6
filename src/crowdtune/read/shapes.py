"""The plain shapes a table of annotations can have, whoever wrote it.

long: a row per answer; wide: a column per annotator; nested: answers inside each item's record; keyed: an object of
item -> annotator -> label; options: a row per answer, a column per option; pairs: which of two; items: no answers
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crowdtune.annotations import KINDS
from crowdtune.errors import InputError
from crowdtune.read import counts, nested, pairs, people
from crowdtune.read.columns import NEVER_GOLD, assign, is_grade
from crowdtune.read.entries import Answer, Batch, Described, Entry, Skipped
from crowdtune.read.labels import clean
from crowdtune.read.onehot import chosen, flags, is_flag
from crowdtune.read.opened import FOLDER, ZIP, Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import LINES, Chunk, Row, unknown_form
from crowdtune.read.texts import texts

UNABLE = re.compile(r"(?i)unclear|unsure|not_sure|skip|cannot")  # a column by which an annotator says so
DESCRIPTIVE = (
    "prompt",
    "choices",
    "gold",
    "split",
    "kind",
    "posterior",
    "counts",
)  # roles that say something of the item


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """Read a table by the shape it has; say in `report` which that is, and what was left aside."""
    found = _answers(opened, report)
    if found is None:
        return items(opened, report)
    if double := counts.sums(_roles(opened)):
        report.notes[counts.BESIDE] += len(double)
    return found


def _answers(opened: Opened, report: ReadReport) -> Iterator[Entry] | None:
    """What a table of answers says; None where nobody is named as giving any."""
    if opened.form == LINES:
        raise unknown_form(opened.path)
    if not opened.sample:
        raise InputError(f"{opened.path} has no rows. It needs at least one.")
    if any(row.key and set(row.cells) == {""} for row in opened.sample):
        raise InputError(f"{opened.path} holds one JSON object, not a list of objects.")
    every = _roles(opened)
    roles = {role: column for role, column in every.items() if role not in counts.sums(every)}
    if nested.is_keyed(opened, every):
        report.shape = "keyed"
        return nested.keyed(opened)
    inner = nested.column(opened)
    if inner:
        kept = _only(opened, roles, inner)
        shown = {role: name for role, name in kept.items() if role != "label"}
        _tell(opened, report, "nested", shown, kept, inner)
        return nested.answers(opened, inner, lambda row: _described(opened, row, kept))
    sides = pairs.sides(opened, roles)
    if sides:
        _tell(opened, report, "pairs", roles | dict(zip(("first", "second"), sides, strict=True)), roles, *sides)
        return pairs.answers(opened, roles, sides, report)
    unnamed = _unnamed(opened, every)
    answering = [name for name in unnamed if not _is_prose(opened, name)]
    if opened.wide or (not {"annotator", "label"} & roles.keys() and _alike(opened, answering)):
        who = opened.wide or answering
        kept = _wide_roles(opened, roles, who)
        _tell(opened, report, "wide", kept | {"annotators": ", ".join(who)}, roles, *who)
        return _wide(opened, kept, who)
    if {"annotator", "label"} <= roles.keys():
        kept = _only(opened, roles)
        _tell(opened, report, "long", kept, roles)
        return _long(opened, kept)
    if opened.of_one and "label" in roles:
        kept = _only(opened, roles)
        _tell(opened, report, "long", kept | {"annotator": "name of the file"}, roles)
        return _long(opened, kept)
    options = flags(unnamed, [row.cells for row in opened.sample]) if "annotator" in roles else []
    if len(options) > 1:
        kept = _only(opened, roles)
        unable = [name for name in options if UNABLE.search(name)]
        said = {"options": ", ".join(name for name in options if name not in unable)}
        said |= {"abstention": ", ".join(unable)} if unable else {}
        _tell(opened, report, "options", kept | said, roles, *options)
        return _options(opened, kept, options)
    if "annotator" in roles:
        raise InputError(
            f"{opened.path}: annotator = {roles['annotator']}, but no column is the label. "
            f"Columns: {', '.join(opened.names)}. Pass --label COLUMN."
        )
    return None


def items(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """Items alone; a label that nobody gave is their gold answer; rows with a text but no id are numbered."""
    if opened.form == FOLDER:
        return texts(opened, report)
    if opened.form == LINES:
        raise unknown_form(opened.path)
    found = _roles(opened)
    roles = dict(found) if "prompt" in found else _only(opened, found)
    if "gold" not in roles and roles.get("label", NEVER_GOLD[0]) not in NEVER_GOLD:
        roles["gold"] = roles["label"]
    used = {role: column for role, column in roles.items() if role not in ("label", "annotator", "time", "seconds")}
    _tell(opened, report, "items", used, found)
    report.notes.update(counts.passed_over(opened, report.ignored))
    return (_described(opened, row, used) for row in opened.rows())


def _roles(opened: Opened) -> dict[str, str]:
    roles = counts.fitting(opened, assign(opened.names, opened.columns, str(opened.path)))
    if not people.is_annotator(opened, roles):
        del roles["annotator"]
    kinds = {clean(row.cells.get(roles.get("kind", ""))) for row in opened.sample}
    return roles if kinds <= {"", *KINDS} else {role: column for role, column in roles.items() if role != "kind"}


def _unnamed(opened: Opened, roles: Mapping[str, str]) -> list[str]:
    """Columns without a role."""
    return [name for name in opened.names if name not in roles.values()]


def _tell(
    opened: Opened, report: ReadReport, shape: str, columns: dict[str, str], roles: Mapping[str, str], *also: str
) -> None:
    report.shape, report.columns = shape, columns
    report.ignored = [name for name in _unnamed(opened, roles) if name not in also]


def names_nobody(opened: Opened) -> bool:
    """True for a table of labels that does not say whose they are."""
    if opened.form in (ZIP, FOLDER):
        return False
    roles = _roles(opened)
    told = {"gold", "annotator", *counts.sums(roles)} & roles.keys()
    return "label" in roles and not told and not nested.column(opened)


def _only(opened: Opened, roles: Mapping[str, str], *left_out: str) -> dict[str, str]:
    """Roles whose column is none of `left_out`; one of them must be the item."""
    kept = {role: column for role, column in roles.items() if column not in left_out}
    if "item" not in kept and "prompt" in kept and "label" in kept:
        kept = {"item": kept["prompt"]} | kept  # an item without an id is its text
    if "item" not in kept:
        columns = ", ".join(opened.names)
        raise InputError(f"{opened.path}: no column names the item. Columns: {columns}. Pass --item COLUMN.")
    return kept


def _described(opened: Opened, row: Row, roles: Mapping[str, str]) -> Described:
    """What a row says of its item."""
    name = clean(row.cells.get(roles["item"])) if "item" in roles else str(row.number)
    if not name:
        raise InputError(
            f"{opened.where(row.number)}: the item ('{roles['item']}') is empty. Give every row its item's id."
        )
    said: dict[str, Any] = {role: row.cells.get(roles[role]) for role in DESCRIPTIVE if role in roles}
    task = clean(row.cells.get(roles["task"])) if "task" in roles else ""
    return Described(row.number, name, task, **said)


def _long(opened: Opened, roles: Mapping[str, str]) -> Iterator[Entry]:
    kind = "grade" if "kind" not in roles and is_grade(opened, roles["label"]) else ""
    known = people.Kinds(roles, opened.names)
    for chunk in opened.chunks():
        yield from _distinct(chunk, roles)
        if kind:
            yield from _of_kind(chunk, roles, kind)
        yield from known.of(chunk)
        yield _batch(chunk, roles, opened.of_one)


def _of_kind(chunk: Chunk, roles: Mapping[str, str], kind: str) -> Iterator[Described]:
    """The kind of answers, once for every task of a chunk."""
    first: dict[str, Described] = {}
    tasks = _column(chunk, roles, "task", "")
    for number, item, task in zip(chunk.numbers, _column(chunk, roles, "item", None), tasks, strict=True):
        first.setdefault(clean(task), Described(number, item, task, kind=kind))
    yield from first.values()


def _column(chunk: Chunk, roles: Mapping[str, str], role: str, without: Any) -> Sequence[Any]:
    column = chunk.cells.get(roles.get(role, ""))
    return [without] * len(chunk.numbers) if column is None else column


def _batch(chunk: Chunk, roles: Mapping[str, str], who: str) -> Batch:
    """The answers of a chunk, those of `who` where no column says whose."""
    items, labels, times, seconds = (_column(chunk, roles, role, None) for role in ("item", "label", "time", "seconds"))
    annotators = _column(chunk, roles, "annotator", who)
    return Batch(chunk.numbers, items, annotators, labels, _column(chunk, roles, "task", ""), times, seconds)


def _distinct(chunk: Chunk, roles: Mapping[str, str]) -> Iterator[Described]:
    """What rows say of their items, once where rows say the same."""
    said = [role for role in DESCRIPTIVE if role in roles]
    if not said:
        return
    columns = [_column(chunk, roles, role, None) for role in said]
    tasks, seen = _column(chunk, roles, "task", ""), set[Any]()
    for number, item, task, *values in zip(
        chunk.numbers, _column(chunk, roles, "item", None), tasks, *columns, strict=True
    ):
        said_of: Any = (item, task, *values)
        key = said_of if all(value is None or type(value) is str for value in said_of) else repr(said_of)
        if key not in seen:
            seen.add(key)
            yield Described(number, item, task, **dict(zip(said, values, strict=True)))


def _options(opened: Opened, roles: Mapping[str, str], names: Sequence[str]) -> Iterator[Entry]:
    """A column per option: a row chooses one, several or none; or it says that it cannot."""
    unable = [name for name in names if UNABLE.search(name)]
    options = {name: name for name in names if name not in unable}
    choices = list(options) if "choices" not in roles and len(options) > 1 else None
    for row in opened.rows():
        item = _described(opened, row, roles)
        yield item._replace(choices=choices) if choices else item
        odd = next((n for n in names if not is_flag(row.cells.get(n))), "")
        if odd:
            raise InputError(
                f"{opened.where(row.number)}: {odd} is '{clean(row.cells[odd])[:60]}', where other rows say 0 or 1. "
                "Mend the cell, or pass --label COLUMN."
            )
        said = chosen({name: name for name in unable}, row.cells)
        label = Skipped(said[0]) if said else chosen(options, row.cells)
        time, seconds = (row.cells.get(roles.get(role, "")) for role in ("time", "seconds"))
        yield Answer(row.number, item.item, row.cells.get(roles["annotator"], ""), label, item.task, time, seconds)


def _wide_roles(opened: Opened, roles: Mapping[str, str], who: Sequence[str]) -> dict[str, str]:
    missing = [name for name in who if name not in opened.names]
    if missing:
        columns = ", ".join(opened.names)
        raise InputError(f"{opened.path}: no column '{missing[0]}' for an annotator. Columns: {columns}.")
    return _only(opened, roles, *who)


def _wide(opened: Opened, roles: Mapping[str, str], who: Sequence[str]) -> Iterator[Entry]:
    for row in opened.rows():
        item = _described(opened, row, roles)
        yield item
        for name in who:
            yield Answer(row.number, item.item, name, row.cells.get(name), item.task)


def _is_prose(opened: Opened, name: str) -> bool:
    """True for a column of remarks: words of several parts, hardly any of them twice."""
    given = [text for row in opened.sample if (text := clean(row.cells.get(name)))]
    return sum(" " in text for text in given) > len(given) / 2 and len(set(given)) > 0.8 * len(given)


def _alike(opened: Opened, names: Sequence[str]) -> bool:
    """True where columns without a role draw their few distinct answers from one set, as annotators do."""
    seen = [{clean(row.cells.get(name)).casefold() for row in opened.sample} - {""} for name in names]
    seen = [given for given in seen if given]
    every = set().union(*seen)
    return (
        len(seen) >= 2
        and len(every) <= max(2, len(opened.sample))
        and all(any(a & b for b in seen if b is not a) for a in seen)
    )
