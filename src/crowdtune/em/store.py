"""A belief as named arrays and back, for checkpoints: nothing that could run when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.em.belief import Belief
from crowdtune.em.coin import Coin
from crowdtune.em.grid import Grid, OnGrid
from crowdtune.em.kernel import Kernel
from crowdtune.em.solve import Solution
from crowdtune.em.stages import Trial
from crowdtune.em.state import StateCoin

KINDS = {kind.__name__: kind for kind in (Coin, Grid, Kernel, OnGrid, StateCoin, Solution, Trial)}

Arrays = dict[str, Any]


def arrays(belief: Belief) -> Arrays:
    """What changes of a belief: the table, the solution and the trials, as name -> array."""
    found: Arrays = {"log_p": belief.log_p}
    _put(found, "solution", belief.solution)
    for i, trial in enumerate(belief.trials):
        _put(found, f"trial{i}", trial)
    return found


def restore(belief: Belief, found: Mapping[str, Any]) -> None:
    """Put what `arrays` gave back into a belief of the same labels."""
    table: Floats = found["log_p"]
    belief.log_p = table
    belief.solution = _get(found, "solution")
    count = sum(name.startswith("trial") and name.endswith(".kind") for name in found)
    belief.trials = [_get(found, f"trial{i}") for i in range(count)]


def _put(found: Arrays, name: str, value: Any) -> None:
    if not is_dataclass(value):
        found[name] = np.asarray(value)
        return
    found[f"{name}.kind"] = np.asarray(type(value).__name__)
    for part in fields(value):
        _put(found, f"{name}.{part.name}", getattr(value, part.name))


def _get(found: Mapping[str, Any], name: str) -> Any:
    if f"{name}.kind" in found:
        kind = KINDS[str(found[f"{name}.kind"])]
        return kind(**{part.name: _get(found, f"{name}.{part.name}") for part in fields(kind)})
    value = found[name]
    if value.ndim and value.dtype.kind == "U":
        return tuple(value.tolist())
    return value.item() if value.ndim == 0 else value
