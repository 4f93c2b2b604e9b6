"""The table of whom to trust, and the confusion matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from crowdtune.annotations import Floats
from crowdtune.report.charts import FULL, chance_line, lane, matrix, sample
from crowdtune.report.names import Names
from crowdtune.report.told import Told
from crowdtune.report.wording import (
    CHOICE,
    count,
    decimal,
    known,
    points,
    seconds,
    several,
    share,
    signed,
    span,
    visible,
)

ROWS = 1200  # annotators in the table: as many as keep the file small
TASKS = 5  # tasks with a column each; with more, the file has them
CELLS, PANELS = 1500, 18  # of small matrices in all
LARGEST = 16  # choices of a matrix that can still be read
MIXED = 8  # mix-ups listed
SHADES = 20  # steps of colour of a cell
THIN, BELOW = "too few to judge", "below chance"
SIGNS = {
    "above": "better than chance",
    "below": "worse than chance",
    "open": "cannot be told from chance",
    "bare": "no interval known",
}


@dataclass(frozen=True)
class Column:
    """A column of the table of annotators.

    Args:
        key: of annotators.csv.
        name: in the head.
        write: a value as text.
        help: what it means, in the legend.
    """

    key: str
    name: str
    write: Callable[[Any], str]
    help: str = ""


OPTIONAL = (
    Column("accuracy", "Right", share, "share of this annotator's labels equal to the known answer"),
    Column("agreement", "Agrees", share, "share of other annotators' labels on the same items that were the same"),
    Column("seconds", "Time", seconds, "typical time for one label"),
    Column("bias_grades", "Bias", signed, "grades above (+) or below (−) what is right"),
    Column("spread", "Spread", decimal, "typical distance from that bias, in grades"),
    Column("lean", "Lean", points, "how much more often than is right the first is preferred, in points of 100"),
)


def trust(told: Told, names: Names) -> dict[str, Any] | None:
    """What the template shows of annotators; None where the run has no table of them."""
    if not told.people:
        return None
    chance = chance_of(told)
    rows = [_row(row, chance, names) for row in told.people]
    shown = _most_telling(rows)
    columns = [c for c in OPTIONAL if any(known(row.get(c.key)) for row in told.people)]
    tasks = [name for name in told.people[0] if name.startswith("reliability:")][:TASKS]
    columns += [Column(t, visible(t.partition(":")[2], 24), share, "reliability on this task alone") for t in tasks]
    flags = Counter(flag.partition(":")[0] for row in rows for flag in row["flags"])
    return {
        "rows": [row | {"name": names[row["annotator"]], "cells": _cells(row, columns)} for row in shown],
        "columns": columns,
        "noted": any(row["bias"] or row["flags"] for row in shown),
        "flags": flags.most_common(),
        "axis": chance_line(chance),
        "chance": share(chance),
        "all": len(rows),
        "left_out": len(rows) - len(shown),
        "summary": _summary(rows),
        "signs": [(sign, SIGNS[sign]) for sign in SIGNS if any(row["sign"] == sign for row in shown)],
        "samples": {sign: sample(sign) for sign in SIGNS},
    }


def chance_of(told: Told) -> float:
    """How often guessing would be right: the mean of 1/K over items."""
    if "choices" in told.items.column_names and len(told.items):
        sizes = np.array(pc.fill_null(pc.list_value_length(told.items["choices"]), 0).to_pylist(), dtype=np.float64)
        if (sizes > 0).any():
            return float((1 / sizes[sizes > 0]).mean())
    return 0.5


def _row(row: dict[str, Any], chance: float, names: Names) -> dict[str, Any]:
    low, high, value = row.get("reliability_low"), row.get("reliability_high"), row.get("reliability")
    sign = "bare"
    if known(low) and known(high):
        sign = "above" if low > chance else "below" if high < chance else "open"
    said = row.get("flags") or ""
    said = names.sentence(said) if ":" in said else said  # "copies another: ann"
    flags = [visible(flag, 80) for flag in said.split("; ") if flag]
    if row.get("thin") and THIN not in flags:
        flags.append(THIN)
    if sign == "below" and not row.get("thin") and not any(BELOW in flag for flag in flags):
        flags.append(BELOW)
    return row | {
        "sign": "open" if row.get("thin") and sign == "above" else sign,
        "flags": flags,
        "reliability_text": share(value),
        "span": span(low, high),
        "lane": lane(value, low, high, "open" if row.get("thin") and sign == "above" else sign),
        "labels_text": count(row.get("labels")),
        "bias": visible(row.get("bias") or "", 120),
    }


def _cells(row: Mapping[str, Any], columns: Sequence[Column]) -> list[tuple[str, Any]]:
    """Text and number of each optional cell; the number alone can be sorted by where the text is no plain number."""
    return [
        (c.write(row.get(c.key)), row[c.key] if c.key == "seconds" and (row.get(c.key) or 0) >= 60 else None)
        for c in columns
    ]


def _most_telling(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows, or of very many those with a flag and those with most labels, in their order."""
    if len(rows) <= ROWS:
        return rows
    weight = [(not (set(row["flags"]) - {THIN}), -(row.get("labels") or 0)) for row in rows]
    kept = sorted(sorted(range(len(rows)), key=weight.__getitem__)[:ROWS])
    return [rows[j] for j in kept]


def _summary(rows: Sequence[dict[str, Any]]) -> str:
    """How many there are of each sort, in a sentence."""
    thin = sum(bool(row.get("thin")) for row in rows)
    signs = Counter(row["sign"] for row in rows if not row.get("thin"))
    parts = [
        f"{count(n)} {words}"
        for n, words in (
            (signs["above"], "better than chance"),
            (signs["below"], "worse than chance"),
            (signs["open"], "not to be told from chance"),
            (thin, "with too few labels to judge"),
        )
        if n
    ]
    head = several(len(rows), "annotator")
    return f"{head}: {', '.join(parts)}." if parts else f"{head}."


def confusions(told: Told, names: Names) -> list[dict[str, Any]]:
    """For each task the crowd's matrix, its mix-ups, and small matrices of some annotators."""
    crowd = {str(task.get("task") or ""): task for task in (told.results.get("tasks") or []) if task.get("confusion")}
    alone = {str(part.get("task") or ""): part for part in told.confusions}
    trusted = {row["annotator"]: row for row in told.people}
    found = []
    budget = CELLS
    for name in dict.fromkeys([*crowd, *alone]):
        choices = [visible(c, CHOICE) for c in (crowd.get(name) or alone[name]).get("choices") or []]
        if len(choices) < 2:
            continue
        together = _shares(crowd[name]["confusion"], len(choices)) if name in crowd else None
        matrices = {who: _shares(m, len(choices)) for who, m in (alone.get(name, {}).get("annotators") or {}).items()}
        panels = min(PANELS, budget // len(choices) ** 2) if len(choices) <= LARGEST else 0
        budget -= min(panels, len(matrices)) * len(choices) ** 2
        found.append(
            {
                "task": visible(name, CHOICE),
                "choices": choices,
                "table": _table(together, choices) if together is not None and len(choices) <= LARGEST else None,
                "mixed": _mixed(together, choices) if together is not None else [],
                "panels": [
                    _panel(who, matrices[who], choices, trusted.get(who), names)
                    for who in sorted(matrices, key=lambda who: _least(trusted.get(who)))[:panels]
                ],
                "of": _of(len(matrices), len(told.people), panels),
            }
        )
    return [part for part in found if part["table"] or part["mixed"] or part["panels"]]


def _of(matrices: int, everybody: int, panels: int) -> str:
    """Whose small matrices are shown; a run writes those of the annotators with most labels."""
    if panels >= matrices:
        return "One by one, the least reliable first"
    most = " with most labels" if matrices < everybody else ""
    return f"The {panels} least reliable of the {matrices} annotators{most}"


def _shares(counts: Any, size: int) -> Floats:
    """(K, K) shares of each row; a row nobody saw is NaN."""
    table = np.zeros((size, size))
    given = np.array(counts, dtype=np.float64)
    if given.shape == table.shape:
        table = np.nan_to_num(given).clip(min=0)
    total = table.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(table, total, out=np.full_like(table, np.nan), where=total > 0))


def _table(shares: Floats, choices: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the crowd's matrix: a choice and its cells, each with a class of twenty steps of colour."""
    return [
        {
            "choice": choices[t],
            "cells": [(share(v), _shade(float(np.nan_to_num(v)), right=t == k)) for k, v in enumerate(row)],
        }
        for t, row in enumerate(shares)
    ]


def _shade(value: float, *, right: bool) -> str:
    """Class of a cell's colour: r where right, w where a mix-up, and its step."""
    return f"r{round(value * SHADES)}" if right else f"w{round(min(value / FULL, 1) * SHADES)}"


def _mixed(shares: Floats, choices: Sequence[str]) -> list[dict[str, str]]:
    """The most frequent mix-ups of the crowd, from 5 % of a choice's labels on."""
    wrong = np.nan_to_num(shares * (1 - np.eye(len(shares))))
    pairs = [divmod(int(place), len(shares)) for place in np.argsort(-wrong, axis=None, kind="stable")[:MIXED]]
    return [
        {"truth": choices[t], "said": choices[k], "share": share(wrong[t, k])} for t, k in pairs if wrong[t, k] >= 0.05
    ]


def _least(row: Mapping[str, Any] | None) -> tuple[bool, float]:
    """The least reliable first, those nobody can judge last."""
    value = (row or {}).get("reliability")
    return bool((row or {}).get("thin")), value if known(value) else 1.0


def _panel(
    who: str, shares: Floats, choices: Sequence[str], row: Mapping[str, Any] | None, names: Names
) -> dict[str, Any]:
    row = row or {}
    return {
        "name": names[who],
        "svg": matrix(shares, choices),
        "reliability": share(row.get("reliability")),
        "labels": several(round(row["labels"]), "label") if known(row.get("labels")) else "",
    }
