"""From finished cells to numbers: mean and standard deviation, gap recovered, paired intervals, wrong verdicts.

- **Gap recovered** by a method: the sum over cells of (method - noisy) divided by the sum of (oracle - noisy), over
  conditions and seeds in which oracle is at least 5 points above noisy. 100 % = as good as gold.
- A crowd (a condition with a seed) whose verdict before training is not "resolved" is **apart**: it is listed with what
  each method reached, and counts in no gap and in no difference.
- A **wrong verdict** is a resolved cell whose method ends below chance, or more than 10 points below the untrained
  model: the crowd turned it round although the verdict said that it would not. It stays in the gap.
- **Paired intervals** are of the difference of two methods on the same held-out items: an item's difference is its mean
  over seeds, the items are drawn again 2,000 times. They say how sure the difference is for other items of the same
  kind, not for other crowds; for that see the standard deviation over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.bench.grid import Cell, Outcome

NOISY, ORACLE = "noisy", "oracle"
GAP = 0.05  # oracle over noisy, from which there is a gap to recover
TURNED = 0.10  # below the untrained model, from which a method was turned round
JUDGED = ("realm", "joint")  # methods that start from what the model knows, which the verdict is about
PAIRS = (("joint", "realm"), ("joint", "noisy"), ("realm", "noisy"))
DRAWS, LEVEL = 2000, 0.95

Found = Mapping[Cell, Outcome]
Groups = dict[str, dict[str, dict[int, Outcome]]]  # condition -> variant -> seed -> outcome


def summary(found: Found) -> dict[str, Any]:
    """All numbers of a grid, as results.json holds them.

    Args:
        found: outcome of each cell.
    """
    resolved = {cell: outcome for cell, outcome in found.items() if outcome.verdict == "resolved"}
    return {
        "cells": len(found),
        "conditions": [_condition(name, variants) for name, variants in _groups(found).items()],
        "gap_recovered": gap_recovered(resolved),
        "gap_recovered_with_apart": gap_recovered(found),
        "apart": _apart(found),
        "wrong_verdicts": _wrong(found),
        "differences": [row for pair in PAIRS for row in _differences(resolved, *pair)],
    }


def _groups(found: Found) -> Groups:
    groups: Groups = {}
    for cell, outcome in found.items():
        groups.setdefault(cell.condition, {}).setdefault(cell.variant, {})[cell.seed] = outcome
    return groups


def _apart(found: Found) -> list[dict[str, Any]]:
    """Crowds that were not resolved before training, with the accuracy of each variant."""
    crowds: dict[tuple[str, int], dict[str, Any]] = {}
    for cell, outcome in found.items():
        if outcome.verdict != "resolved":
            said = {"condition": cell.condition, "seed": cell.seed, "verdict": outcome.verdict, "words": outcome.words}
            row = crowds.setdefault((cell.condition, cell.seed), said | {"accuracy": {}})
            row["accuracy"][cell.variant] = outcome.accuracy
    return list(crowds.values())


def _condition(name: str, variants: Mapping[str, Mapping[int, Outcome]]) -> dict[str, Any]:
    """A condition with a row per variant: mean and standard deviation of the accuracy over seeds."""
    outcomes = [outcome for seeds in variants.values() for outcome in seeds.values()]
    return {
        "condition": name,
        "held_out": len(outcomes[0].correct),
        "chance": outcomes[0].chance,
        "zero_shot": float(np.mean([outcome.zero_shot for outcome in outcomes])),
        "verdicts": sorted({outcome.verdict for outcome in outcomes}),
        "variants": {variant: _spread([o.accuracy for o in seeds.values()]) for variant, seeds in variants.items()},
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and standard deviation (n - 1; None for one seed)."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "deviation": deviation, "seeds": len(values)}


def gap_recovered(found: Found) -> dict[str, dict[str, Any]]:
    """Share of the gap between noisy and oracle that each variant closes, and over how many cells; {} without both.

    A cell that a variant was not run in is in neither of its sums.
    """
    above: dict[str, list[tuple[float, float]]] = {}
    for variants in _groups(found).values():
        if not {NOISY, ORACLE} <= variants.keys():
            continue
        for variant, seeds in variants.items():
            for seed, outcome in seeds.items():
                if variant in (NOISY, ORACLE) or seed not in variants[NOISY] or seed not in variants[ORACLE]:
                    continue
                low, high = variants[NOISY][seed].accuracy, variants[ORACLE][seed].accuracy
                if high - low >= GAP:
                    above.setdefault(variant, []).append((outcome.accuracy - low, high - low))
    return {
        variant: {"share": sum(a for a, _ in pairs) / sum(b for _, b in pairs), "cells": len(pairs)}
        for variant, pairs in above.items()
    }


def _wrong(found: Found) -> list[dict[str, Any]]:
    """Resolved cells of judged methods that were turned round all the same."""
    return [
        {
            "condition": cell.condition,
            "variant": cell.variant,
            "seed": cell.seed,
            "accuracy": outcome.accuracy,
            "zero_shot": outcome.zero_shot,
            "words": outcome.words,
        }
        for cell, outcome in found.items()
        if cell.variant in JUDGED and outcome.verdict == "resolved" and turned_round(outcome)
    ]


def turned_round(outcome: Outcome) -> bool:
    """True where the trained model is below chance, or far below the untrained one."""
    return outcome.accuracy < max(outcome.chance, outcome.zero_shot - TURNED)


def _differences(found: Found, first: str, second: str) -> list[dict[str, Any]]:
    """Paired difference of two variants in each condition that has both, and over all where they are several."""
    items = {cell.condition: cell.data for cell in found}
    per_item = {
        name: (items[name], per_item_difference(variants[first], variants[second]))
        for name, variants in _groups(found).items()
        if first in variants and second in variants and variants[first].keys() & variants[second].keys()
    }
    rows = [_interval(name, [pair]) for name, pair in per_item.items()]
    if len(per_item) > 1:
        rows.append(_interval("all", list(per_item.values())))
    return [{"first": first, "second": second} | row for row in rows]


def per_item_difference(first: Mapping[int, Outcome], second: Mapping[int, Outcome]) -> Floats:
    """(T,) mean over the seeds both have of (first right) - (second right), in -1..1."""
    seeds = sorted(first.keys() & second.keys())
    rows = [first[s].correct.astype(np.float64) - second[s].correct for s in seeds]
    return np.asarray(np.mean(rows, axis=0))


def _interval(name: str, per_item: Sequence[tuple[str, Floats]]) -> dict[str, Any]:
    """Mean over conditions with its bootstrap interval.

    Args:
        name: of the row.
        per_item: data set and (T,) differences of each condition; items of one data set are drawn once for all.
    """
    by_data: dict[str, list[Floats]] = {}
    for data, values in per_item:
        by_data.setdefault(data, []).append(values)
    rng, drawn = np.random.default_rng(0), np.zeros(DRAWS)
    for several in by_data.values():
        share = np.sum(several, axis=0) / len(per_item)
        size = len(share)
        drawn += np.array([share[rng.integers(size, size=size)].mean() for _ in range(DRAWS)])
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "condition": name,
        "difference": float(np.mean([values.mean() for _, values in per_item])),
        "low": float(low),
        "high": float(high),
    }
