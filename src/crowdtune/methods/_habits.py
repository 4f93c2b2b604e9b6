"""What sampling found of annotators who grade or compare: columns of numbers with intervals, and a habit in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.metrics.habits import LEAN, SHIFT, higher

SHOWN = {"bias": "bias_grades", "spread": "spread", "lean": "lean"}  # number of a grid -> column; `bias` holds words
SMALLEST = {"bias": SHIFT, "lean": LEAN}  # that is told, where the interval leaves 0 out
LEVEL = 0.95


def columns(names: Sequence[str], draws: Floats, annotations: Annotations) -> dict[str, list[Any]]:
    """Columns of annotators, J values each: mean and 95 % interval of each number, and `bias`, the habit in words.

    Args:
        names: of the C numbers of a grid.
        draws: (R, J or J x M, C) of them.
        annotations: N labels.
    """
    j, m = len(annotations.annotators), draws.shape[1] // len(annotations.annotators)
    task = annotations.items.task[annotations.item] if m > 1 else np.zeros(len(annotations), np.int64)
    met = np.bincount(annotations.annotator * m + task, minlength=j * m).reshape(j, m) > 0
    found: dict[str, list[Any]] = {}
    said, strongest = [""] * j, np.zeros(j)
    for t in range(m):
        suffix, where = (f":{annotations.items.tasks[t]}", f"{annotations.items.tasks[t]}: ") if m > 1 else ("", "")
        for c, name in enumerate(names):
            if name not in SHOWN:
                continue
            own = draws[:, t::m, c]
            low, high = np.quantile(own, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            mean = own.mean(axis=0)
            for end, values in (("", mean), ("_low", low), ("_high", high)):
                found[SHOWN[name] + end + suffix] = [
                    round(float(v), 4) if seen else None for v, seen in zip(values, met[:, t], strict=True)
                ]
            size = np.where(met[:, t] & ((low > 0) | (high < 0)), np.abs(mean), 0) / SMALLEST.get(name, np.inf)
            for who in np.flatnonzero((size >= 1) & (size > strongest)).tolist():
                strongest[who] = size[who]
                said[who] = where + _words(name, float(mean[who]), float(low[who]), float(high[who]))
    return found | {"bias": said}


def _words(name: str, mean: float, low: float, high: float) -> str:
    """A habit, against what is right, with its interval."""
    least, most = (low, high) if mean > 0 else (-high, -low)
    if name == "bias":
        return f"{higher(mean, 'is right')} ({least:.1f} to {most:.1f})"
    sign = "more" if mean > 0 else "less"
    span = f"{100 * least:.0f} to {100 * most:.0f}"
    return f"says the first {abs(mean) * 100:.0f} points {sign} often than is right ({span})"
