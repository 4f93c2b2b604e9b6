"""What the nearest labelled items say."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Floats, Ints, Singles
from crowdtune.denoise.nearest import nearest


def votes_around(queries: Floats, features: Floats, votes: Floats, k: int, own: Ints | None = None) -> Floats:
    """(Q, K) share of each label among the k nearest items; alike for all choices where there is none.

    Args:
        queries: (Q, D) of any length; cosines count.
        features: (I, D) likewise.
        votes: (I, K) labels of each item; items without any are passed over.
        k: how many items.
        own: (Q,) place of a query itself among the I items, which is left out; None where it is not among them.
    """
    index, _ = nearest(queries, features, k, own=own, allowed=votes.sum(axis=1) > 0)
    found = (np.where(index >= 0, 1.0, 0.0)[..., None] * votes[index]).sum(axis=1)
    total = found.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, found / np.maximum(total, 1e-12), 1 / votes.shape[1]))


def unit(features: Floats | Singles) -> Floats:
    """(I, D) rows less their mean, of length 1: nearest by direction from the middle."""
    centred = np.asarray(features, dtype=np.float64) - np.mean(features, axis=0, dtype=np.float64)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))
