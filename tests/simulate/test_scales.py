"""Oracle: scipy's normal distribution and the planted leans. Bars are 5 s.d. of the binomial share they bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from crowdtune import InputError
from crowdtune.simulate import numbers
from crowdtune.simulate.scales import comparers, graders
from tests.crowds import make_items

N = 6000


def test_grades_fall_as_a_normal_variable_does() -> None:
    items = replace(make_items([2] * N, "12345"), kinds=("grade",))
    made = graders(items, np.array([0.5, -1.0]), np.array([0.6, 1.2]), rng=np.random.default_rng(0))
    for j, (bias, spread) in enumerate([(0.5, 0.6), (-1.0, 1.2)]):
        expected = np.diff(norm(2 + bias, spread).cdf([-np.inf, 0.5, 1.5, 2.5, 3.5, np.inf]))
        share = np.bincount(made.label[made.annotator == j], minlength=5) / N
        assert (np.abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / N) + 1e-3).all()


@pytest.mark.parametrize("k", [2, 3])
def test_the_first_is_said_more_often_by_the_lean(k: int) -> None:
    """The first and the second are right as often; of K = 2 the first is then said in 1/2 + lean of all cases."""
    items = replace(make_items([0, 1] * (N // 2), ["a", "b", "tie"][:k]), kinds=("pair",))
    lean = np.array([0.2, 0.0, -0.1])
    made = comparers(items, np.array([0.8, 0.9, 0.7]), lean, rng=np.random.default_rng(1))
    for j in range(3):
        share = np.bincount(made.label[made.annotator == j], minlength=k) / N
        assert (share[0] - share[1]) / 2 == pytest.approx(lean[j], abs=5 * 0.5 / N**0.5)


def test_reliability_is_exact_without_a_lean() -> None:
    items = replace(make_items([0, 1, 2] * (N // 3), ["a", "b", "tie"]), kinds=("pair",))
    made = comparers(items, np.array([0.7]), np.zeros(1), rng=np.random.default_rng(2))
    assert (made.label == items.gold[made.item]).mean() == pytest.approx(0.7, abs=5 * 0.46 / N**0.5)


def test_what_makes_no_sense_is_refused() -> None:
    items, rng = make_items([0, 1]), np.random.default_rng(0)
    with pytest.raises(InputError, match="a bias needs answers of kind 'grade'"):
        graders(items, np.zeros(1), np.ones(1), rng=rng)
    with pytest.raises(InputError, match="a lean needs answers of kind 'pair'"):
        comparers(items, np.full(1, 0.8), np.zeros(1), rng=rng)
    with pytest.raises(InputError, match=r"leans between -0\.5 and 0\.5"):
        comparers(items, np.full(1, 0.8), np.ones(1), rng=rng)
    with pytest.raises(InputError, match="spread 0 must be above 0 grades"):
        graders(items, np.zeros(1), np.zeros(1), rng=rng)


def test_numbers_with_commas() -> None:
    assert numbers("0.5,-0.5", "--bias", 0).tolist() == [0.5, -0.5]
    assert numbers("0.6", "--spread", 3).tolist() == [0.6] * 3
    with pytest.raises(InputError, match="--lean '1,2' has 2 numbers for 3 annotators"):
        numbers("1,2", "--lean", 3)
    with pytest.raises(InputError, match="--bias 'x' is not a list of numbers"):
        numbers("x", "--bias", 0)
