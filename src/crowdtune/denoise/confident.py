r"""Confident learning: which given labels are probably wrong, from out-of-fold probabilities.

.. math:: t_k = \operatorname{mean}_{i: l_i = k} p_{ik}, \qquad
          C_{jk} = \#\{i : l_i = j, \; k = \arg\max_{c: p_{ic} \ge t_c} p_{ic}\}

counts labels j whose truth is confidently k. Rows of C are brought to the number of labels j; then of the labels j the
C_jk with the largest p_ik - p_ij are called noisy, for every other k, unless p finds the label likeliest. Where several
choices reach their thresholds the truth is the likeliest of all, whether it reaches its own or not, as in cleanlab.

References:
    Northcutt, Jiang and Chuang, Confident learning, 2021, https://arxiv.org/abs/1911.00068; rule "prune by noise rate".
"""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints

NEAR = 1e-6  # below a threshold, by which it is still reached


def confident_joint(label: Ints, p: Floats) -> Ints:
    """(K, K) labels [given, truth], whole numbers; a row sums to the number of labels given.

    Args:
        label: (I,) the given labels.
        p: (I, K) probabilities of the truth that the item's own label has not moved.
    """
    k = p.shape[1]
    given: Ints = np.bincount(label, minlength=k)
    own = np.eye(k)[label]
    least = np.where(given > 0, (own * p).sum(axis=0) / np.maximum(given, 1), np.inf)
    reached = p >= np.maximum(least, NEAR) - NEAR
    truth = np.where(reached.sum(axis=1) > 1, p.argmax(axis=1), reached.argmax(axis=1))
    sure = reached.any(axis=1)
    counts = np.zeros((k, k))
    np.add.at(counts, (label[sure], truth[sure]), 1)
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1))
    return np.array([_whole(row, total) for row, total in zip(counts, given.tolist(), strict=True)], dtype=np.int64)


def noisy_labels(label: Ints, p: Floats) -> Bools:
    """(I,) True for a given label that is probably wrong.

    Args:
        label: (I,) the given labels.
        p: (I, K) probabilities of the truth that the item's own label has not moved.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8]])
        >>> noisy_labels(np.array([0, 0, 1, 1, 1]), p).tolist()
        [False, False, True, False, False]
    """
    counts, found = _spared(confident_joint(label, p)), np.zeros(len(label), dtype=np.bool_)
    for j, row in enumerate(counts.tolist()):
        inside = np.flatnonzero(label == j)
        if len(inside) < 2:  # one label of each choice is kept
            continue
        for k in np.flatnonzero(row).tolist():
            if k != j:
                order = np.argsort(p[inside, j] - p[inside, k], kind="stable")
                found[inside[order[: row[k]]]] = True
    return np.asarray(found & (p[np.arange(len(p)), label] + NEAR < p.max(axis=1)))


def _whole(row: Floats, total: int) -> Ints:
    """A row scaled to a total and rounded; where that misses the total, what was rounded furthest is moved by one."""
    exact = row / row.sum() * total
    whole = np.round(exact).astype(np.int64)
    missing = total - int(whole.sum())
    order = np.argsort(exact - whole)
    if missing > 0:
        whole[order[::-1][:missing]] += 1
    else:
        whole[order[:-missing]] -= 1
    return np.asarray(whole)


def _spared(counts: Ints) -> Ints:
    """Counts of which every row leaves one label right; what that takes is shared by the row's other counts."""
    right = np.maximum(counts.diagonal(), 1)
    missing = right - counts.diagonal()
    others = np.maximum((counts != 0).sum(axis=1) - 1, 1)
    left = np.maximum(np.floor(counts - (missing / others)[:, None]), 0).astype(np.int64)
    np.fill_diagonal(left, right)
    return np.asarray(left)
