"""Oracle: numbers worked out by hand in each test, and a brute force over bins for calibration."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from crowdtune.methods._predict import quality
from crowdtune.metrics.accuracy import (
    accuracy,
    best_grade,
    calibration_error,
    calibration_error_by_mass,
    entropy,
    graded,
    mean_absolute_error,
    negative_log_likelihood,
    quadratic_weighted_kappa,
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


def brute_kappa(answers: list[int], gold: list[int], k: int) -> float:
    """1 - sum of w O / sum of w E over the table of counts, as Cohen writes it."""
    table = np.zeros((k, k))
    for a, g in zip(answers, gold, strict=True):
        table[a, g] += 1
    weight = np.subtract.outer(np.arange(k), np.arange(k)) ** 2
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(gold)
    return float(1 - (weight * table).sum() / (weight * chance).sum())


@pytest.mark.parametrize("seed", range(4))
def test_weighted_kappa_is_that_of_the_table_of_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gold = rng.integers(5, size=40)
    answers = np.clip(gold + rng.integers(-2, 3, size=40), 0, 4)
    unknown = np.append(gold, -1)
    found = quadratic_weighted_kappa(np.append(answers, 4).astype(float), unknown)
    assert found == pytest.approx(brute_kappa(answers.tolist(), gold.tolist(), 5))
    assert mean_absolute_error(np.append(answers, 4).astype(float), unknown) == pytest.approx(
        np.abs(answers - gold).mean()
    )


@pytest.mark.parity
def test_weighted_kappa_is_sklearns() -> None:
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(0)
    gold = rng.integers(7, size=200)
    answers = np.clip(gold + rng.integers(-2, 3, size=200), 0, 6)
    expected = cohen_kappa_score(answers, gold, weights="quadratic")
    assert quadratic_weighted_kappa(answers.astype(float), gold) == pytest.approx(expected)


def test_weighted_kappa_of_one_grade_says_nothing() -> None:
    assert math.isnan(quadratic_weighted_kappa(np.ones(3), np.ones(3, np.int64)))
    assert math.isnan(quadratic_weighted_kappa(np.ones(3), np.full(3, -1)))
    assert math.isnan(mean_absolute_error(np.ones(3), np.full(3, -1)))


def test_a_tie_between_grades_lies_between_them() -> None:
    assert best_grade(P).tolist() == [0, 0.5, 1, 2, 1]


def test_grades_are_judged_in_grades_and_choices_not() -> None:
    """t0: errors 0, 1/2, 1 of three; t1: 0 and 1 of two, kappa 1 - 1/2 / (1/4 + 0 + 1/4) = 0."""
    items = make_items([0, 1, 2, 2, 2], "abc", [0, 0, 0, 1, 1])
    assert graded(P, items) == {}
    found = graded(P, replace(items, kinds=("grade", "choice")))
    assert found["mean_absolute_error"] == pytest.approx(0.5)
    assert found["quadratic_weighted_kappa"] == pytest.approx(1 - (1.25 / 3) / (1 / 6 + 2 / 3 + 0.25))
    both = graded(P, replace(items, kinds=("grade", "grade")))
    assert both["mean_absolute_error"] == pytest.approx(0.5)
    assert quality(P, replace(items, kinds=("grade", "grade"))).items() >= both.items()
    assert "mean_absolute_error" not in quality(P, items)
