"""What may be read off one training: its last step, an earlier one, each with or without a temperature.

| reading | step chosen by | temperature fitted to |
|---|---|---|
| `last` | | |
| `early` | cross-entropy with the majority label | |
| `early-scaled` | the same | the same |
| `people` | mean js_distance to the label distributions | |
| `people-scaled` | mean js_distance, of step and temperature together | the same |

All are chosen on the validation items. The first three need no more than majority labels; the last two see
distributions, which makes them the stronger ones for a method that trains on majority labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from crowdtune.annotations import Floats
from crowdtune.metrics.distances import cross_entropy, js_distance

READINGS = ("last", "early", "early-scaled", "people", "people-scaled")
LOG_TEMPERATURES = (-3.0, 4.0)  # bounds of the logarithm of a temperature
Path = Sequence[tuple[int, Floats]]  # step, (V + T, K) log-probabilities of validation and test items


@dataclass(frozen=True, eq=False)
class Reading:
    """A prediction of the test items.

    Args:
        q: (T, K) rows sum to 1.
        step: of the training it was read at.
        temperature: the log-probabilities were divided by.
        validation: mean js_distance to the label distributions of the validation items.
    """

    q: Floats
    step: int
    temperature: float
    validation: float


def readings(path: Path, shares: Floats, majority: Floats) -> dict[str, Reading]:
    """Every reading of a training.

    Args:
        path: what the model said of V validation items, then T test items, at some steps.
        shares: (V, K) label distributions of the validation items.
        majority: (V, K) 1 on the choice most people gave, shared where tied.
    """
    held = len(shares)

    def by_label(log_p: Floats) -> float:
        return float(cross_entropy(majority, np.exp(log_p[:held])).mean())

    def by_people(log_p: Floats) -> float:
        return float(js_distance(shares, np.exp(log_p[:held])).mean())

    def read(at: int, temperature: float = 1.0) -> Reading:
        step, log_p = path[at]
        log_p = scaled(log_p, temperature)
        return Reading(np.exp(log_p[held:]), step, temperature, by_people(log_p))

    early = _least([by_label(log_p) for _, log_p in path])
    people = _least([by_people(log_p) for _, log_p in path])
    fitted = [_fit(log_p, by_people) for _, log_p in path]
    both = _least([by_people(scaled(log_p, t)) for (_, log_p), t in zip(path, fitted, strict=True)])
    return {
        "last": read(len(path) - 1),
        "early": read(early),
        "early-scaled": read(early, _fit(path[early][1], by_label)),
        "people": read(people),
        "people-scaled": read(both, fitted[both]),
    }


def scaled(log_p: Floats, temperature: float) -> Floats:
    """(I, K) log-probabilities at a temperature: above 1 flatter."""
    return np.asarray(log_softmax(log_p / temperature, axis=1))


def _fit(log_p: Floats, loss: Callable[[Floats], float]) -> float:
    """The temperature with the least loss; 1 where no other is better."""
    found = minimize_scalar(lambda t: loss(scaled(log_p, np.exp(t))), bounds=LOG_TEMPERATURES, method="bounded")
    return float(np.exp(found.x)) if found.fun < loss(log_p) else 1.0


def _least(losses: Sequence[float]) -> int:
    return int(np.argmin(losses))
