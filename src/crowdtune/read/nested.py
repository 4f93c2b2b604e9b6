"""Answers inside an item's record: a list of answers, an object annotator -> label, or lists side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from crowdtune.errors import InputError
from crowdtune.read.columns import NESTED, assign
from crowdtune.read.entries import Answer, Described, Entry
from crowdtune.read.opened import Opened
from crowdtune.read.tables import Row


def column(opened: Opened) -> str:
    """The column that holds the answers, "" where none does."""
    return next((name for name in NESTED if _holds_answers(opened, name)), "")


def answers(opened: Opened, name: str, described: Callable[[Row], Described]) -> Iterator[Entry]:
    """Every item and the answers in its column `name`."""
    for row in opened.rows():
        item = described(row)
        yield item
        given = row.cells.get(name)
        if isinstance(given, Mapping):
            yield from _of_object(opened, item, name, given)
            continue
        if not isinstance(given or [], list):
            raise InputError(f"{opened.where(row.number)}: {name} must be a list of answers, not {str(given)[:60]!r}.")
        for entry in given or []:
            yield _entry(opened, item, name, entry)


def is_keyed(opened: Opened, roles: Mapping[str, str]) -> bool:
    """True for an object of item -> annotator -> label, as peerannot writes it."""
    values = [value for row in opened.sample for value in row.cells.values()]
    keyed = all(row.key for row in opened.sample)
    return keyed and not roles and not any(isinstance(value, dict) for value in values)


def keyed(opened: Opened) -> Iterator[Entry]:
    """The answers of such an object."""
    for row in opened.rows():
        yield Described(row.number, row.key)
        for who, label in row.cells.items():
            yield Answer(row.number, row.key, who, label)


def _holds_answers(opened: Opened, name: str) -> bool:
    found = [row.cells.get(name) for row in opened.sample]
    if any(isinstance(value, Mapping) and value for value in found):
        return True
    lists = (value for value in found if isinstance(value, list))
    return name != "labels" and any(not value or isinstance(value[0], dict) for value in lists)


def _entry(opened: Opened, item: Described, name: str, entry: Any) -> Answer:
    """One answer of a list."""
    where = opened.where(item.row)
    inner = assign(list(entry) if isinstance(entry, dict) else [], {}, f"{where}, {name}")
    if "annotator" not in inner or "label" not in inner:
        raise InputError(f"{where}: {name} must hold objects with annotator and label, not {str(entry)[:60]!r}.")
    time, seconds = (entry.get(inner.get(role, role)) for role in ("time", "seconds"))
    return Answer(item.row, item.item, entry[inner["annotator"]], entry[inner["label"]], item.task, time, seconds)


def _of_object(opened: Opened, item: Described, name: str, given: Mapping[str, Any]) -> Iterator[Answer]:
    """Lists side by side, one of them the annotators; or a label for every annotator."""
    where = opened.where(item.row)
    inner = assign(list(given), {}, f"{where}, {name}")
    if any(isinstance(value, Mapping) for value in given.values()):
        raise InputError(f"{where}: {name} holds objects inside an object; one of annotator and label is expected.")
    if "annotator" not in inner or "label" not in inner:
        for who, label in given.items():
            yield Answer(item.row, item.item, who, label, item.task)
        return
    people, labels, times, seconds = (
        _several(given.get(inner.get(role, role))) for role in ("annotator", "label", "time", "seconds")
    )
    if len(people) != len(labels):
        raise InputError(f"{where}: {name} holds {len(people)} annotators and {len(labels)} labels. Mend the record.")
    for who, label, time, spent in list(zip_longest(people, labels, times, seconds))[: len(people)]:
        yield Answer(item.row, item.item, who, label, item.task, time, spent)


def _several(value: Any) -> list[Any]:
    """A list, also of one value or none."""
    return value if isinstance(value, list) else [] if value is None else [value]
