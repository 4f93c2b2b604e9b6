"""Oracles: the log posterior in loops, raised by scipy; the axiom that EM never falls; rotation of a crowd."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from crowdtune import Annotations
from crowdtune.aggregate.glad import Glad
from crowdtune.annotations import Floats
from tests.crowds import crowd, from_table, lopsided, with_choices


def log_posterior(values: Floats, annotations: Annotations) -> tuple[float, Floats]:
    """Log posterior of abilities and log betas, one after the other, and the (I, K) posterior of truths."""
    n = len(annotations.items)
    ability, log_beta = values[:-n], values[-n:]
    total = -sum((a - 1) ** 2 / 2 for a in ability) - sum((b - 1) ** 2 / 2 for b in log_beta)
    posterior = np.zeros((n, annotations.items.max_choices))
    for i in range(n):
        k = int(annotations.items.n_choices[i])
        likely = np.full(k, 1 / k)
        for row in np.flatnonzero(annotations.item == i):
            right = expit(ability[annotations.annotator[row]] * math.exp(log_beta[i]))
            likely *= np.where(np.arange(k) == annotations.label[row], right, (1 - right) / (k - 1))
        total += math.log(likely.sum())
        posterior[i, :k] = likely / likely.sum()
    return total, posterior


@pytest.mark.parametrize("seed", range(3))
def test_the_highest_point_is_the_one_scipy_finds(seed: int) -> None:
    annotations = lopsided(12, np.random.default_rng(seed), missing=0.2)
    start = np.ones(7 + 12)
    best = minimize(lambda v: -log_posterior(v, annotations)[0], start, options={"maxiter": 500})
    value, posterior = log_posterior(best.x, annotations)
    fit = Glad(max_steps=2000, tolerance=1e-13).fit(annotations)
    assert fit.log_posteriors["t0"][-1] == pytest.approx(value, abs=1e-5)
    np.testing.assert_allclose(fit.posterior, posterior, atol=1e-3)
    assert fit.difficulty is not None
    np.testing.assert_allclose(np.log(fit.difficulty), -best.x[-12:], atol=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_log_posterior_never_falls(seed: int) -> None:
    annotations = lopsided(50, np.random.default_rng(seed), missing=0.6)
    values = np.array(Glad(max_steps=60, tolerance=-math.inf).fit(annotations).log_posteriors["t0"])
    assert len(values) == 60
    assert np.diff(values).min() >= -1e-9 * np.abs(values).max()
    assert values[-1] > values[0]


def test_items_people_disagree_on_are_harder() -> None:
    """Nine annotators; as many items of each number of dissenters, who rotate: nobody is better than others."""
    table = [[int((j + i) % 9 < dissent) for j in range(9)] for dissent in range(5) for i in range(9)]
    difficulty = Glad().fit(from_table(table)).difficulty
    assert difficulty is not None
    levels = difficulty.reshape(5, 9)
    np.testing.assert_allclose(levels, levels[:, :1].repeat(9, axis=1), rtol=1e-9)
    assert (np.diff(levels[:, 0]) > 0).all()


def test_items_may_have_choices_of_their_own() -> None:
    sets = [("a", "b"), ("x", "y", "z"), ("p", "q", "r", "s")]
    triples = [(i, j, i if j < 2 else (i + 1) % len(sets[i])) for i in range(3) for j in range(3)]
    annotations = crowd(with_choices([*sets, ("alone",)], [-1] * 4), triples)
    fit = Glad().fit(annotations)
    assert fit.posterior[:3].argmax(axis=1).tolist() == [0, 1, 2]
    assert fit.difficulty is not None
    assert np.isnan(fit.difficulty).tolist() == [False, False, False, True]
