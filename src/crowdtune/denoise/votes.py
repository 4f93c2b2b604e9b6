"""What the nearest labelled items say."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Floats, Ints, Singles

ROWS = 1024  # items compared with all others at a time


def nearest(queries: Floats, features: Floats, k: int, own: Ints | None = None) -> Ints:
    """(Q, k) places of the k rows of `features` most alike, the most alike first.

    Args:
        queries: (Q, D) of length 1.
        features: (I, D) of length 1.
        k: how many, fewer where there are no more.
        own: (Q,) place of a query itself among them, which is left out; None where it is not among them.
    """
    most = min(k, len(features) - (own is not None))
    found = np.zeros((len(queries), max(most, 0)), dtype=np.int64)
    for begin in range(0, len(queries), ROWS):
        alike = queries[begin : begin + ROWS] @ features.T
        if own is not None:
            alike[np.arange(len(alike)), own[begin : begin + ROWS]] = -np.inf
        found[begin : begin + ROWS] = np.argsort(-alike, axis=1, kind="stable")[:, :most]
    return found


def votes_around(queries: Floats, features: Floats, votes: Floats, k: int, own: Ints | None = None) -> Floats:
    """(Q, K) share of each label among the k nearest items; alike for all choices where there is none.

    Args:
        queries: (Q, D) of length 1.
        features: (I, D) of length 1.
        votes: (I, K) labels of each item; items without any are passed over.
        k: how many items.
        own: (Q,) place of a query itself among the I items, which is left out; None where it is not among them.
    """
    index = np.flatnonzero(votes.sum(axis=1) > 0)
    if own is not None:
        place = np.full(len(features), -1, dtype=np.int64)
        place[index] = np.arange(len(index))
        own = place[own]
    found = np.zeros((len(queries), votes.shape[1]))
    known, asked = features[index], np.arange(len(queries))
    inside = asked[own >= 0] if own is not None else asked[:0]
    outside = np.setdiff1d(asked, inside)
    for rows, places in ((inside, None if own is None else own[inside]), (outside, None)):
        if len(rows):
            found[rows] = votes[index[nearest(queries[rows], known, k, places)]].sum(axis=1)
    total = found.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, found / np.maximum(total, 1e-12), 1 / votes.shape[1]))


def unit(features: Floats | Singles) -> Floats:
    """(I, D) rows less their mean, of length 1: nearest by direction from the middle."""
    centred = np.asarray(features, dtype=np.float64) - np.mean(features, axis=0, dtype=np.float64)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))
