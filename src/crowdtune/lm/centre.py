"""Centring of a model's prior: what it says on average, whatever the item, is taken off.

A small model leans to one answer token. Subtracting the log of the mean probability over the items at hand
(SmolLM2 on words, K = 2: zero-shot 65.5 -> 82.8 %) removes the lean where answers are about balanced.
Items with the same answer tokens, or the same texts as choices, are centred together; an item that shares them with no
other is left as it is, or everything the model knows of it would be taken off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from scipy.special import log_softmax, logsumexp

from crowdtune.annotations import Floats
from crowdtune.lm.encode import Encoded


@dataclass(frozen=True)
class Centre:
    """Logarithm of the mean probability of each set of answer tokens, or of texts: {tokens: (K,) nats}."""

    offsets: dict[tuple[int, ...], tuple[float, ...]]

    def apply(self, encoded: Encoded) -> Encoded:
        """`encoded` with these offsets as well; answer tokens that were never centred keep theirs."""
        return replace(encoded, offset=encoded.offset + self._of(encoded))

    def shift(self, encoded: Encoded, log_p: Floats) -> Floats:
        """(I, K) log-probabilities as they would be with these offsets, from those scored without."""
        return np.asarray(log_softmax(log_p - self._of(encoded), axis=1))

    def _of(self, encoded: Encoded) -> Floats:
        offset = np.zeros(encoded.answers.shape)
        for i, key in enumerate(_keys(encoded)):
            offset[i, : len(key)] = self.offsets.get(key, (0.0,) * len(key))
        return encoded.with_ties(offset)


def fit_centre(encoded: Encoded, log_p: Floats) -> Centre:
    """Centre on the items at hand.

    Args:
        encoded: I items.
        log_p: (I, K) their log-probabilities as scored without offset.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, key in enumerate(_keys(encoded)):
        groups.setdefault(key, []).append(i)
    offsets = {}
    for key, rows in groups.items():
        if len(rows) > 1:
            mean = logsumexp(log_p[rows][:, : len(key)], axis=0) - np.log(len(rows))
            offsets[key] = tuple(mean.tolist())
    return Centre(offsets)


def _keys(encoded: Encoded) -> list[tuple[int, ...]]:
    """Answer tokens of each item; where choices are texts, a checksum of each."""
    if encoded.texts:
        return [tuple(crc32(np.array(ids, dtype=np.int64).tobytes()) for ids in own) for own in encoded.texts]
    return [tuple(int(t) for t in tokens if t >= 0) for tokens in encoded.answers]
