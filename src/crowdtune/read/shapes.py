"""The shapes a file of annotations can have, each as a stream of raw answers.

long: a row per answer; wide: a column per annotator; nested: a list of answers in each item's record; items: no answers
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.assemble import Answer
from crowdtune.read.columns import NESTED, assign
from crowdtune.read.labels import clean
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row, rows

PEEK = 100  # rows looked at to tell a file's columns and shape
DESCRIPTIVE = ("prompt", "choices", "task", "gold", "split")  # roles that say something of the item


@dataclass(frozen=True)
class Table:
    """A file's rows with what its columns mean.

    Args:
        path: the file.
        sample: its first rows.
        rows: all rows, those of the sample first.
        names: columns of the sample.
        roles: role -> column.
    """

    path: Path
    sample: list[Row]
    rows: Iterator[Row]
    names: list[str]
    roles: dict[str, str]

    @property
    def unnamed(self) -> list[str]:
        """Columns without a role."""
        return [name for name in self.names if name not in self.roles.values()]

    def only(self, *left_out: str) -> dict[str, str]:
        """Roles whose column is none of `left_out`; one of them must be the item."""
        roles = {role: column for role, column in self.roles.items() if column not in left_out}
        if "item" not in roles:
            columns = ", ".join(self.names)
            raise InputError(f"{self.path}: no column names the item. Columns: {columns}. Pass --item COLUMN.")
        return roles


def open_table(path: Path, columns: Mapping[str, str], *, may_be_empty: bool = False) -> Table:
    """Open a file and tell what its columns mean; `columns` overrides by role."""
    stream = rows(path)
    sample = list(islice(stream, PEEK))
    if not sample and not may_be_empty:
        raise InputError(f"{path} has no rows. It needs at least one.")
    names = list(dict.fromkeys(name for row in sample for name in row.cells))
    return Table(path, sample, chain(sample, stream), names, assign(names, columns, str(path)))


def answers(table: Table, wide: Sequence[str], report: ReadReport) -> Iterator[Answer]:
    """Read a table by the shape it has; say in `report` which that is, and what was left aside.

    Args:
        table: the file.
        wide: the columns that are annotators, where the user names them.
        report: its shape, columns and ignored columns are set.
    """
    nested = next((name for name in NESTED if _is_nested(table, name)), None)
    if nested:
        return _nested(table, nested, report)
    if wide or (not {"annotator", "label"} & table.roles.keys() and _alike(table)):
        return _wide(table, wide or table.unnamed, report)
    if {"annotator", "label"} <= table.roles.keys():
        return _long(table, report)
    if "annotator" in table.roles:
        raise InputError(
            f"{table.path}: annotator = {table.roles['annotator']}, but no column is the label. "
            f"Columns: {', '.join(table.names)}. Pass --label COLUMN."
        )
    return items(table, report)


def items(table: Table, report: ReadReport) -> Iterator[Answer]:
    """Items alone; a label that nobody gave is their gold answer; rows with a text but no id are numbered."""
    roles = dict(table.roles) if "prompt" in table.roles else table.only()
    if "gold" not in roles and "label" in roles:
        roles["gold"] = roles["label"]
    report.shape = "items"
    report.columns = {role: column for role, column in roles.items() if role not in ("label", "annotator", "time")}
    report.ignored = table.unnamed
    return (_describe(table.path, row, report.columns) for row in table.rows)


def _describe(path: Path, row: Row, roles: Mapping[str, str]) -> Answer:
    """What a row says of its item."""
    name = clean(row.cells.get(roles["item"])) if "item" in roles else str(row.number)
    where = f"{path} row {row.number}"
    if not name:
        raise InputError(f"{where}: the item ('{roles['item']}') is empty. Give every row its item's id.")
    said: dict[str, Any] = {role: row.cells.get(roles[role]) for role in DESCRIPTIVE if role in roles}
    for role in ("task", "split"):
        said[role] = clean(said.get(role))
    prompt = said.get("prompt")
    return Answer(where, name, **(said | {"prompt": "" if prompt is None else str(prompt)}))


def _annotator(value: Any, column: str, where: str) -> str:
    name = clean(value)
    if not name:
        raise InputError(f"{where}: the annotator ('{column}') is empty. Say who gave each label, or remove the row.")
    return name


def _long(table: Table, report: ReadReport) -> Iterator[Answer]:
    roles = report.columns = table.only()
    report.ignored = table.unnamed
    for row in table.rows:
        answer = _describe(table.path, row, roles)
        yield answer._replace(
            annotator=_annotator(row.cells.get(roles["annotator"]), roles["annotator"], answer.where),
            label=row.cells.get(roles["label"]),
            time=row.cells.get(roles["time"]) if "time" in roles else None,
        )


def _is_nested(table: Table, name: str) -> bool:
    found = (row.cells.get(name) for row in table.sample)
    return any(isinstance(value, list) and (not value or isinstance(value[0], dict)) for value in found)


def _nested(table: Table, column: str, report: ReadReport) -> Iterator[Answer]:
    roles = table.only(column)
    report.shape, report.columns = "nested", {role: name for role, name in roles.items() if role != "label"}
    report.ignored = [name for name in table.unnamed if name != column]
    for row in table.rows:
        answer = _describe(table.path, row, roles)
        yield answer
        entries = row.cells.get(column) or []
        if not isinstance(entries, list):
            raise InputError(f"{answer.where}: {column} must be a list of answers, not {str(entries)[:60]!r}.")
        for entry in entries:
            yield _entry(answer, column, entry)


def _entry(answer: Answer, column: str, entry: Any) -> Answer:
    """One answer of a nested list."""
    inner = assign(list(entry) if isinstance(entry, dict) else [], {}, f"{answer.where}, {column}")
    if "annotator" not in inner or "label" not in inner:
        raise InputError(
            f"{answer.where}: {column} must hold objects with annotator and label, not {str(entry)[:60]!r}."
        )
    return answer._replace(
        annotator=_annotator(entry[inner["annotator"]], inner["annotator"], answer.where),
        label=entry[inner["label"]],
        time=entry.get(inner.get("time", "time")),
    )


def _wide(table: Table, who: Sequence[str], report: ReadReport) -> Iterator[Answer]:
    missing = [name for name in who if name not in table.names]
    if missing:
        columns = ", ".join(table.names)
        raise InputError(f"{table.path}: no column '{missing[0]}' for an annotator. Columns: {columns}.")
    roles = table.only(*who)
    report.shape, report.columns = "wide", roles | {"annotators": ", ".join(who)}
    report.ignored = [name for name in table.unnamed if name not in who]
    for row in table.rows:
        answer = _describe(table.path, row, roles)
        for name in who:
            yield answer._replace(annotator=name, label=row.cells.get(name))


def _alike(table: Table) -> bool:
    """True where the columns without a role draw their few distinct answers from one set, as annotators do."""
    seen = [{clean(row.cells.get(name)).casefold() for row in table.sample} - {""} for name in table.unnamed]
    seen = [given for given in seen if given]
    every = set().union(*seen)
    return (
        len(seen) >= 2
        and len(every) <= max(2, len(table.sample))
        and all(any(a & b for b in seen if b is not a) for a in seen)
    )
