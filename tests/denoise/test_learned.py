"""A classifier moved by labels alone. Oracle: finite differences, limits (sure labels, labels that tell nothing)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import check_grad
from scipy.special import log_softmax

from crowdtune.annotations import Floats, Ints
from crowdtune.denoise.classifier import fit, predict
from crowdtune.denoise.learned import answer, cross_learn, learn, loss


def coin(label: Ints, reliability: float, k: int = 3) -> Floats:
    """(I, K) log-likelihood of one label each."""
    return np.log(np.where(np.eye(k)[label] > 0, reliability, (1 - reliability) / (k - 1)))


def planted(n: int, share: float, seed: int = 0) -> tuple[Floats, Floats, Ints, Ints]:
    """(I, D) features, (I, K) a model right in two of three, (I,) truths and (I,) labels, a share wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, size=n, p=[0.6, 0.25, 0.15])
    features = np.array([[0, 2], [-2, -1], [2, -1]])[truth] + rng.normal(size=(n, 2))
    said = np.where(rng.random(n) < 2 / 3, truth, rng.integers(3, size=n))
    label = np.where(rng.random(n) < share, (truth + rng.integers(1, 3, size=n)) % 3, truth)
    return features, log_softmax(1.5 * np.eye(3)[said], axis=1), truth, label


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    rest = (rng.normal(size=(15, 4)), log_softmax(rng.normal(size=(15, 3)), axis=1), rng.normal(size=(15, 3)), 0.7)
    error = check_grad(lambda f: loss(f, *rest)[0], lambda f: loss(f, *rest)[1], rng.normal(size=16))
    assert error < 1e-6


def test_labels_that_tell_nothing_leave_the_models_answer() -> None:
    features, prior, _, label = planted(100, 0.5)
    flat = learn(features, prior, coin(label, 1 / 3), ridge=1.0)
    np.testing.assert_allclose(answer(flat, features, prior), prior, atol=1e-4)


def test_sure_labels_and_no_model_are_logistic_regression() -> None:
    """But for the prior on the lean, which shifts it towards 0."""
    features, _, truth, _ = planted(400, 0.0)
    even = np.full((400, 3), -np.log(3))
    found = answer(learn(features, even, coin(truth, 1 - 1e-9), ridge=2.0), features, even)
    plain = predict(fit(features, np.eye(3)[truth], ridge=2.0), features)
    assert (found.argmax(axis=1) == plain.argmax(axis=1)).mean() > 0.98


def test_half_of_the_labels_wrong_is_better_than_the_model_and_all_but_noise_is_no_worse() -> None:
    """Out of fold. At one right label in three nothing can be learned: what differs from the model is chance."""
    features, prior, truth, label = planted(1500, 0.5)
    before = (prior.argmax(axis=1) == truth).mean()
    after = cross_learn(features, prior, coin(label, 0.5)).log_p
    assert (after.argmax(axis=1) == truth).mean() > before + 0.05
    features, prior, truth, label = planted(1500, 0.7)
    after = cross_learn(features, prior, coin(label, 0.3)).log_p
    assert (after.argmax(axis=1) == truth).mean() > before - 0.03


def test_an_items_own_label_never_speaks_on_it() -> None:
    features, prior, _, label = planted(30, 0.3)
    other = label.copy()
    other[7] = (label[7] + 1) % 3
    first, second = (cross_learn(features, prior, coin(x, 0.7), folds=30, ridges=(1.0,)).log_p for x in (label, other))
    np.testing.assert_array_equal(first[7], second[7])
    assert (first[8] != second[8]).any()
