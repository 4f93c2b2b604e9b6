"""From finished cells of label distributions to numbers: every measure with intervals, by tercile, ours less others.

- A **row** is a reading (`readings`) of a method. Of methods that train on one label an item every reading is a row; of
  others the last step, and the step at which validation items are met best.
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
from crowdtune.bench.resampling import Resampled, resampled
from crowdtune.bench.shala_presets import OURS
from crowdtune.metrics.accuracy import entropy
from crowdtune.metrics.disagreement import GROUPS, grouped, measured
from crowdtune.metrics.disagreement import summary as interval
from crowdtune.metrics.floor import floor

BY_TERCILE = "js_distance"  # the measure that is also told by tercile
CHOSEN = "people"  # the reading in which ours is compared
SHOWN = {"zero-shot": ("last",), "majority": ("last", "early", "early-scaled", "people", "people-scaled")}
OTHERS = ("last", "people")
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
        for reading in SHOWN.get(cell.method, OTHERS):
            read = outcome.details["readings"][reading]
            name = cell.variant if cell.method == "zero-shot" else f"{cell.variant}, {reading}"
            rows.setdefault(name, {})[cell.seed] = outcome.details | read
    return told


def _condition(place: str, rows: Mapping[str, Mapping[int, Details]]) -> dict[str, Any]:
    seeds = sorted(set.intersection(*(set(own) for own in rows.values())))
    first = [next(iter(rows.values()))[seed] for seed in seeds]
    draws = resampled([details["items"] for details in first], DRAWS)
    known = {name: _estimated([own[seed] for seed in seeds], draws) for name, own in rows.items()}
    ours = f"{OURS}, {CHOSEN}"
    return {
        "place": place,
        "seeds": len(seeds),
        "trained": first[0]["trained"],
        "held_out": len(first[0]["items"]),
        "labels": float(np.mean([np.sum(details["counts"]) / len(details["items"]) for details in first])),
        "floor": _floor(first),
        "rows": {
            name: _told(*known[name])
            | {what: float(np.mean([own[s][what] for s in seeds])) for what in ("step", "temperature")}
            for name, own in rows.items()
        },
        "differences": [
            {"first": ours, "second": name} | {"measures": _told(*_less(known[ours], known[name]))["measures"]}
            for name in rows
            if ours in rows and name != ours
        ],
    }


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
    p, q, counts = (np.array(details[name]) for name in ("p", "q", "counts"))
    ready = measured(q / q.sum(axis=1, keepdims=True), p, counts if counts.any() else None, items_of(details))
    found = ready.under(weights)
    column = list(found).index(BY_TERCILE)
    for name, rows in list(grouped(entropy(p)).items())[1:]:
        inside = weights[:, rows]
        total = inside.sum(axis=1)
        with np.errstate(invalid="ignore"):
            found[f"{BY_TERCILE}:{name}"] = inside @ ready.means[rows, column] / total
    return found


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
    return {
        "measures": {key: interval(float(value[key][0]), drawn[key], mirrored=key == "ece") for key in value},
    }


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
