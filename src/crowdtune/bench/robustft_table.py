"""From finished cells of given labels to numbers: accuracy and macro-F1 over splits, paired intervals, noise, experts.

- A **standard error** is the standard deviation over splits divided by the root of their number. Splits share training
  items, so it is a little too small.
- A **paired interval** is of the difference of ours and another method on the same splits and test items: 2,000 times
  the splits are drawn again, and the items, one that several splits test once for all of them.
- **Noise found**: share of the labels called noisy that are wrong (precision), of the wrong ones called so (recall).
- **Experts**: how reliable the method finds each, beside the share of the truths it told; means over splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crowdtune.annotations import Floats, Ints
from crowdtune.bench.grid import Cell, Outcome
from crowdtune.bench.resampling import resampled
from crowdtune.bench.robustft_presets import OURS
from crowdtune.metrics.accuracy import f1_of

LEVEL = 0.95
SAID = ("described", "template")  # options of training that tell conditions apart, the first there is

Found = Mapping[Cell, Outcome]
Seeds = Mapping[int, Outcome]


def summary(found: Found) -> dict[str, Any]:
    """All numbers of a grid, as results.json holds them.

    Args:
        found: outcome of each cell.
    """
    groups: dict[tuple[str, str], dict[str, dict[int, Outcome]]] = {}
    for cell, outcome in found.items():
        groups.setdefault((_place(cell), cell.distribution), {}).setdefault(cell.variant, {})[cell.seed] = outcome
    rows = [_condition(place, level, variants) for (place, level), variants in groups.items()]
    return {"cells": len(found), "conditions": rows}


def _place(cell: Cell) -> str:
    """Model, data and wording."""
    training = dict(cell.training)
    said = next((training[name] for name in SAID if name in training), "")
    return " ".join([cell.model.rsplit("/", 1)[-1], cell.data]) + (f", asked by “{said}”" if said else "")


def _condition(place: str, level: str, variants: Mapping[str, Seeds]) -> dict[str, Any]:
    outcomes = [outcome for seeds in variants.values() for outcome in seeds.values()]
    return {
        "place": place,
        "noise": int(level.removeprefix("noisy")) / 100,
        "chance": outcomes[0].chance,
        "held_out": float(np.mean([len(outcome.correct) for outcome in outcomes])),
        "verdicts": sorted({outcome.verdict for outcome in outcomes}),
        "variants": {name: _variant(seeds) for name, seeds in variants.items()},
        "differences": [
            {"first": OURS, "second": name} | difference(variants[OURS], seeds)
            for name, seeds in variants.items()
            if OURS in variants and name != OURS and variants[OURS].keys() & seeds.keys()
        ],
    }


def _variant(seeds: Seeds) -> dict[str, Any]:
    """Means over splits of what a method came to."""
    several = list(seeds.values())
    return {
        "splits": len(several),
        "accuracy": spread([o.accuracy for o in several]),
        "macro_f1": spread([o.details["macro_f1"] for o in several]),
        "noise_precision": _mean([o.details["noise_precision"] for o in several]),
        "noise_recall": _mean([o.details["noise_recall"] for o in several]),
        "posterior_accuracy": _mean([o.posterior_accuracy for o in several]),
        "seconds": _mean([o.seconds for o in several]),
        "experts": _experts([o.details["experts"] for o in several]),
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and its standard error (None for one split)."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "error": error}


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean of what is known, None where nothing is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _experts(tables: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Mean reliability and accuracy of each expert over the splits."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for table in tables:
        for row in table:
            rows.setdefault(row["expert"], []).append(row)
    return [
        {"expert": name, **{number: _mean([row[number] for row in several]) for number in ("reliability", "accuracy")}}
        for name, several in rows.items()
    ]


def difference(first: Seeds, second: Seeds) -> dict[str, Any]:
    """Paired difference of accuracy and macro-F1, first less second, each with its interval.

    Args:
        first: outcome of each split.
        second: the same of the other; splits that only one has are left out.
    """
    common = sorted(first.keys() & second.keys())
    draws = resampled([first[s].details["items"] for s in common])
    exact, again = [], []
    for split, s in enumerate(common):
        once = np.ones((1, len(first[s].details["items"])))
        exact.append((_values(first[s], once) - _values(second[s], once))[0])
        weights = draws.weights(split)
        again.append(_values(first[s], weights) - _values(second[s], weights))
    value, drawn = np.mean(exact, axis=0), draws.mean(again)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return {
        name: {"difference": float(value[c]), "low": float(low[c]), "high": float(high[c])}
        for c, name in enumerate(("accuracy", "macro_f1"))
    }


def _values(outcome: Outcome, times: Floats) -> Floats:
    """(R, 2) accuracy and macro-F1 with each of T items so many times, (R, T)."""
    gold: Ints = np.array(outcome.details["gold"], dtype=np.int64)
    answers: Ints = np.array(outcome.details["answers"], dtype=np.int64)
    k = int(max(gold.max(), answers.max())) + 1
    counts = (times @ np.eye(k * k)[gold * k + answers]).reshape(-1, k, k)
    right = np.trace(counts, axis1=1, axis2=2) / np.maximum(times.sum(axis=1), 1)
    return np.stack([right, f1_of(counts)], axis=1)
