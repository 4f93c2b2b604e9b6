"""Oracle: tables worked out by hand, and the exact law of a sum of coins by enumeration."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from crowdtune.metrics.habits import (
    agreement_with_others,
    constant,
    discoveries,
    fast_limit,
    lean,
    leaning,
    median_seconds,
    shift,
    shifted,
    too_fast,
)
from tests.crowds import from_table


def test_agreement_with_others_by_hand() -> None:
    """a0 meets three others' labels and agrees with one of two on the first item; a3 meets nobody."""
    made = from_table([[0, 0, 1, -1], [1, 0, -1, -1], [-1, -1, -1, 0]])
    np.testing.assert_allclose(agreement_with_others(made), [1 / 3, 1 / 3, 0, np.nan])


def test_discoveries_are_benjamini_and_hochbergs() -> None:
    """Ten p-values: the limits are 0.005, 0.01, 0.015, ...; 0.012 passes as third although 0.011 fails as second."""
    p = np.array([0.004, 0.011, 0.012] + [0.5] * 7)
    assert np.flatnonzero(discoveries(p)).tolist() == [0, 1, 2]
    assert not discoveries(np.ones(3)).any()
    assert len(discoveries(np.zeros(0))) == 0


def test_a_lean_by_hand() -> None:
    """a0 says 1 on all of four items, of others two in eight labels do: excess 0.75."""
    found = lean(from_table([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0]]))
    assert (found.choice[0], found.own[0], found.others[0]) == (1, 1.0, 0.25)
    assert (found.choice[1], found.own[1], found.others[1]) == (0, 0.75, pytest.approx(3 / 8))


def test_the_probability_of_a_lean_is_never_too_small() -> None:
    """Against all outcomes of the coins of eight items, of which 1/3, 2/3 and 1/5 fall; doubled for two choices."""
    table = [[1, 0, 0, -1, -1]] * 4 + [[1, 1, 0, -1, -1]] * 2 + [[1, 0, 0, 0, 0]] * 2
    shares = np.array([1 / 3] * 4 + [2 / 3] * 2 + [1 / 5] * 2)
    exact = sum(
        np.prod(np.where(coins, shares, 1 - shares)) for coins in itertools.product([0, 1], repeat=8) if sum(coins) == 8
    )
    said = lean(from_table(table)).p[0]
    assert 2 * exact <= said < 20 * exact


def test_three_labels_are_no_habit() -> None:
    """Three times 1 where four others say 0: 0.2 ** 3 among one, not among a hundred annotators."""
    table = [[1 if i < 3 else -1, *[0] * 4, *[-1] * 95] for i in range(3)]
    rest = [[-1] * 5 + [0] * 95 for _ in range(2)]
    found = lean(from_table(table + rest))
    assert not constant(found).any()
    assert not leaning(found).any()


def test_one_answer_is_constant_only_where_others_vary() -> None:
    table = [[0, 0, *(c % 2 for c in range(i, i + 4))] if i < 60 else [0, -1, 0, 0, 0, 0] for i in range(120)]
    varied = lean(from_table([row for row in table if row[1] >= 0]))
    assert constant(varied)[:2].all()
    agreed = lean(from_table([[0] * 5 for _ in range(60)]))
    assert not constant(agreed).any()


def test_a_tenth_is_a_lean_and_not_constant() -> None:
    """Of 400 items a0 calls all 0, others nine in ten: no accident, too little to be called constant."""
    table = np.random.default_rng(0).random((400, 6)) < 0.1
    table[:, 0] = False
    found = lean(from_table(table.astype(int).tolist()))
    assert found.p[0] < 1e-6
    assert leaning(found).tolist() == [True] + [False] * 5
    assert not constant(found).any()


def test_a_shift_by_hand() -> None:
    """a0 grades 2 where the others' means are 1 and 1.5; twenty items give it weight."""
    found = shift(from_table([[2, 1, 1], [2, 1, 2]] * 10, k=3))
    assert found.grades[0] == pytest.approx(0.75)
    assert shifted(found).tolist() == [True, True, False]


def test_the_spread_of_a_shift_is_exact() -> None:
    """Over all orders of the grades 0, 0, 1, 3 of an item the squared difference is what the variance says."""
    grades = np.array([0, 0, 1, 3])
    squares = [(g - (grades.sum() - g) / 3) ** 2 for g in grades]
    assert np.mean(squares) == pytest.approx(grades.var() * (4 / 3) ** 2)
    found = shift(from_table([grades.tolist()] * 10, k=4))
    z = found.grades[3] * 10 / np.sqrt(10 * np.mean(squares))
    from scipy.stats import norm

    assert found.p[3] == pytest.approx(2 * norm.sf(z))


def test_medians_by_hand() -> None:
    made = replace(from_table([[0, 0, 0], [0, 0, -1], [0, -1, -1]]), seconds=np.array([3, 8, np.nan, 1, 4, 9.0]))
    np.testing.assert_array_equal(median_seconds(made), [3, 6, np.nan])


def test_no_times_no_medians() -> None:
    made = from_table([[0, 0]])
    assert np.isnan(median_seconds(made)).all()
    assert not too_fast(made).any()


def test_the_limit_is_a_third_of_the_typical_time() -> None:
    """Or lower, where annotators' medians spread more: three robust standard deviations below in logarithms."""
    assert fast_limit(np.array([10.0, 10, 10, 10, 1])) == pytest.approx(10 / 3)
    spread = np.exp(np.array([0.0, 1, 2, 3, 4]))
    assert fast_limit(spread) == pytest.approx(np.exp(2 - 3 * 1.4826))
    assert fast_limit(np.array([1.0, 9])) == 0


def test_hasty_is_who_is_hasty_most_of_the_time() -> None:
    """Of 30 labels a0 gives all in a second, a1 16: a sign test lets the second pass."""
    seconds = np.full((30, 6), 10.0)
    seconds[:, 0], seconds[:16, 1] = 1, 1
    made = replace(from_table(np.zeros((30, 6), int).tolist()), seconds=seconds.ravel())
    assert too_fast(made).tolist() == [True, False, False, False, False, False]
