"""The plain shapes a table of annotations can have, whoever wrote it.

long: a row per answer; wide: a column per annotator; nested: a list of answers in each item's record; items: no answers
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crowdtune.annotations import KINDS
from crowdtune.errors import InputError
from crowdtune.read.columns import NESTED, assign
from crowdtune.read.entries import Answer, Batch, Described, Entry
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Chunk, Row

DESCRIPTIVE = ("prompt", "choices", "gold", "split", "kind")  # roles that say something of the item


def entries(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """Read a table by the shape it has; say in `report` which that is, and what was left aside."""
    if not opened.sample:
        raise InputError(f"{opened.path} has no rows. It needs at least one.")
    if any(row.key and set(row.cells) == {""} for row in opened.sample):
        raise InputError(f"{opened.path} holds one JSON object, not a list of objects.")
    roles = _roles(opened)
    nested = next((name for name in NESTED if _is_nested(opened, name)), None)
    if nested:
        kept = _only(opened, roles, nested)
        shown = {role: name for role, name in kept.items() if role != "label"}
        _tell(opened, report, "nested", shown, kept, nested)
        return _nested(opened, kept, nested)
    unnamed = _unnamed(opened, roles)
    if opened.wide or (not {"annotator", "label"} & roles.keys() and _alike(opened, unnamed)):
        who = opened.wide or unnamed
        kept = _wide_roles(opened, roles, who)
        _tell(opened, report, "wide", kept | {"annotators": ", ".join(who)}, roles, *who)
        return _wide(opened, kept, who)
    if {"annotator", "label"} <= roles.keys():
        _tell(opened, report, "long", _only(opened, roles), roles)
        return _long(opened, roles)
    if "annotator" in roles:
        raise InputError(
            f"{opened.path}: annotator = {roles['annotator']}, but no column is the label. "
            f"Columns: {', '.join(opened.names)}. Pass --label COLUMN."
        )
    return items(opened, report)


def items(opened: Opened, report: ReadReport) -> Iterator[Entry]:
    """Items alone; a label that nobody gave is their gold answer; rows with a text but no id are numbered."""
    found = _roles(opened)
    roles = dict(found) if "prompt" in found else _only(opened, found)
    if "gold" not in roles and "label" in roles:
        roles["gold"] = roles["label"]
    used = {role: column for role, column in roles.items() if role not in ("label", "annotator", "time", "seconds")}
    _tell(opened, report, "items", used, found)
    return (_described(opened, row, used) for row in opened.rows())


def _roles(opened: Opened) -> dict[str, str]:
    roles = assign(opened.names, opened.columns, str(opened.path))
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


def _only(opened: Opened, roles: Mapping[str, str], *left_out: str) -> dict[str, str]:
    """Roles whose column is none of `left_out`; one of them must be the item."""
    kept = {role: column for role, column in roles.items() if column not in left_out}
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
    for chunk in opened.chunks():
        yield from _distinct(chunk, roles)
        yield _batch(chunk, roles)


def _column(chunk: Chunk, roles: Mapping[str, str], role: str, without: Any) -> Sequence[Any]:
    column = chunk.cells.get(roles.get(role, ""))
    return [without] * len(chunk.numbers) if column is None else column


def _batch(chunk: Chunk, roles: Mapping[str, str]) -> Batch:
    items, annotators, labels, times, seconds = (
        _column(chunk, roles, role, None) for role in ("item", "annotator", "label", "time", "seconds")
    )
    return Batch(chunk.numbers, items, annotators, labels, _column(chunk, roles, "task", ""), times, seconds)


def _distinct(chunk: Chunk, roles: Mapping[str, str]) -> Iterator[Described]:
    """What rows say of their items, once where rows say the same."""
    said = [role for role in DESCRIPTIVE if role in roles]
    if not said:
        return
    columns = [_column(chunk, roles, role, None) for role in said]
    tasks, seen = _column(chunk, roles, "task", ""), set[str]()
    for number, item, task, *values in zip(
        chunk.numbers, _column(chunk, roles, "item", None), tasks, *columns, strict=True
    ):
        key = repr((item, task, values))
        if key not in seen:
            seen.add(key)
            yield Described(number, item, task, **dict(zip(said, values, strict=True)))


def _is_nested(opened: Opened, name: str) -> bool:
    found = (row.cells.get(name) for row in opened.sample)
    return any(isinstance(value, list) and (not value or isinstance(value[0], dict)) for value in found)


def _nested(opened: Opened, roles: Mapping[str, str], column: str) -> Iterator[Entry]:
    for row in opened.rows():
        item = _described(opened, row, roles)
        yield item
        given = row.cells.get(column) or []
        if not isinstance(given, list):
            raise InputError(
                f"{opened.where(row.number)}: {column} must be a list of answers, not {str(given)[:60]!r}."
            )
        for entry in given:
            yield _entry(opened, item, column, entry)


def _entry(opened: Opened, item: Described, column: str, entry: Any) -> Answer:
    """One answer of a nested list."""
    where = opened.where(item.row)
    inner = assign(list(entry) if isinstance(entry, dict) else [], {}, f"{where}, {column}")
    if "annotator" not in inner or "label" not in inner:
        raise InputError(f"{where}: {column} must hold objects with annotator and label, not {str(entry)[:60]!r}.")
    time, seconds = (entry.get(inner.get(role, role)) for role in ("time", "seconds"))
    return Answer(item.row, item.item, entry[inner["annotator"]], entry[inner["label"]], item.task, time, seconds)


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
