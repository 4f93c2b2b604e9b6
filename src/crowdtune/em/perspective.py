r"""How each annotator answers where a model says how everybody does: confusion relative to predicted distributions.

.. math:: P(l_n | x, a) = \sum_k p(k | x_{i_n})^\gamma \, C_{a_n}[k, l_n]

Each label is a draw of its own: no truth is shared between the labels of an item, so that p may be a label distribution
as well as an opinion on one truth. C is the kernel of `em.kernel` around the crowd's errors, or, where choices differ
between items, the one coin.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import softmax

from crowdtune.annotations import Floats
from crowdtune.em.given import Given
from crowdtune.em.kernel import TINY, kernel
from crowdtune.em.prior import solve_coin
from crowdtune.em.solve import Solution, solve

STRENGTH = 4.0  # pseudo-labels of each row, in a newcomer's prior
STEPS = 50  # of fitting newcomers


def answering(log_p: Floats, given: Given, *, matrices: bool) -> Solution[Any]:
    """Fit annotators who each turn a predicted distribution into their own.

    Args:
        log_p: (N, K) what is predicted for each label, nats, finite; without a model it must not hold that very label.
        given: N labels.
        matrices: fit kernels, not coins alone; for items that share their choices.

    Returns:
        Coins or kernels, and the sharpness of the prediction; posterior and evidence are of labels, not of items.
    """
    own = apart(given)
    coins = solve_coin(log_p, own)
    if not matrices or not len(own):
        return coins
    return solve(log_p, own, kernel(own, coins.annotators), start=coins.posterior)


def apart(given: Given) -> Given:
    """The same labels, each of an item of its own."""
    return replace(given, item=np.arange(len(given)), n_items=len(given), known=None)


def acquainted(p: Floats, given: Given, crowd: Floats, strength: float = STRENGTH) -> Floats:
    """(J, K, K) confusion of annotators of whom a few labels are known, and the crowd as prior.

    Args:
        p: (N, K) what is predicted for each label, rows sum to 1.
        given: N labels; an annotator without any errs as the crowd does.
        crowd: (K, K) how the crowd answers, rows sum to 1.
        strength: pseudo-labels of each row.
    """
    own = apart(given)
    found = np.tile(crowd, (own.n_annotators, 1, 1))
    for _ in range(STEPS):
        nats = np.log(p + TINY) + np.log(found[own.annotator, :, own.label] + TINY)
        total = own.met(softmax(nats, axis=1)) + strength * crowd
        found = total / total.sum(axis=2, keepdims=True)
    return found
