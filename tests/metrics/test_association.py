"""Oracle: every permutation, one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from crowdtune.annotations import Floats
from crowdtune.metrics.association import association, standard


def by_hand(one: Floats, other: Floats) -> tuple[float, float]:
    """Excess and variance of sum <a, b> over all orders of `other`."""
    sums = [float((one * other[list(order)]).sum()) for order in permutations(range(len(one)))]
    return float((one * other).sum() - np.mean(sums)), float(np.var(sums))


@pytest.mark.parametrize("seed", range(5))
def test_every_permutation_within_groups(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other, group = rng.normal(size=(11, 3)), rng.exponential(size=(11, 3)), np.array([0] * 6 + [2] * 4 + [3])
    order = rng.permutation(11)
    excess, variance = association(one[order], other[order], group[order], 4)
    for g in (0, 2, 3):
        expected = by_hand(one[group == g], other[group == g])
        assert (excess[g], variance[g]) == pytest.approx(expected, abs=1e-12)
    assert (excess[1], variance[1]) == (0, 0)


def test_nothing_varies() -> None:
    """A table that says the same of every row, or a single row, is no evidence."""
    same = np.ones((4, 2))
    assert standard(*association(same, np.random.default_rng(0).random((4, 2)), np.zeros(4, dtype=int), 1)) == 0


def test_a_twin_of_random_rows_stands_out() -> None:
    """n rows of one-hot codes with K = 2 against themselves: z = sqrt(n - 1), the most there can be."""
    rows = np.eye(2)[[0, 1] * 8]
    assert standard(*association(rows, rows, np.zeros(16, dtype=int), 1)) == pytest.approx([15**0.5])
    assert standard(*association(rows, rows[:, ::-1], np.zeros(16, dtype=int), 1)) == pytest.approx([-(15**0.5)])
