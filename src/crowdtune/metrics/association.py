"""Whether two tables say the same of the same rows: a permutation test in closed form."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Floats, Ints

TINY = 1e-12  # a variance below it is none


def association(one: Floats, other: Floats, group: Ints, size: int) -> tuple[Floats, Floats]:
    r"""How much two tables agree beyond what pairing their rows at random within groups gives.

    .. math:: S = \sum_i \langle a_i, b_i \rangle, \qquad
              Var S = \frac{1}{n - 1} \sum_{kl} (A^T A)_{kl} (B^T B)_{kl}

    with A and B the tables less their means in the group: exact for permutations, whatever the tables hold.

    Args:
        one: (N, K) rows.
        other: (N, K) rows.
        group: (N,) code of the group within which rows are exchangeable.
        size: G, how many groups there are.

    Returns:
        (G,) S less its mean under permutations, and (G,) its variance.
    """
    count = np.bincount(group, minlength=size)
    a, b = (_centred(table, group, count) for table in (one, other))
    excess, variance = _sums((a * b).sum(axis=1), group, size), np.zeros(size)
    for k in range(a.shape[1]):
        for m in range(k + 1):
            product = _sums(a[:, k] * a[:, m], group, size) * _sums(b[:, k] * b[:, m], group, size)
            variance += product if k == m else 2 * product
    return excess, variance / np.maximum(count - 1, 1)


def standard(excess: Floats, variance: Floats) -> Floats:
    """Standard deviations from what chance gives; 0 where nothing varies."""
    return np.asarray(np.where(variance > TINY, excess / np.sqrt(np.maximum(variance, TINY)), 0.0))


def _centred(table: Floats, group: Ints, count: Ints) -> Floats:
    means = [_sums(column, group, len(count)) / np.maximum(count, 1) for column in table.T]
    return np.stack([column - mean[group] for column, mean in zip(table.T, means, strict=True)], axis=1)


def _sums(values: Floats, group: Ints, size: int) -> Floats:
    return np.asarray(np.bincount(group, weights=values, minlength=size), dtype=np.float64)
