"""What was seen of annotators before, as pseudo-labels of a prior: from a run's table, or one like it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.errors import InputError
from crowdtune.runs import Run

MOST = 20.0  # labels an annotator's history counts for, however many there were
NEEDED = ("annotator", "labels", "reliability")


def pseudo_labels(source: Path, names: Sequence[str], most: float = MOST) -> tuple[Floats, Floats]:
    """(J,) right and (J,) wrong labels of each annotator before, together at most `most`.

    Annotators are matched by name; one not met before has 0 of both.

    Args:
        source: folder of a finished run or an audit, or a CSV file with the columns annotator, labels and reliability.
        names: J annotators.
        most: labels a history counts for, above 0.
    """
    seen = _seen(source)
    found = np.array([seen.get(name, (0.0, 0.0)) for name in names], dtype=np.float64).reshape(-1, 2)
    weight = np.minimum(found[:, 0], most)
    return weight * found[:, 1], weight * (1 - found[:, 1])


def _seen(source: Path) -> dict[str, tuple[float, float]]:
    """Annotator -> labels and reliability."""
    table = source / "annotators.csv" if source.is_dir() else source
    unfinished = source.is_dir() and (source / "config.json").exists() and not Run(source).finished
    if unfinished or not table.exists():
        raise InputError(
            f"history={source} is no finished run. Name a folder that crowdtune train made, or an annotators.csv."
        )
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [name for name in NEEDED if rows and name not in rows[0]]
    if missing:
        raise InputError(f"{table} has no column '{missing[0]}'. A history has the columns {', '.join(NEEDED)}.")
    return {row["annotator"]: _numbers(row, f"{table} line {line}") for line, row in enumerate(rows, start=2)}


def _numbers(row: dict[str, str], where: str) -> tuple[float, float]:
    try:
        labels, reliability = float(row["labels"]), float(row["reliability"] or "nan")
    except (TypeError, ValueError) as e:
        raise InputError(f"{where}: labels and reliability must be numbers.") from e
    if np.isnan(reliability):
        return 0.0, 0.0
    if not (labels >= 0 and 0 <= reliability <= 1):
        raise InputError(f"{where}: labels={labels:g} must be 0 or more and reliability={reliability:g} from 0 to 1.")
    return labels, reliability
