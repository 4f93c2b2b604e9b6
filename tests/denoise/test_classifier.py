"""Oracles: finite differences, scikit-learn, duplicates, a target that cannot be told from the features."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import log_softmax, softmax

from crowdtune.annotations import Floats
from crowdtune.denoise.classifier import Classifier, cross_fit, fit, loss, predict, standardised
from crowdtune.errors import InputError


def planted(n: int, rng: np.random.Generator, d: int = 6, k: int = 3) -> tuple[Floats, Floats, Floats]:
    """(I, D) features, (I, K) soft targets and (I,) weights."""
    features = rng.normal(size=(n, d))
    targets = softmax(features @ rng.normal(size=(d, k)) + [0.5, 0, -1] + rng.normal(size=(n, k)), axis=1)
    return features, targets, rng.uniform(0, 2, n)


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    features, targets, weights = planted(20, rng)
    rest = (features, targets * weights[:, None], 0.7)
    error = check_grad(lambda f: loss(f, *rest)[0], lambda f: loss(f, *rest)[1], rng.normal(size=21))
    assert error < 1e-6


@pytest.mark.parity
def test_scikit_learn_finds_the_same() -> None:
    """A soft target is each choice once, weighted by its share."""
    linear = pytest.importorskip("sklearn.linear_model")
    features, targets, weights = planted(200, np.random.default_rng(1))
    theirs = linear.LogisticRegression(C=1 / 0.7, tol=1e-10, max_iter=5000)
    mass = (targets * weights[:, None]).T.ravel()
    theirs.fit(np.tile(features, (3, 1)), np.repeat(np.arange(3), 200), sample_weight=mass)
    ours = predict(fit(features, targets, weights, ridge=0.7), features)
    np.testing.assert_allclose(ours, theirs.predict_log_proba(features), atol=2e-3)


def test_without_features_it_answers_the_mean_target() -> None:
    _, targets, weights = planted(50, np.random.default_rng(2))
    found = predict(fit(np.zeros((50, 2)), targets, weights, ridge=1.0), np.zeros((1, 2)))
    np.testing.assert_allclose(np.exp(found[0]), np.average(targets, axis=0, weights=weights), atol=1e-4)


def test_weight_two_is_the_item_twice_and_weight_none_is_no_item() -> None:
    features, targets, _ = planted(60, np.random.default_rng(3))
    times = np.arange(60) % 3
    index = np.repeat(np.arange(60), times)
    weighted = fit(features, targets, times.astype(float), ridge=2.0)
    repeated = fit(features[index], targets[index], ridge=2.0)
    np.testing.assert_allclose(predict(weighted, features), predict(repeated, features), atol=1e-3)


def test_where_a_fit_begins_changes_nothing() -> None:
    features, targets, weights = planted(60, np.random.default_rng(4))
    far = Classifier(np.full((6, 3), 3.0) * [1, -1, 0], np.array([5.0, 0, -5]))
    here, there = (fit(features, targets, weights, ridge=1.0, start=start) for start in (None, far))
    np.testing.assert_allclose(predict(here, features), predict(there, features), atol=1e-3)


def test_random_targets_are_guessed_no_better_out_of_fold_than_by_chance() -> None:
    """However many features there are, by which a fit on all items answers every one."""
    rng = np.random.default_rng(5)
    features, targets = rng.normal(size=(120, 200)), np.eye(3)[rng.integers(3, size=120)]
    inside = predict(fit(standardised(features), targets, ridge=1e-3), standardised(features))
    assert (inside.argmax(axis=1) == targets.argmax(axis=1)).all()
    out = cross_fit(features, targets, ridges=(1.0, 1e-3)).log_p
    right = (out.argmax(axis=1) == targets.argmax(axis=1)).mean()
    assert right < 1 / 3 + 5 * np.sqrt(2 / 9 / 120)  # five standard deviations of guessing


def test_an_items_own_target_never_speaks_on_it() -> None:
    """Each item a fold of its own, so that its target cannot move the folds either."""
    features, targets, _ = planted(30, np.random.default_rng(6))
    changed = targets.copy()
    changed[7] = [0, 0, 1]
    first, second = (cross_fit(features, q, folds=30, ridges=(1.0,)).log_p for q in (targets, changed))
    np.testing.assert_array_equal(first[7], second[7])
    assert (first[8] != second[8]).all()


def test_the_ridge_is_strong_where_nothing_can_be_learned_and_weak_where_all_can() -> None:
    """Noise is answered by nearly the shares of the choices; a clean rule is answered surely."""
    rng = np.random.default_rng(6)
    features = rng.normal(size=(400, 20))
    noise = np.eye(3)[rng.integers(3, size=400)]
    rule = np.eye(3)[(features @ rng.normal(size=(20, 3))).argmax(axis=1)]
    assert np.exp(cross_fit(features, noise).log_p).max(axis=1).mean() < 0.45
    found = cross_fit(features, rule).log_p
    assert np.exp(found).max(axis=1).mean() > 0.7
    assert (found.argmax(axis=1) == rule.argmax(axis=1)).mean() > 0.9


def test_rows_of_log_probabilities_sum_to_one_and_seeds_repeat() -> None:
    features, targets, weights = planted(80, np.random.default_rng(7))
    first, again = (cross_fit(features, targets, weights, seed=3).log_p for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, log_softmax(first, axis=1), atol=1e-12)


def test_a_choice_nobody_gave_keeps_a_finite_log_probability() -> None:
    features = np.random.default_rng(8).normal(size=(40, 3))
    found = cross_fit(features, np.tile([0.5, 0.5, 0.0], (40, 1))).log_p
    assert np.isfinite(found).all()
    assert np.exp(found[:, 2]).max() < 0.01


def test_what_cannot_be_fitted_is_refused() -> None:
    features, targets, weights = planted(4, np.random.default_rng(9))
    with pytest.raises(InputError, match=r"ridge=0 must be above 0"):
        fit(features, targets, ridge=0)
    with pytest.raises(InputError, match="item with weight"):
        fit(features, targets, 0 * weights, ridge=1.0)
    with pytest.raises(InputError, match="folds=5 must be from 2 to the number of items with weight, 4"):
        cross_fit(features, targets)
