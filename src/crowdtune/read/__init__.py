"""Any plain annotation file in, Annotations out, with a report of everything dropped, merged or renamed.

Shapes known: long (a row per answer), wide (a column per annotator), nested (a list of answers in each item's
record), items alone, and the folder `crowdtune` itself writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.read.assemble import Answer, Policy, assemble
from crowdtune.read.columns import NESTED, assign
from crowdtune.read.labels import clean
from crowdtune.read.report import ReadReport
from crowdtune.read.tables import Row, rows

__all__ = ["Policy", "ReadReport", "read"]

DESCRIPTIVE = ("prompt", "choices", "task", "gold", "split")  # roles that say something of the item
FOLDER = ("items.parquet", "annotations.parquet")


class _Origin(msgspec.Struct):
    labels: str | None = None


def read(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    wide: Sequence[str] = (),
    items: str | Path | None = None,
    policy: Policy | None = None,
) -> tuple[Annotations, ReadReport]:
    """Read annotations, or items alone, from a file or a folder.

    Args:
        path: CSV, TSV, JSONL, JSON or Parquet file (text forms also with .gz), or a folder with
            items.parquet and annotations.parquet.
        columns: role -> column where the names alone do not tell, e.g. {"annotator": "coder"}.
        wide: the columns that are annotators, where a wide file's own shape does not tell.
        items: a second file that describes the items (text, choices, gold), joined on the item's id.
        policy: what to do with repeats, abstentions and spellings.

    Returns:
        The annotations and what reading did to get them.
    """
    path = Path(path)
    report = ReadReport(str(path))
    policy = policy or Policy()
    if path.is_dir():
        sources = _folder(path, report)
        policy = replace(policy, labels=policy.labels or _written_labels(path))
    else:
        sources = [_file(path, columns or {}, wide, report)]
    if items is not None:
        sources.insert(0, _file(Path(items), {}, (), replace(report, columns={}), items_only=True))
    return assemble(chain.from_iterable(sources), policy, report), report


def _folder(path: Path, report: ReadReport) -> list[Iterator[Answer]]:
    missing = [name for name in FOLDER if not (path / name).exists()]
    if missing:
        raise InputError(f"{path} is a folder without {missing[0]}. Name a file, or a folder crowdtune wrote.")
    report.shape = "folder"
    described = _file(path / FOLDER[0], {}, (), replace(report, columns={}), items_only=True)
    return [described, _file(path / FOLDER[1], {}, (), report)]


def _written_labels(path: Path) -> str | None:
    """How `write_folder` wrote the labels, "text" or "letter"; None in a folder made otherwise."""
    origin = path / "origin.json"
    try:
        return msgspec.json.decode(origin.read_bytes(), type=_Origin).labels if origin.exists() else None
    except msgspec.DecodeError as e:
        raise InputError(f"{origin} is not what crowdtune writes ({e}). Remove it or write the folder again.") from e


def _file(
    path: Path, columns: Mapping[str, str], wide: Sequence[str], report: ReadReport, items_only: bool = False
) -> Iterator[Answer]:
    table = rows(path)
    first = next(table, None)
    if first is None:
        raise InputError(f"{path} has no rows. It needs at least one.")
    table = chain([first], table)
    roles = assign(list(first.cells), columns, str(path))
    nested = next((n for n in NESTED if _is_nested(first.cells.get(n))), None)
    if items_only:
        yield from _items(path, table, roles, report)
    elif nested:
        yield from _nested(path, table, roles, nested, report)
    elif wide or ("annotator" not in roles and "label" not in roles and _leftover(first, roles)):
        yield from _wide(path, list(table), roles, wide, report)
    elif "annotator" in roles and "label" in roles:
        yield from _long(path, table, roles, report)
    else:
        yield from _items(path, table, roles, report)


def _need_item(path: Path, roles: Mapping[str, str], names: Sequence[str]) -> None:
    if "item" not in roles:
        raise InputError(f"{path}: no column names the item. Columns: {', '.join(names)}. Pass --item COLUMN.")


def _describe(path: Path, row: Row, roles: Mapping[str, str], report: ReadReport) -> Answer:
    """What a row says of its item."""
    cells = row.cells
    name = clean(cells.get(roles["item"]))
    where = f"{path} row {row.number}"
    if not name:
        raise InputError(f"{where}: the item ('{roles['item']}') is empty. Give every row its item's id.")
    said: dict[str, Any] = {role: cells.get(roles[role]) for role in DESCRIPTIVE if role in roles}
    for role in ("task", "split"):
        said[role] = clean(said.get(role))
    prompt = said.get("prompt")
    return Answer(where, name, **(said | {"prompt": "" if prompt is None else str(prompt)}))


def _long(path: Path, table: Iterator[Row], roles: dict[str, str], report: ReadReport) -> Iterator[Answer]:
    report.columns = roles
    for number, row in enumerate(table):
        if number == 0:
            _need_item(path, roles, list(row.cells))
        answer = _describe(path, row, roles, report)
        yield answer._replace(
            annotator=_annotator(row.cells.get(roles["annotator"]), roles["annotator"], answer.where),
            label=row.cells.get(roles["label"]),
            time=row.cells.get(roles["time"]) if "time" in roles else None,
        )


def _annotator(value: Any, column: str, where: str) -> str:
    name = clean(value)
    if not name:
        raise InputError(f"{where}: the annotator ('{column}') is empty. Say who gave each label, or remove the row.")
    return name


def _is_nested(value: Any) -> bool:
    return isinstance(value, list) and (not value or isinstance(value[0], dict))


def _nested(
    path: Path, table: Iterator[Row], roles: dict[str, str], column: str, report: ReadReport
) -> Iterator[Answer]:
    report.shape, report.columns = "nested", {r: c for r, c in roles.items() if c != column and r != "label"}
    for row in table:
        _need_item(path, roles, list(row.cells))
        answer = _describe(path, row, roles, report)
        yield answer
        entries = row.cells.get(column) or []
        if not isinstance(entries, list):
            raise InputError(f"{answer.where}: {column} must be a list of answers, not {str(entries)[:60]!r}.")
        for entry in entries:
            inner = assign(list(entry) if isinstance(entry, dict) else [], {}, f"{answer.where}, {column}")
            if "annotator" not in inner or "label" not in inner:
                raise InputError(
                    f"{answer.where}: {column} must hold objects with annotator and label, not {str(entry)[:60]!r}."
                )
            yield answer._replace(
                annotator=_annotator(entry[inner["annotator"]], inner["annotator"], answer.where),
                label=entry[inner["label"]],
                time=entry.get(inner.get("time", "time")),
            )


def _leftover(row: Row, roles: Mapping[str, str]) -> list[str]:
    return [name for name in row.cells if name not in roles.values()]


def _wide(
    path: Path, table: list[Row], roles: dict[str, str], wide: Sequence[str], report: ReadReport
) -> Iterator[Answer]:
    """A column per annotator: those named, else all that mean nothing else, if they share their few answers."""
    names = list(table[0].cells)
    missing = [w for w in wide if w not in names]
    if missing:
        raise InputError(f"{path}: no column '{missing[0]}' for an annotator. Columns: {', '.join(names)}.")
    who = list(wide) or _leftover(table[0], roles)
    if not wide and not _alike(table, who):
        roles_found = ", ".join(f"{role} = {column}" for role, column in roles.items())
        raise InputError(
            f"{path}: no annotator and label columns ({roles_found or 'nothing recognised'}), and the others "
            f"({', '.join(who)}) do not look like one column per annotator. "
            "Pass --annotator and --label, or --wide COLUMN,COLUMN."
        )
    roles = {role: column for role, column in roles.items() if column not in who}
    _need_item(path, roles, names)
    report.shape, report.columns = "wide", roles | {"annotators": ", ".join(who)}
    for row in table:
        answer = _describe(path, row, roles, report)
        for name in who:
            yield answer._replace(annotator=name, label=row.cells.get(name))


def _alike(table: list[Row], who: Sequence[str]) -> bool:
    """True where at least two columns draw their few distinct answers from one set."""
    seen = [{clean(row.cells.get(name)).casefold() for row in table} - {""} for name in who]
    seen = [answers for answers in seen if answers]
    every = set().union(*seen) if seen else set()
    few = len(every) <= max(2, min(100, len(table)))
    return len(seen) >= 2 and few and all(any(a & b for b in seen if b is not a) for a in seen)


def _items(path: Path, table: Iterator[Row], roles: dict[str, str], report: ReadReport) -> Iterator[Answer]:
    """Items alone: a label without an annotator is their gold answer."""
    if "gold" not in roles and "label" in roles:
        roles = roles | {"gold": roles["label"]}
    roles = {role: column for role, column in roles.items() if role not in ("label", "annotator", "time")}
    report.shape, report.columns = "items", roles
    for row in table:
        _need_item(path, roles, list(row.cells))
        yield _describe(path, row, roles, report)
