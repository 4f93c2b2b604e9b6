"""Planted models: log-probabilities that are right as often as wanted."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from crowdtune.annotations import Floats, Ints


def informed(gold: Ints, k: int, right: float, rng: np.random.Generator) -> Floats:
    """(I, K) log-probabilities of a model whose answers are right on about a share `right` of the items."""
    noise = rng.normal(size=(len(gold), k))
    at_gold = np.eye(k)[gold]
    low, high = 0.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        hit = ((noise + middle * at_gold).argmax(axis=1) == gold).mean()
        low, high = (middle, high) if hit < right else (low, middle)
    return np.asarray(log_softmax(noise + high * at_gold, axis=1))
