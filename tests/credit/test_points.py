"""Oracles: points by hand, scipy's Spearman, coverage of a bivariate normal's rank correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from crowdtune.credit import Credit, agreement, points_error, shared_points
from crowdtune.errors import InputError

GROUPS = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]], dtype=bool)


def test_points_by_hand() -> None:
    """A gain of 0.4 is shared by two, a loss gives nothing, and who is in no group gets nothing."""
    gains = np.array([0.4, -0.1, 0.6])
    assert shared_points(gains, GROUPS).tolist() == pytest.approx([0.2, 0.2, 0, 0, 0])
    assert shared_points(gains[:2], GROUPS[:2], normalised=True).tolist() == pytest.approx([0.5, 0.5, 0, 0, 0])
    assert shared_points(-gains[[0, 2]], GROUPS[:2], normalised=True).tolist() == [0] * 5


def test_errors_of_points_are_the_spread_of_points_that_are_measured_anew() -> None:
    """Gains far above 0 of known noise: 4,000 draws, of which 5 s.d. of a standard deviation is 6 %."""
    gains, errors = np.array([4.0, -9.0, 6.0]), np.array([0.3, 0.2, 0.1])
    draws = gains + errors * np.random.default_rng(0).normal(size=(4000, 3))
    found = np.std([shared_points(one, GROUPS) for one in draws], axis=0)
    np.testing.assert_allclose(points_error(gains, errors, GROUPS), found, rtol=0.06)


def test_agreement_is_scipys() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.integers(5, size=20).astype(float), draw.normal(size=20)
    found = agreement(Credit("x", tuple("abcdefghijklmnopqrst"), one, one * np.nan, 0), other, draw)
    assert found.value == pytest.approx(spearmanr(one, other).statistic)
    assert found.low < found.value < found.high


def test_intervals_cover() -> None:
    """Normal pairs with r = 0.8, rank correlation 6/pi asin(r/2): 100 draws of 15, of which 5 s.d. is 11 %."""
    draw = np.random.default_rng(0)
    mix = np.linalg.cholesky(np.array([[1, 0.8], [0.8, 1]]))
    found = [agreement(*(mix @ draw.normal(size=(2, 15))), draw, draws=300) for _ in range(100)]
    truth = 6 / np.pi * np.arcsin(0.4)
    assert 0.84 < np.mean([f.low <= truth <= f.high for f in found]) <= 1


def test_flat_and_few() -> None:
    draw = np.random.default_rng(0)
    assert np.isnan(agreement(np.ones(5), np.arange(5.0), draw).value)
    with pytest.raises(InputError, match="agreement of 2 with 2 values"):
        agreement(np.ones(2), np.ones(2), draw)
