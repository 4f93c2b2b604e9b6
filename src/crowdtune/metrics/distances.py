"""How far a predicted distribution over choices is from the one people gave, item by item.

p is what people said, q what is predicted: (I, K) each, rows sum to 1, 0 for choices an item lacks. Logarithms are of
the base said: 2 for the Jensen-Shannon distance and divergence, so that both lie in [0, 1]; e (nats) for the others.
"""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr, xlogy

from crowdtune.annotations import Bools, Floats
from crowdtune.metrics.accuracy import entropy

TINY = 1e-12  # a predicted probability below it counts as this much in a logarithm


def js_divergence(p: Floats, q: Floats, base: float = 2.0) -> Floats:
    """(I,) Jensen-Shannon divergence, in logarithms of `base`; from 0 to log 2.

    Example:
        >>> js_divergence(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).tolist()
        [1.0]
    """
    mean = (p + q) / 2
    nats = (rel_entr(p, mean) + rel_entr(q, mean)).sum(axis=1) / 2
    return np.asarray(np.maximum(nats, 0.0) / np.log(base))


def js_distance(p: Floats, q: Floats, base: float = 2.0) -> Floats:
    """(I,) square root of the Jensen-Shannon divergence, a metric.

    ChaosNLI calls this, with base e, JSD.
    """
    return np.sqrt(js_divergence(p, q, base))


def kl_divergence(p: Floats, q: Floats) -> Floats:
    """(I,) Kullback-Leibler divergence of q from p, in nats."""
    return np.asarray(np.maximum(rel_entr(p, np.maximum(q, TINY)).sum(axis=1), 0.0))


def cross_entropy(p: Floats, q: Floats) -> Floats:
    """(I,) what a label drawn from p costs under q, in nats: entropy of p plus the divergence."""
    return np.asarray(-xlogy(p, np.maximum(q, TINY)).sum(axis=1))


def total_variation(p: Floats, q: Floats) -> Floats:
    """(I,) total variation distance: half the sum of absolute differences, in [0, 1]."""
    return np.asarray(np.abs(p - q).sum(axis=1) / 2)


def bhattacharyya(p: Floats, q: Floats) -> Floats:
    """(I,) Bhattacharyya coefficient, in [0, 1]: 1 where both are the same."""
    return np.asarray(np.sqrt(p * q).sum(axis=1))


def brier(p: Floats, q: Floats) -> Floats:
    """(I,) squared distance, in [0, 2]; 0 where both are the same."""
    return np.asarray(((p - q) ** 2).sum(axis=1))


def ambiguity(p: Floats, mask: Bools | None = None) -> Floats:
    """(I,) entropy of label distributions in nats; with a mask normalised, divided by the log of an item's K.

    Args:
        p: (I, K) distributions.
        mask: (I, K) True where the item has that choice; an item with one choice has ambiguity 0.
    """
    nats = entropy(p)
    return nats if mask is None else np.asarray(nats / np.log(np.maximum(mask.sum(axis=1), 2)))
