"""Oracles: closed forms, scipy's maximiser, and the variance of a maximum-likelihood estimate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from crowdtune.metrics.distances import js_distance
from crowdtune.metrics.temperature import COLDEST, FLOOR, HOTTEST, best_temperature, calibration, tempered

ALL = np.ones((400, 3), dtype=bool)


def predictions() -> np.ndarray:
    return np.random.default_rng(0).dirichlet([1, 1, 1], size=400)


def test_a_temperature_is_the_power_renormalised_over_an_items_own_choices() -> None:
    q = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])
    mask = np.array([[True, True, True], [True, True, False]])
    expected = q**2 / (q**2).sum(axis=1, keepdims=True)
    assert tempered(q, 0.5, mask) == pytest.approx(expected, abs=1e-9)
    assert tempered(q, 1.0, mask) is q
    assert tempered(tempered(q, 3.0, mask), 1 / 3, mask) == pytest.approx(q, abs=1e-9)
    nothing = tempered(np.array([[1.0, 0.0]]), 2.0, np.ones((1, 2), dtype=bool))
    assert nothing[0, 1] == pytest.approx(FLOOR**0.5 / (1 + FLOOR**0.5)), "a share of 0 counts as the floor"


@pytest.mark.parametrize("temperature", [0.5, 2.0, 5.0])
def test_expected_labels_give_the_planted_temperature_back(temperature: float) -> None:
    """Counts that are exactly n q^(1/T), however many labels each item has, have their maximum at T."""
    q, n = predictions(), np.random.default_rng(1).integers(1, 50, size=(400, 1))
    counts = n * tempered(q, temperature, ALL)
    assert best_temperature(q, counts, ALL) == pytest.approx(temperature, rel=1e-6)
    assert best_temperature(q, np.zeros((400, 3)), ALL) == 1.0
    assert best_temperature(np.full((400, 3), 1 / 3), counts, ALL) == 1.0, "no temperature changes what is even"


def test_drawn_labels_give_it_back_within_five_standard_errors() -> None:
    """1 / T has the variance 1 / sum_i n_i Var(log q); T that times T squared."""
    q, rng = predictions(), np.random.default_rng(2)
    drawn = tempered(q, 2.0, ALL)
    counts = np.stack([rng.multinomial(10, row) for row in drawn]).astype(float)
    logs = np.log(q)
    variance = ((drawn * logs**2).sum(axis=1) - (drawn * logs).sum(axis=1) ** 2).sum() * 10
    found = best_temperature(q, counts, ALL)
    assert abs(found - 2.0) < 5 * 4.0 / np.sqrt(variance)
    loss = lambda log_t: -(counts * np.log(tempered(q, np.exp(log_t), ALL))).sum()  # noqa: E731
    assert found == pytest.approx(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x), rel=1e-4)


def test_bounds_hold_where_labels_ask_for_more() -> None:
    q = predictions()
    assert best_temperature(q, np.eye(3)[q.argmax(axis=1)], ALL) == COLDEST
    assert best_temperature(q, np.eye(3)[q.argmin(axis=1)], ALL) == HOTTEST


def test_what_is_shown_is_of_items_not_fitted_on() -> None:
    """Figures by hand for a fold each; items without labels change nothing; a true distribution gains nothing."""
    q, rng = predictions(), np.random.default_rng(3)
    counts = np.stack([rng.multinomial(5, row) for row in tempered(q, 2.0, ALL)]).astype(float)
    found = calibration(q, counts, ALL, np.random.default_rng(0))
    told = counts / 5
    assert found["before"]["js_distance"] == pytest.approx(js_distance(told, q).mean())
    assert found["before"]["cross_entropy"] == pytest.approx(-(counts * np.log(q)).sum() / 2000)
    assert found["low"] < found["gain"] < found["high"]
    assert found["low"] > 0
    best = -(counts * np.log(tempered(q, found["temperature"], ALL))).sum() / 2000
    assert found["after"]["cross_entropy"] > best, "never the figure of the fit itself"
    padded = calibration(
        np.vstack([q, q[:7]]), np.vstack([counts, np.zeros((7, 3))]), np.ones((407, 3), bool), np.random.default_rng(0)
    )
    assert padded == found
    true = calibration(q, 5 * q, ALL, np.random.default_rng(0))
    assert true["temperature"] == pytest.approx(1)
    assert true["gain"] == pytest.approx(0, abs=1e-9)
