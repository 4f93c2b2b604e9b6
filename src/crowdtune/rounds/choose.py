"""Which candidate becomes the next base: the best, if it is surely better on fresh samples and no target vetoes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.rounds.job import Done
from crowdtune.rounds.target import Gain, Target, gain


def samples(done: Done, target: Target) -> Floats:
    """(R S, D) all that was drawn of a model."""
    table = done.measured[target.name]
    return table.reshape(-1, table.shape[-1])


def scores(targets: Sequence[Target], done: Done) -> dict[str, float]:
    """Target -> score of a model."""
    return {target.name: target.score(samples(done, target)) for target in targets}


def gains(targets: Sequence[Target], before: Done, after: Done) -> dict[str, Gain]:
    """Target -> by how much the second model is better than the first."""
    return {target.name: gain(target, samples(before, target), samples(after, target)) for target in targets}


def best(found: Mapping[str, Mapping[str, Gain]], target: Target, count: int = 1) -> list[str]:
    """Names of the candidates with the highest gains, the first of equals."""
    order = sorted(found, key=lambda name: -found[name][target.name].value)
    return order[:count]


def verdict(targets: Sequence[Target], fresh: Mapping[str, Gain]) -> tuple[bool, str]:
    """Whether a candidate is the next base, and why.

    Args:
        targets: the first selects, the others may veto.
        fresh: target -> gain on samples drawn for this alone; {} where the candidate seemed no better than the base.
    """
    if not fresh:
        return False, "no candidate seemed better than the base"
    first = fresh[targets[0].name]
    told, bound = f"{first.value:+.4g} of {targets[0].name}", f"{2 * first.error:.2g}, twice its standard error"
    if np.isnan(first.error):
        return False, f"one sample cannot tell how sure its {told} is: draw more"
    if not first.sure:
        return False, f"its {told} on fresh samples is not above {bound}"
    for target in targets[1:]:
        other = fresh[target.name]
        if worse(other):
            return False, f"{target.name} vetoes: {other.value:+.4g}, standard error {other.error:.2g}"
    return True, f"its {told} on fresh samples is above {bound}"


def worse(gain: Gain) -> bool:
    """Whether a model is surely worse: below minus twice the standard error."""
    return gain.value < -2 * gain.error
