"""Centring of a model's prior: what it says on average, whatever the item, is taken off.

A small model leans to one answer token. Subtracting the log of the mean probability over the items at hand
(SmolLM2 on words, K = 2: zero-shot 65.5 -> 82.8 %) removes the lean where answers are about balanced.
Items with the same answer tokens are centred together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax

from crowdtune.annotations import Floats
from crowdtune.lm.encode import Encoded


@dataclass(frozen=True)
class Centre:
    """Mean log-probability of each set of answer tokens: {tokens: (K,) nats}."""

    offsets: dict[tuple[int, ...], tuple[float, ...]]

    def apply(self, encoded: Encoded) -> Encoded:
        """`encoded` with its offsets; answer tokens that were never centred keep 0."""
        offset = np.zeros(encoded.answers.shape)
        for i, tokens in enumerate(encoded.answers):
            key = tuple(int(t) for t in tokens if t >= 0)
            offset[i, : len(key)] = self.offsets.get(key, (0.0,) * len(key))
        return replace(encoded, offset=offset)

    def shift(self, encoded: Encoded, log_p: Floats) -> Floats:
        """(I, K) log-probabilities as they would be with these offsets, from those scored without."""
        return np.asarray(log_softmax(log_p - self.apply(encoded).offset, axis=1))


def fit_centre(encoded: Encoded, log_p: Floats) -> Centre:
    """Centre on the items at hand.

    Args:
        encoded: I items.
        log_p: (I, K) their log-probabilities as scored without offset.
    """
    keys = [tuple(int(t) for t in tokens if t >= 0) for tokens in encoded.answers]
    offsets = {}
    for key in dict.fromkeys(keys):
        rows = [i for i, other in enumerate(keys) if other == key]
        mean = np.exp(log_p[rows][:, : len(key)]).mean(axis=0)
        offsets[key] = tuple(float(v) for v in np.log(mean))
    return Centre(offsets)
