"""A bootstrap over items by weights: how often each item counts in a draw, and what follows without drawing again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crowdtune.annotations import Floats, Ints

CELLS = 4_000_000  # most weights held at once


def drawn(items: int, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Weights of `draws` bootstrap samples in parts, (d, I) each: how often an item was drawn; rows sum to I."""
    part = max(1, CELLS // max(items, 1))
    for first in range(0, draws, part):
        size = min(part, draws - first)
        place = rng.integers(items, size=(size, items)) + items * np.arange(size)[:, None]
        yield np.bincount(place.ravel(), minlength=size * items).reshape(size, items).astype(np.float64)


def ratio(above: Floats, below: Floats) -> Floats:
    """`above` / `below`, NaN where `below` is 0."""
    return np.asarray(np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan))


def pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """(D,) correlation of (I,) or (D, I) `x` and `y` under each row of (D, I) weights; NaN where one does not vary."""
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    below = np.sqrt((weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1))
    return ratio((weights * x * y).sum(axis=1), np.where(below > 1e-12, below, 0.0))


def spearman(x: Ints, y: Ints, weights: Floats) -> Floats:
    """(D,) rank correlation under each row of (D, I) weights: an item drawn twice holds two places.

    Args:
        x: (I,) places of the values among their distinct ones, as `places` gives them.
        y: (I,) likewise.
        weights: (D, I) whole numbers.
    """
    return pearson(_ranks(x, weights), _ranks(y, weights), weights)


def places(values: Floats) -> Ints:
    """(I,) place of each value among the distinct ones; values equal but for rounding share one."""
    return np.asarray(np.unique(np.round(values, 9), return_inverse=True)[1].ravel(), dtype=np.int64)


def _ranks(place: Ints, weights: Floats) -> Floats:
    """(D, I) mean rank of each item in each draw."""
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    count = np.add.reduceat(weights[:, order], starts, axis=1)
    return np.asarray((count.cumsum(axis=1) - count / 2)[:, place])
