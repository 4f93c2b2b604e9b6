r"""Temperature: one number that makes predicted distributions as sure as they should be, fitted on held-out items.

.. math:: q_T(k) = q(k)^{1/T} / \sum_c q(c)^{1/T}, \qquad
          T = \arg\min - \sum_{ik} n_{ik} \log q_T(k | x_i)

In 1 / T the loss is convex, so its slope has one zero. A label distribution is fitted to by its counts: an item with a
hundred labels weighs as much as a hundred items with one.

References:
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, 2017.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax

from crowdtune.annotations import Bools, Floats
from crowdtune.metrics.distances import js_distance

FLOOR = 1e-4  # a share below it counts as this much, or no temperature could raise a share written as 0
COLDEST, HOTTEST = 0.05, 20.0  # bounds of T
FOLDS = 5
RESAMPLED = 1000


def tempered(q: Floats, temperature: float, mask: Bools) -> Floats:
    """(I, K) distributions at a temperature: above 1 flatter, below 1 sharper; at 1 as they are, to the last bit.

    Args:
        q: (I, K) rows sum to 1.
        temperature: above 0.
        mask: (I, K) True where an item has the choice.

    Example:
        >>> tempered(np.array([[0.8, 0.2]]), 0.5, np.array([[True, True]])).round(3).tolist()
        [[0.941, 0.059]]
    """
    if temperature == 1 or not q.size:
        return q
    return np.asarray(softmax(_logs(q, mask) / temperature, axis=1))


def best_temperature(q: Floats, counts: Floats, mask: Bools) -> float:
    """The T under which labels are likeliest, between `COLDEST` and `HOTTEST`; 1 where there are none.

    Args:
        q: (I, K) predicted, rows sum to 1.
        counts: (I, K) how often each choice was given; or shares, where an item is to count once.
        mask: (I, K) True where an item has the choice.
    """
    logs = _logs(q, mask)
    given, size = np.where(mask, counts, 0.0), np.where(mask, counts, 0.0).sum(axis=1)
    safe = np.where(mask, logs, 0.0)
    wanted = float((given * safe).sum())

    def slope(sharpness: float) -> float:
        return wanted - float(size @ (softmax(sharpness * logs, axis=1) * safe).sum(axis=1))

    lowest, highest = 1 / HOTTEST, 1 / COLDEST
    if not size.any() or not np.ptp(np.where(mask, logs, logs.max(axis=1, keepdims=True)), axis=1).any():
        return 1.0
    if slope(lowest) <= 0:
        return HOTTEST
    return COLDEST if slope(highest) >= 0 else float(1 / brentq(slope, lowest, highest))


def calibration(q: Floats, counts: Floats, mask: Bools, rng: np.random.Generator) -> dict[str, Any]:
    """A temperature fitted on all items, and what one does to items it was not fitted on, by cross-validation.

    Args:
        q: (I, K) predicted, rows sum to 1.
        counts: (I, K) how often each choice was given; items without labels are left out.
        mask: (I, K) True where an item has the choice.
        rng: of the folds, and of resampling items.

    Returns:
        temperature; items and labels it was fitted on; cross_entropy (nats per label) and js_distance (base 2, mean of
        items) as `before` and `after`; gain, nats per label saved, with its 95 % interval (low, high).
    """
    rows = np.flatnonzero(counts.sum(axis=1) > 0)
    q, counts, mask = q[rows], counts[rows], mask[rows]
    fold, after = rng.permutation(len(q)) % FOLDS, q.copy()
    for f in range(min(FOLDS, len(q)) if len(q) > 1 else 0):
        seen, unseen = fold != f, fold == f
        after[unseen] = tempered(q[unseen], best_temperature(q[seen], counts[seen], mask[seen]), mask[unseen])
    size = counts.sum(axis=1)
    losses = [(-counts * np.where(mask, _logs(one, mask), 0.0)).sum(axis=1) for one in (q, after)]
    weight = rng.multinomial(len(q), np.full(len(q), 1 / max(len(q), 1)), size=RESAMPLED)
    low, high = np.quantile(weight @ (losses[0] - losses[1]) / (weight @ size), [0.025, 0.975])
    told = counts / size[:, None]
    before_after = [
        {"cross_entropy": float(loss.sum() / size.sum()), "js_distance": float(js_distance(told, one).mean())}
        for loss, one in zip(losses, (q, after), strict=True)
    ]
    return {
        "temperature": best_temperature(q, counts, mask),
        "items": len(q),
        "labels": float(size.sum()),
        "before": before_after[0],
        "after": before_after[1],
        "gain": before_after[0]["cross_entropy"] - before_after[1]["cross_entropy"],
        "low": float(low),
        "high": float(high),
    }


def _logs(q: Floats, mask: Bools) -> Floats:
    """(I, K) nats, -inf for choices an item lacks."""
    return np.where(mask, np.log(np.maximum(q, FLOOR)), -np.inf)
