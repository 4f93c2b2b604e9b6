"""Oracle: numbers worked out by hand in each test, and a brute force over bins for calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crowdtune.metrics.accuracy import (
    accuracy,
    calibration_error,
    calibration_error_by_mass,
    entropy,
    negative_log_likelihood,
    recall,
)
from tests.crowds import make_items, with_choices

P = np.array([[0.7, 0.3, 0.0], [0.4, 0.4, 0.2], [1 / 3, 1 / 3, 1 / 3], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3]])


@pytest.mark.parametrize(
    ("gold", "share"),
    [
        ([0, 0, 2, 2, 1], (1 + 1 / 2 + 1 / 3 + 1 + 1) / 5),
        ([1, 2, 1, 0, 2], (0 + 0 + 1 / 3 + 0 + 0) / 5),
        ([-1, 1, -1, -1, 1], (1 / 2 + 1) / 2),
    ],
)
def test_accuracy_counts_n_tied_choices_1_over_n(gold: list[int], share: float) -> None:
    assert accuracy(P, np.array(gold)) == pytest.approx(share)


@pytest.mark.parametrize("metric", [accuracy, negative_log_likelihood, calibration_error, calibration_error_by_mass])
def test_nan_without_gold(metric: object) -> None:
    assert callable(metric)
    assert math.isnan(metric(P, np.full(5, -1)))


def test_recall_by_hand() -> None:
    """Gold a: right, tied (1/2). Gold c: tied of three (1/3), right. Gold b is not in the data."""
    found = recall(P, make_items([0, 0, 2, 2, -1], "abc"))
    assert found == pytest.approx({"a": 3 / 4, "c": 2 / 3})


def test_recall_names_the_task_where_there_are_two() -> None:
    found = recall(P, make_items([0, 1, -1, 2, 2], "abc", [0, 0, 0, 1, 1]))
    assert found == pytest.approx({"t0: a": 1, "t0: b": 1 / 2, "t1: c": 1 / 2})


def test_recall_says_nothing_where_choices_differ() -> None:
    assert recall(np.full((2, 2), 0.5), with_choices([("a", "b"), ("c", "d")], [0, 1])) == {}


def test_negative_log_likelihood_by_hand() -> None:
    expected = -(math.log(0.7) + math.log(0.4) + math.log(0.8)) / 3
    assert negative_log_likelihood(P, np.array([0, 1, -1, 2, -1])) == pytest.approx(expected)


def test_negative_log_likelihood_of_the_impossible_is_finite() -> None:
    assert negative_log_likelihood(P[:1], np.array([2])) == pytest.approx(-math.log(1e-12))


def test_calibration_error_by_hand() -> None:
    """Two bins: (0.6 wrong, 0.9 right) gap |1.5 - 1|, (0.4 right) gap |0.4 - 1|; sum 1.1 over 3 items."""
    p = np.array([[0.6, 0.4, 0.0], [0.9, 0.1, 0.0], [0.3, 0.4, 0.3]])
    assert calibration_error(p, np.array([1, 0, 1]), bins=2) == pytest.approx(1.1 / 3)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_against_brute_force(bins: int) -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4) / 2, size=500)
    gold = rng.integers(-1, 4, size=500)
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = [(max(row), row.argmax() == g) for row, g in zip(p, gold, strict=True) if g >= 0]
        inside = [(c, h) for c, h in inside if low <= c < high or (c == 1 and b == bins - 1)]
        if inside:
            mean = [sum(column) / len(inside) for column in zip(*inside, strict=True)]
            total += len(inside) * abs(mean[0] - mean[1])
    assert calibration_error(p, gold, bins) == pytest.approx(total / (gold >= 0).sum())


def test_full_certainty_shares_the_last_bin() -> None:
    """1.0 wrong and 0.95 right in one of 10 bins: |1.95 - 1| over 2 items."""
    p = np.array([[1.0, 0.0], [0.95, 0.05]])
    assert calibration_error(p, np.array([1, 0]), bins=10) == pytest.approx(0.95 / 2)


def test_certain_and_right_is_calibrated() -> None:
    assert calibration_error(np.eye(3), np.arange(3)) == 0


@pytest.mark.parametrize(("row", "nats"), [([1, 0, 0], 0), ([0.5, 0.5, 0], math.log(2)), ([1 / 3] * 3, math.log(3))])
def test_entropy(row: list[float], nats: float) -> None:
    found = entropy(np.array([row]))
    assert found[0] == pytest.approx(nats)
    assert not np.signbit(found[0])


def test_calibration_error_by_mass_by_hand() -> None:
    """Bins of two: sure at 0.9 and 0.8, one right, gap 0.7; sure at 0.7 and 0.6, both right, gap 0.7."""
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.3, 0.7]])
    assert calibration_error_by_mass(p, np.array([0, 0, 1, 1]), bins=2) == pytest.approx(1.4 / 4)


def test_calibration_error_by_mass_of_true_probabilities() -> None:
    """20,000 items drawn as they say: what chance leaves, 0.4 sqrt(15 / 20,000) at confidences of about a half."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), size=20_000)
    gold = (p.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert calibration_error_by_mass(p, gold) < 2 * 0.4 * math.sqrt(15 / 20_000)
