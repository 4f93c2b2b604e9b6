"""Values of annotators, as `crowdtune value` and rounds write them or anybody else: a table with a row for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.errors import InputError
from crowdtune.read.tables import rows

TABLE = "annotators.csv"  # in the folder of a run or of rounds
NAMES = ("annotator", "annotator_id", "player", "name")
VALUES = ("value", "attribution", "points")
EVIDENCE = ("evidence", "appearances", "trainings", "labels")
NORMAL = 1.959963984540054  # standard errors on either side of a 95 % interval
TRUE = ("true", "1", "yes")
UNKNOWN = ("", "nan", "none", "null")


@dataclass(frozen=True, eq=False)
class Values:
    """What is said of J annotators.

    Args:
        annotators: J names.
        value: (J,) NaN where none is said.
        error: (J,) standard errors, NaN where none is said.
        evidence: annotator -> how much the value rests on, NaN for those the table calls thin; None where it says
            nothing of this.
        kinds: annotator -> "person", "model" or "" where the table says.
        taken: what was taken for what, in words.
    """

    annotators: tuple[str, ...]
    value: Floats
    error: Floats
    evidence: dict[str, float] | None
    kinds: dict[str, str]
    taken: str


def read_values(path: Path, column: str = "") -> Values:
    """Read a table of values, or that in the folder of rounds.

    Args:
        path: .csv, .tsv, .jsonl, .json, .parquet, or a folder with annotators.csv.
        column: of the value, where its name does not tell; its error is in COLUMN_error or error, or its 95 % interval
            in COLUMN_low and COLUMN_high or low and high.
    """
    if path.is_dir():
        if not (path / TABLE).exists():
            raise InputError(f"{path} has no {TABLE}. Name a folder of rounds, or a table of values.")
        path = path / TABLE
    return values_of([(row.number, row.cells) for row in rows(path)], path, column)


def values_of(read: Sequence[tuple[int, dict[str, Any]]], path: Path, column: str = "") -> Values:
    """Take values from rows that are at hand.

    Args:
        read: numbers of rows, and their cells by column.
        path: where they stand, for messages.
        column: as for `read_values`.
    """
    if not read:
        raise InputError(f"{path} has no rows. It needs one for each annotator.")
    there = list(dict.fromkeys(name for _, cells in read for name in cells))
    who = _one(path, there, NAMES, "annotator")
    value = column or _one(path, there, VALUES, "value")
    if value not in there:
        raise InputError(f"{path} has no column '{value}'. It has: {', '.join(there)}.")
    error, ends = _uncertainty(there, value)
    rests_on = next((name for name in EVIDENCE if name in there), "")
    names = _names(path, read, who)
    numbers = {name: _column(path, read, name) for name in (value, error, *ends, rests_on) if name}
    errors = numbers[error] if error else (numbers[ends[1]] - numbers[ends[0]]) / (2 * NORMAL) if ends else None
    evidence = _evidence(numbers.get(rests_on), [cells.get("thin") for _, cells in read])
    said = f"value: {value}; error: {error or ' to '.join(ends) or 'none'}; evidence: {rests_on or 'none'}"
    return Values(
        annotators=tuple(names),
        value=numbers[value],
        error=np.full(len(names), np.nan) if errors is None else errors,
        evidence=None if evidence is None else dict(zip(names, evidence.tolist(), strict=True)),
        kinds={name: str(cells.get("kind") or "") for name, (_, cells) in zip(names, read, strict=True)},
        taken=said,
    )


def read_identities(path: Path, annotators: Iterable[str]) -> dict[str, str]:
    """Annotator -> verified identity, of a table with these two columns; annotators it lacks are their own.

    Args:
        path: of the table.
        annotators: who is known.
    """
    found: dict[str, str] = {}
    known = set(annotators)
    for row in rows(path):
        name, identity = (_text(row.cells.get(column)) for column in ("annotator", "identity"))
        where = f"{path} row {row.number}"
        if not name or not identity:
            raise InputError(f"{where}: needs an annotator and an identity, in columns of these names.")
        if found.setdefault(name, identity) != identity:
            raise InputError(f"{where}: annotator '{name}' is of '{found[name]}' and of '{identity}'. Keep one.")
    strange = sorted(found.keys() - known)
    if strange:
        raise InputError(f"{path}: annotator '{strange[0]}' has no value to be paid for. Remove the row.")
    return found


def _uncertainty(there: Sequence[str], value: str) -> tuple[str, tuple[str, ...]]:
    """Column of the standard error, else columns of the ends of the 95 % interval."""
    prefixes = ["", f"{value}_"] if value == "value" else [f"{value}_"]
    for prefix in prefixes:
        if f"{prefix}error" in there:
            return f"{prefix}error", ()
    for prefix in prefixes:
        if {f"{prefix}low", f"{prefix}high"} <= set(there):
            return "", (f"{prefix}low", f"{prefix}high")
    return "", ()


def _one(path: Path, there: Sequence[str], names: Sequence[str], role: str) -> str:
    found = next((name for name in names if name in there), "")
    if not found:
        hint = "; --value COLUMN names it" if role == "value" else ""
        raise InputError(f"{path} has no column of the {role} ({', '.join(names)}). It has: {', '.join(there)}{hint}.")
    return found


def _names(path: Path, read: Sequence[tuple[int, dict[str, Any]]], who: str) -> list[str]:
    names: dict[str, int] = {}
    for number, cells in read:
        name = _text(cells.get(who))
        if not name:
            raise InputError(f"{path} row {number}: no annotator in column '{who}'. Name one, or remove the row.")
        if name in names:
            raise InputError(f"{path} row {number}: annotator '{name}' is in row {names[name]} already. Keep one row.")
        names[name] = number
    return list(names)


def _column(path: Path, read: Sequence[tuple[int, dict[str, Any]]], name: str) -> Floats:
    """(J,) numbers, NaN where a cell is empty."""
    found = np.full(len(read), np.nan)
    for j, (number, cells) in enumerate(read):
        said = cells.get(name)
        text = _text(said)
        if text.lower() in UNKNOWN:
            continue
        try:
            found[j] = float(text)
        except ValueError:
            found[j] = math.inf
        if isinstance(said, bool) or not math.isfinite(found[j]):
            raise InputError(f"{path} row {number}: {name}='{text}' is no number. Mend it, or leave it empty.")
    return found


def _evidence(said: Floats | None, thin: Sequence[Any]) -> Floats | None:
    """(J,) evidence, 0 where a cell is empty, infinite without a column; NaN for who is called thin."""
    called = np.array([_text(cell).lower() in TRUE for cell in thin])
    if said is None and not called.any():
        return None
    return np.where(called, np.nan, np.full(len(called), np.inf) if said is None else np.nan_to_num(said))


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()
