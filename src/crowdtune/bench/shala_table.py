"""From finished cells of label distributions to numbers: every measure with intervals, by tercile, ours less others.

- A **row** is a reading (`readings`) of a method: all of majority training; of others the last step, the one at which
  validation items are met best, and that with a temperature; of our method with other options the second of these.
- **Ours** is compared as it comes, read in these two ways, and with the options that validation items favour.
- An **interval** is over splits and items: both are drawn again, an item that several splits test once for all of them.
- **Terciles** are by the entropy of what people said, within the test items of a split.
- The **floor** is what a perfect model would score against so few labels: `metrics.floor`, mean over splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crowdtune.annotations import UNKNOWN, Floats, Items
from crowdtune.bench.grid import Cell, Outcome
from crowdtune.bench.readings import READINGS
from crowdtune.bench.resampling import Resampled, resampled
from crowdtune.bench.shala_presets import OURS
from crowdtune.metrics.disagreement import GROUPS, MEANS, Asked
from crowdtune.metrics.disagreement import summary as interval
from crowdtune.metrics.floor import floor
from crowdtune.metrics.resampled import ratio

BY_TERCILE = "js_distance"  # the measure that is also told by tercile
CHOSEN, SCALED = "people", "people-scaled"  # the readings in which ours is compared
ALWAYS = {"zero-shot": ("last",), "majority": READINGS}  # readings that are rows, of methods without options
OTHERS, CHANGED = ("last", CHOSEN, SCALED), (CHOSEN,)  # of other methods, and of ours with options
DRAWS = 1000  # of splits and items
FLOOR_DRAWS = 50  # of what all people would say

Found = Mapping[Cell, Outcome]
Details = Mapping[str, Any]
Numbers = dict[str, Floats]  # a measure -> (1,) its value, or (R,) in each draw


def summary(found: Found) -> dict[str, Any]:
    """All numbers of a grid, as results.json holds them.

    Args:
        found: outcome of each cell.
    """
    return {"cells": len(found), "conditions": [_condition(place, own) for place, own in places(found).items()]}


def places(found: Found) -> dict[str, dict[str, dict[int, Details]]]:
    """Model with data -> row -> split -> details with the one reading, `q`, of that row."""
    told: dict[str, dict[str, dict[int, Details]]] = {}
    for cell, outcome in found.items():
        rows = told.setdefault(f"{cell.model.rsplit('/', 1)[-1]} {cell.data}", {})
        for reading in _shown(cell):
            read = outcome.details["readings"][reading]
            name = cell.variant if cell.method == "zero-shot" else f"{cell.variant}, {reading}"
            rows.setdefault(name, {})[cell.seed] = outcome.details | read
    return told


def _shown(cell: Cell) -> Sequence[str]:
    """The readings of a cell that are rows."""
    if cell.options:
        return CHANGED if cell.method == OURS else OTHERS
    return ALWAYS.get(cell.method, OTHERS)


def _condition(place: str, rows: Mapping[str, Mapping[int, Details]]) -> dict[str, Any]:
    seeds = sorted(set.intersection(*(set(own) for own in rows.values())))
    first = [next(iter(rows.values()))[seed] for seed in seeds]
    draws = resampled([details["items"] for details in first], DRAWS)
    known = {name: _estimated([own[seed] for seed in seeds], draws) for name, own in rows.items()}
    told = {
        name: _told(*known[name])
        | {what: float(np.mean([own[s][what] for s in seeds])) for what in ("step", "temperature", "validation")}
        for name, own in rows.items()
    }
    return {
        "place": place,
        "seeds": len(seeds),
        "trained": first[0]["trained"],
        "held_out": len(first[0]["items"]),
        "labels": float(np.mean([np.sum(details["counts"]) / len(details["items"]) for details in first])),
        "floor": _floor(first),
        "rows": told,
        "differences": [
            {"first": first, "second": second, "share": _share(known[first], known[second])}
            | _told(*_less(known[first], known[second]))
            for first in _ours(told)
            for second in told
            if second != first
        ],
    }


def _ours(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Our method as it comes, and as the validation items choose its options."""
    own = [name for name in rows if name.startswith(OURS) and name.endswith(f", {CHOSEN}")]
    best = min(own, key=lambda name: float(rows[name]["validation"]), default="")
    return [name for name in dict.fromkeys((f"{OURS}, {CHOSEN}", f"{OURS}, {SCALED}", best)) if name in rows]


def _share(first: tuple[Numbers, Numbers], second: tuple[Numbers, Numbers]) -> float:
    """How much of the second's js_distance the first has more, below 0 less."""
    return float(first[0][BY_TERCILE][0] / second[0][BY_TERCILE][0] - 1)


def _estimated(several: Sequence[Details], draws: Resampled) -> tuple[Numbers, Numbers]:
    """Each measure, mean over splits, and in each draw."""
    exact, again = [], []
    for split, details in enumerate(several):
        exact.append(_measures(details, np.ones((1, len(details["items"])))))
        again.append(_measures(details, draws.weights(split)))
    value = {key: np.mean([own[key] for own in exact], axis=0) for key in exact[0]}
    return value, {key: draws.mean([own[key] for own in again]) for key in exact[0]}


def _measures(details: Details, weights: Floats) -> Numbers:
    """(R,) each measure under each row of (R, T) weights; js_distance also of each tercile."""
    asked, q = asked_of(details), np.array(details["q"])
    ready, weights = asked.measured(q / q.sum(axis=1, keepdims=True)), weights[:, asked.index]
    found, column = ready.under(weights), list(MEANS).index(BY_TERCILE)
    for name, rows in list(asked.groups().items())[1:]:
        inside = weights[:, rows]
        found[f"{BY_TERCILE}:{name}"] = ratio(inside @ ready.means[rows, column], inside.sum(axis=1))
    return found


def asked_of(details: Details) -> Asked:
    """What people said of the test items of a cell."""
    return Asked.of(np.array(details["p"]), np.array(details["counts"]), items_of(details))


def items_of(details: Details) -> Items:
    """The test items of a cell, without their texts."""
    n = len(details["items"])
    none = np.zeros(n, dtype=np.int64)
    choices = [tuple(details["choices"])]
    return Items(details["items"], details["items"], choices, none, ["people"], none, none + UNKNOWN, [""] * n)


def _less(first: tuple[Numbers, Numbers], second: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    value, drawn = ({key: one[key] - other[key] for key in one} for one, other in zip(first, second, strict=True))
    return value, drawn


def _told(value: Numbers, drawn: Numbers) -> dict[str, Any]:
    """Each measure with its interval."""
    return {"measures": {key: interval(float(value[key][0]), drawn[key], mirrored=key == "ece") for key in value}}


def _floor(several: Sequence[Details]) -> dict[str, float | None]:
    """What a perfect model would score, None where data have shares and no counts."""
    if not all(np.sum(details["counts"]) for details in several):
        return {BY_TERCILE: None}
    found = [floor(np.array(d["counts"]), items_of(d), np.random.default_rng(0), draws=FLOOR_DRAWS) for d in several]
    values = {
        (key if name == GROUPS[0] else f"{key}:{name}"): [f[name]["measures"].get(key, {}).get("value") for f in found]
        for name in GROUPS
        for key in found[0][GROUPS[0]]["measures"]
        if name == GROUPS[0] or key == BY_TERCILE
    }
    return {key: None if None in own else float(np.mean(own)) for key, own in values.items()}
