"""How often each simulated annotator is right: the distributions of REALM's experiments, or the user's own.

The names are the paper's; its numbers are not stated. 0.9 for a reliable and 0.1 for an unreliable annotator are ours:
with them noisy labels are anti-correlated with the truth on two choices, as the paper's own results need.
"""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.errors import InputError, unknown_name

HIGH, MIDDLE, LOW = 0.9, 0.5, 0.1
DISTRIBUTIONS: dict[str, list[float] | list[list[float]]] = {
    "dist1": [HIGH, LOW, LOW],
    "dist2": [HIGH, HIGH, LOW],
    "dist3": [HIGH, MIDDLE, LOW],
    "multi1": [[HIGH, LOW, LOW], [LOW, HIGH, LOW], [LOW, LOW, HIGH]],
    "multi2": [[LOW, HIGH, HIGH], [HIGH, LOW, HIGH], [HIGH, HIGH, LOW]],
    "multi3": [[HIGH, MIDDLE, LOW], [LOW, HIGH, MIDDLE], [MIDDLE, LOW, HIGH]],
}


def reliability(spec: str) -> Floats:
    """Read a specification of annotators.

    Args:
        spec: a name (dist1, ..., multi3), numbers with commas, or linspace:HIGH:LOW:J.

    Returns:
        (J,) P(label = truth), or (J, M) where it differs between tasks.

    Example:
        >>> reliability("linspace:0.9:0.1:5").tolist()
        [0.9, 0.7, 0.5, 0.3, 0.1]
    """
    if spec in DISTRIBUTIONS:
        return np.array(DISTRIBUTIONS[spec])
    try:
        if spec.startswith("linspace:"):
            high, low, count = spec.split(":")[1:]
            values = np.linspace(float(high), float(low), int(count)).round(12)
        else:
            values = np.array([float(v) for v in spec.split(",")])
    except ValueError as e:
        if any(c.isdigit() for c in spec.replace("dist", "").replace("multi", "")) and ("," in spec or ":" in spec):
            raise InputError(
                f"reliability '{spec}' is not a list of numbers. Write 0.9,0.1,0.1 or linspace:0.9:0.1:5."
            ) from e
        raise unknown_name("reliability distribution", spec, [*DISTRIBUTIONS, "linspace:HIGH:LOW:J"]) from e
    if not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise InputError(f"reliability '{spec}' must be shares from 0 to 1, one for each annotator.")
    return values


def numbers(spec: str, name: str, size: int) -> Floats:
    """(J,) numbers with commas; one number is everybody's.

    Args:
        spec: the text.
        name: of what it says, for errors.
        size: J; 0 for as many as there are.
    """
    try:
        values = np.array([float(v) for v in spec.split(",")])
    except ValueError as e:
        raise InputError(f"{name} '{spec}' is not a list of numbers. Write 0.5,-0.5,0 or one number for all.") from e
    if size and len(values) not in (1, size):
        raise InputError(f"{name} '{spec}' has {len(values)} numbers for {size} annotators. Give one each, or one.")
    return values if not size or len(values) == size else np.repeat(values, size)
