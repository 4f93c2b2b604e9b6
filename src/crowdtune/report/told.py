"""What a run's folder tells, read once. Nothing but results.json has to be there."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crowdtune.annotations import Floats, Ints
from crowdtune.errors import InputError

TEXTS = ("annotator", "bias", "flags", "kind")  # columns of annotators.csv that are no numbers


@dataclass(frozen=True, eq=False)
class Told:
    """The files of a run.

    Args:
        folder: of the run.
        results: results.json.
        config: config.json, {} without.
        people: rows of annotators.csv in their order; numbers as float, None where empty.
        confusions: confusions.json, [] without.
        items: items.parquet with a row per item, without columns or rows where it is not there.
        log: lines of metrics.jsonl.
        contested: disagreement.parquet, the most ambiguous items first, likewise.
        reading: how the model reads an item, {} without a model.
    """

    folder: Path
    results: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    people: Sequence[dict[str, Any]] = ()
    confusions: Sequence[dict[str, Any]] = ()
    items: pa.Table = field(default_factory=lambda: pa.table({}))
    log: Sequence[dict[str, Any]] = ()
    contested: pa.Table = field(default_factory=lambda: pa.table({}))
    reading: dict[str, Any] = field(default_factory=dict)

    @property
    def one_truth(self) -> bool:
        """Whether each item was taken to have a true answer, not shares of people for each."""
        return (self.results.get("verdict") or {}).get("status") != "not sought"

    def rows(self, index: Ints) -> list[dict[str, Any]]:
        """Items by their place."""
        taken: list[dict[str, Any]] = self.items.take(pa.array(index)).to_pylist()
        return taken

    def numbers(self, column: str) -> Floats | None:
        """(I,) column of numbers, NaN where empty; None where the run has no such column."""
        if column not in self.items.column_names:
            return None
        return np.array([np.nan if v is None else v for v in self.items[column].to_pylist()], dtype=np.float64)

    def texts(self, column: str) -> list[str]:
        """(I,) column of texts, "" where empty; [] where the run has no such column."""
        return [v or "" for v in self.items[column].to_pylist()] if column in self.items.column_names else []


def read_run(folder: Path) -> Told:
    """Read the folder of a finished run."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder. Name a folder that `crowdtune train` or `crowdtune audit` made.")
    if not (folder / "results.json").exists():
        raise InputError(_unfinished(folder))
    results = _json(folder / "results.json")
    if not isinstance(results, dict) or "method" not in results:
        raise InputError(
            f"{folder / 'results.json'} names no method: it is of no single run. Name a run's folder"
            f"{_inside(folder)}, one that `crowdtune train` or `crowdtune audit` made."
        )
    return Told(
        folder,
        results,
        config=_json(folder / "config.json", {}),
        people=_people(folder / "annotators.csv"),
        confusions=_json(folder / "confusions.json", []),
        items=_table(folder / "items.parquet"),
        log=_lines(folder / "metrics.jsonl"),
        contested=_table(folder / "disagreement.parquet"),
        reading=_json(folder / "model" / "crowdtune.json", {}),
    )


def _unfinished(folder: Path) -> str:
    if (folder / "config.json").exists():
        return f"{folder} holds an unfinished run: there is no results.json yet. Finish it with --resume, then report."
    return (
        f"{folder} holds no run: there is no results.json. Name a folder that `crowdtune train` or `crowdtune audit` "
        f"made{_inside(folder)}."
    )


def _inside(folder: Path) -> str:
    """Where runs lie below a folder, for one who named the folder above."""
    runs = sorted(p.parent for p in folder.glob("*/results.json"))[:3]
    return f" (such as {', '.join(map(str, runs))})" if runs else ""


def _json(path: Path, without: Any = None) -> Any:
    if without is not None and not path.exists():
        return without
    try:
        return msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise InputError(f"{path} is no JSON ({error}). The run is damaged; run it again.") from error


def _lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines; a run that was stopped and resumed may have torn one."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            found.append(msgspec.json.decode(line))
        except msgspec.DecodeError:
            continue
    return [record for record in found if isinstance(record, dict)]


def _people(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{name: _typed(name, cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if row.get("annotator")]


def _typed(name: str, cell: str | None) -> Any:
    if name in TEXTS:
        return cell or ""
    if name == "thin":
        return cell == "True"
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def _table(path: Path) -> pa.Table:
    return pq.read_table(path) if path.exists() else pa.table({})
