"""KNN-Shapley: what labels are worth to a nearest-neighbour vote on embeddings, without a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from crowdtune.annotations import Floats, Ints
from crowdtune.credit.game import Credit
from crowdtune.errors import InputError

CELLS = 2_000_000  # labels x test points held at once


def knn_shapley(
    embeddings: Floats,
    labels: npt.NDArray[Any],
    annotator: Ints,
    test_embeddings: Floats,
    test_labels: npt.NDArray[Any],
    *,
    neighbours: int = 5,
    players: Sequence[str] | None = None,
) -> Credit:
    r"""Shapley values of labels in the game of a vote of K nearest neighbours, summed per annotator.

    A coalition of labels is worth the share of its K nearest labels to a test point that say what the point's label is,
    over all test points. With the labels sorted by distance, and :math:`w_i = \min(K, i) / (i K)`,

    .. math:: s_i = s_{i+1} + w_i (1[y_i = y] - 1[y_{i+1} = y]), \qquad s_N = w_N 1[y_N = y]

    Labels of one embedding are equally near: they get the mean over all orders of them, in closed form. What is summed
    are values of single labels; as a game of annotators, in which all labels of one join at once, it is not the same.

    Args:
        embeddings: (N, D) of the item of each label.
        labels: (N,) codes or texts.
        annotator: (N,) code in 0..J-1 of who gave it.
        test_embeddings: (T, D).
        test_labels: (T,) right ones.
        neighbours: K.
        players: J names; codes as texts without them.

    Returns:
        Values in shares of right neighbours, that sum to the worth of all labels; errors over test points.

    References:
        Jia et al., Efficient task-specific data valuation for nearest neighbor algorithms, 2019,
        https://arxiv.org/abs/1908.08619
    """
    names = tuple(players) if players is not None else tuple(str(j) for j in range(int(annotator.max(initial=-1)) + 1))
    if neighbours < 1 or not len(labels) or not len(test_labels):
        raise InputError(
            f"{len(labels)} labels, {len(test_labels)} test labels, neighbours={neighbours}: each must be 1 or more."
        )
    from scipy.sparse import csr_array

    whose = csr_array((np.ones(len(labels)), (np.arange(len(labels)), annotator)), shape=(len(labels), len(names)))
    total, squares = np.zeros(len(names)), np.zeros(len(names))
    for values in _parts(embeddings, labels, test_embeddings, test_labels, neighbours):
        own = np.asarray(values @ whose)
        total, squares = total + own.sum(axis=0), squares + (own**2).sum(axis=0)
    count = len(test_labels)
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0.0)
    error = np.sqrt(variance / (count - 1)) if count > 1 else np.full(len(names), np.nan)
    return Credit("knn-shapley", names, mean, error, 0)


def _parts(
    embeddings: Floats,
    labels: npt.NDArray[Any],
    test_embeddings: Floats,
    test_labels: npt.NDArray[Any],
    neighbours: int,
) -> Iterator[Floats]:
    """Values (B, N) of all labels for a part of the test points at a time."""
    points, block = np.unique(embeddings, axis=0, return_inverse=True)
    order = np.argsort(block.ravel(), kind="stable")
    back, block, labels = np.argsort(order), block.ravel()[order], labels[order]
    count, part = np.bincount(block), max(1, CELLS // len(labels))
    for first in range(0, len(test_labels), part):
        at = slice(first, first + part)
        right = (labels[None, :] == test_labels[at, None]).astype(np.float64)
        near = np.argsort(_distance(test_embeddings[at], points), axis=1, kind="stable")
        yield _values(right, block, count, near, neighbours)[:, back]


def _distance(one: Floats, other: Floats) -> Floats:
    """(B, U) squared distances, less what is the same for all U."""
    return np.asarray((other**2).sum(axis=1) - 2 * one @ other.T)


def _values(right: Floats, block: Ints, count: Ints, near: Ints, neighbours: int) -> Floats:
    """(B, N) values of labels for B test points.

    Args:
        right: (B, N) 1 where the label is the test point's.
        block: (N,) code of its embedding, rising.
        count: (U,) labels of each embedding.
        near: (B, U) embeddings from the nearest on.
        neighbours: K.
    """
    place = np.arange(1, len(block) + 1)
    weight = np.minimum(neighbours, place) / (place * neighbours)
    fall = np.append(0.0, weight[:-1] - weight[1:])  # by which the weight falls from the place before
    sums = [np.append(0.0, np.cumsum(terms)) for terms in (weight, fall, place * fall)]
    size = count[near]
    end = size.cumsum(axis=1)
    start = end - size
    all_right = np.add.reduceat(right, np.append(0, count.cumsum()[:-1]), axis=1)
    share = np.take_along_axis(all_right, near, axis=1) / size
    weights, falls, _ = (cumulated[end] - cumulated[start] for cumulated in sums)
    farther = share * falls
    farther = farther[:, ::-1].cumsum(axis=1)[:, ::-1] - farther
    within = _between(sums, start, end)
    back = np.argsort(near, axis=1)
    of_block = [np.take_along_axis(table, back, axis=1) for table in (weights / size, within / size, farther)]
    alone, twins, rest = (table[:, block] for table in of_block)
    others = (all_right[:, block] - right) / np.maximum(count[block] - 1, 1)
    return np.asarray(right * alone - others * twins - rest)


def _between(sums: list[Floats], start: Ints, end: Ints) -> Floats:
    """Sum over places l = a + 1..b of (l - a) fall_l, for a block at places a = start + 1 to b = end."""
    first = start + 1
    by_place, falls = sums[2][end] - sums[2][first], sums[1][end] - sums[1][first]
    return np.asarray(by_place - first * falls)
