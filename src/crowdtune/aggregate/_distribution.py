r"""The label distribution of each item: what share of its labels each choice has. Disagreement kept as information.

.. math:: p_i(k) = \frac{v_{ik} + \alpha}{\sum_k v_{ik} + \alpha K_i}, \qquad
          v_{ik} = \sum_{n \in i} w_n 1[l_n = k] + c_{ik}

c counts labels nobody is named for. It is no posterior: no truth is assumed, and everybody may be right.
"""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.errors import InputError


def label_distribution(annotations: Annotations, *, smoothing: float = 0.0, weights: Floats | None = None) -> Floats:
    """(I, K) shares of the labels of each item, rows sum to 1; 0 for choices an item lacks.

    An item without labels has its soft label where the source gives one, else all choices alike.

    Args:
        annotations: N labels, and counts of labels nobody is named for.
        smoothing: labels added to each choice an item has: 0 adds none, 1 one of each (Laplace).
        weights: (N,) what each label of a named annotator counts, >= 0; by default 1. An item whose labels all count 0
            has none.
    """
    mask, counts = annotations.items.choice_mask, annotations.counts
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise InputError(f"smoothing={smoothing} must be a number of labels, 0 or more.")
    votes = (annotations.votes if weights is None else _weighted(annotations, weights)).astype(np.float64)
    votes = votes if counts is None else votes + counts
    shares = np.where(mask, 1.0, 0.0) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    if annotations.soft is not None:
        own = annotations.soft.sum(axis=1) > 0
        shares[own] = annotations.soft[own] / annotations.soft[own].sum(axis=1, keepdims=True)
    met = votes.sum(axis=1) > 0
    smooth = votes[met] + smoothing * mask[met]
    shares[met] = smooth / smooth.sum(axis=1, keepdims=True)
    return np.asarray(shares)


def _weighted(annotations: Annotations, weights: Floats) -> Floats:
    """(I, K) sums of the weights of the labels that name each choice."""
    if len(weights) != len(annotations) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InputError(
            f"weights must be {len(annotations)} finite numbers of 0 or more, one for each label; "
            f"there are {len(weights)}, the least is {np.min(weights, initial=0.0):g}."
        )
    n, k = annotations.items.choice_mask.shape
    cell = annotations.item * k + annotations.label
    counted: Floats = np.bincount(cell, weights=weights, minlength=n * k).astype(np.float64).reshape(n, k)
    return counted
