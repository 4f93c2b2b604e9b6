"""Oracle: explicit loops over who knew, and the axiom that EM never falls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from crowdtune.aggregate import vote_shares
from crowdtune.em.gibbs import sample
from crowdtune.em.given import flat, given
from crowdtune.em.guess import Guess, guess
from crowdtune.em.solve import solve
from tests.crowds import from_table, lopsided


def test_a_step_by_hand() -> None:
    """Truth 0 for sure, e = 0.5, K = 2. a0 said 0: knew with 0.5 / 0.75; a1 said 1: did not know."""
    found = given(from_table([[0, 1]]))
    fit = guess(found).refit(found, np.array([[1.0, 0.0]]))
    assert fit.expertise.tolist() == [pytest.approx(2 / 3), pytest.approx(0, abs=1e-5)]
    np.testing.assert_allclose(np.exp(guess(found).log_likelihood(found)), [[0.75, 0.25], [0.25, 0.75]])


def test_likelihoods_are_distributions_over_labels() -> None:
    table = [[label] for label in range(3)]
    found = given(from_table(table, k=3))
    total = np.exp(Guess(np.array([0.3])).log_likelihood(found)).sum(axis=0)
    np.testing.assert_allclose(total, 1)


@pytest.mark.parametrize("seed", range(5))
def test_the_log_posterior_never_falls(seed: int) -> None:
    annotations = lopsided(50, np.random.default_rng(seed), missing=0.4)
    found = given(annotations)
    start = vote_shares(annotations)
    values = solve(flat(annotations), found, guess(found), start=start, steps=40, tolerance=-1.0).log_posteriors
    assert np.diff(values).min() > -1e-9


def test_planted_expertise_is_found() -> None:
    """4,000 items of known truth: e within five standard errors."""
    rng = np.random.default_rng(0)
    expertise, truth = np.array([0.9, 0.4, 0.05]), rng.integers(3, size=4000)
    said = np.where(rng.random((4000, 3)) < expertise, truth[:, None], rng.integers(3, size=(4000, 3)))
    found = given(from_table(said.tolist(), k=3))
    fit = solve(10 * np.eye(3)[truth], found, guess(found), sharpness=1.0, steps=100).annotators
    np.testing.assert_allclose(fit.expertise, expertise, atol=5 * 0.5 / np.sqrt(4000) * 1.5)
    drawn = sample(softmax(10 * np.eye(3)[truth], axis=1), found, fit, 1.0, rng, draws=20)
    np.testing.assert_allclose(drawn.reliability.mean(axis=0), expertise + (1 - expertise) / 3, atol=0.04)
