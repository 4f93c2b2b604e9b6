"""How a simulated annotator errs: P(wrong label | truth, annotator), for one item's K choices.

Each function returns (N, K) error probabilities whose rows sum to 1 and are 0 at the truth, so that the share of
right labels is exactly the reliability asked for. For K = 2 all three coincide.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crowdtune.annotations import Floats, Ints


def uniform(truth: Ints, annotator: Ints, k: int, weight: float) -> Floats:
    """Every wrong choice alike."""
    errors = np.full((len(truth), k), 1 / (k - 1))
    errors[np.arange(len(truth)), truth] = 0
    return errors


def asymmetric(truth: Ints, annotator: Ints, k: int, weight: float) -> Floats:
    """The next choice in the cycle has `weight` times the chance of each other wrong one.

    REALM's weight is not legible in the paper; 5 is our default: with K = 4 its share is 5/7.
    """
    errors = uniform(truth, annotator, k, weight)
    if k == 2:
        return errors
    errors[np.arange(len(truth)), (truth + 1) % k] *= weight
    return np.asarray(errors / errors.sum(axis=1, keepdims=True))


def systematic(truth: Ints, annotator: Ints, k: int, weight: float) -> Floats:
    """Always the same offset for an annotator: (truth + 1 + (a mod (K-1))) mod K."""
    errors = np.zeros((len(truth), k))
    errors[np.arange(len(truth)), (truth + 1 + annotator % (k - 1)) % k] = 1
    return errors


NOISES: dict[str, Callable[[Ints, Ints, int, float], Floats]] = {
    f.__name__: f for f in (uniform, asymmetric, systematic)
}
