"""Oracle: the posterior by enumeration of all truths, reliabilities integrated out by Beta functions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import betaln, log_softmax, logsumexp
from scipy.stats import beta as beta_distribution

from crowdtune.annotations import Annotations, Floats
from crowdtune.em.coin import coin
from crowdtune.em.gibbs import Sample, interval_columns, per_annotator, sample
from crowdtune.em.given import Given, flat, given
from crowdtune.em.kernel import kernel
from crowdtune.em.prior import CrowdPrior, above_chance, crowd_prior
from tests.crowds import crowd, from_table, lopsided, make_items

DRAWS = 8_000
TOLERANCE = 0.03  # about four standard errors of a share from 8,000 draws, of which one in ten counts as its own

TABLES = [
    ([[0, 0], [1, 0], [1, 1]], 2),
    ([[0, 1, 0], [1, 1, -1], [0, 0, 1], [1, -1, 1], [0, 0, 0]], 2),
    ([[0, 1], [2, 2], [1, 1], [0, -1]], 3),
]


def exact(log_p: Floats, annotations: Annotations, priors: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    """(I, K) posterior and (J,) mean reliability, all `priors` (alpha, beta) alike, log sharpness from N(0, 1)."""
    n, k = log_p.shape
    item, who, label = annotations.item, annotations.annotator, annotations.label
    j = len(annotations.annotators)
    count = np.bincount(who, minlength=j)
    powers = np.linspace(-4, 4, 161)
    answers = log_softmax(np.exp(powers)[:, None, None] * log_p, axis=2)
    logs, truths, means = [], [], []
    for truth in product(range(k), repeat=n):
        right = np.bincount(who[np.array(truth)[item] == label], minlength=j)
        model = logsumexp(answers[:, range(n), truth].sum(axis=1) - powers**2 / 2)
        for a, b in priors:
            marginal = betaln(a + right, b + count - right) - betaln(a, b) - (count - right) * np.log(k - 1)
            logs.append(model + marginal.sum())
            truths.append(truth)
            means.append((a + right) / (a + b + count))
    weight = np.exp(np.array(logs) - logsumexp(logs))
    posterior = np.array([[weight[np.array(truths)[:, i] == t].sum() for t in range(k)] for i in range(n)])
    return posterior, weight @ np.array(means)


def model(annotations: Annotations) -> Floats:
    shape = (len(annotations.items), annotations.items.max_choices)
    return np.asarray(log_softmax(np.random.default_rng(0).normal(size=shape), axis=1))


@pytest.mark.parametrize(("said", "k"), TABLES)
def test_against_enumeration(said: list[list[int]], k: int) -> None:
    annotations = from_table(said, k=k)
    found, log_p = given(annotations), model(annotations)
    prior = coin(found, 2.0, 1.5)
    drawn = sample(log_p, found, prior, 1.0, np.random.default_rng(1), prior=prior, draws=DRAWS)
    posterior, mean = exact(log_p, annotations, [(2.0, 1.5)])
    np.testing.assert_allclose(drawn.posterior, posterior, atol=TOLERANCE)
    np.testing.assert_allclose(drawn.reliability.mean(axis=0), mean, atol=TOLERANCE)


def test_a_learned_prior_against_enumeration() -> None:
    annotations = from_table(TABLES[1][0])
    found, log_p = given(annotations), model(annotations)
    priors = CrowdPrior(np.array([5.0, 1.5, 2.0]), np.array([2.0, 1.5, 4.0]))
    drawn = sample(log_p, found, coin(found), 1.0, np.random.default_rng(1), learned=priors, draws=DRAWS)
    posterior, mean = exact(log_p, annotations, list(zip(priors.alpha, priors.beta, strict=True)))
    np.testing.assert_allclose(drawn.posterior, posterior, atol=TOLERANCE)
    np.testing.assert_allclose(drawn.reliability.mean(axis=0), mean, atol=TOLERANCE)


def test_an_annotator_without_labels_is_as_the_prior_says() -> None:
    annotations = from_table([[0, -1], [1, -1]])
    found = given(annotations)
    drawn = sample(
        flat(annotations), found, coin(found), 1.0, np.random.default_rng(0), prior=coin(found, 3.0, 2.0), draws=4000
    )
    low, high = drawn.interval()
    assert [low[1], high[1]] == pytest.approx(beta_distribution(3, 2).ppf([0.025, 0.975]), abs=0.03)


def test_without_a_model_a_prior_that_knows_no_direction_knows_no_truth() -> None:
    """Beta(2, 2) and two choices: every crowd is as likely as its mirror image, so the exact posterior is 1/2."""
    annotations = from_table([[0, 0, 0], [1, 1, 1], [0, 0, 1]])
    posterior, mean = exact(flat(annotations), annotations, [(2.0, 2.0)])
    np.testing.assert_allclose(posterior, 0.5)
    above = crowd_prior(0.5)
    posterior, mean = exact(flat(annotations), annotations, list(zip(above.alpha, above.beta, strict=True)))
    assert posterior[0, 0] > 0.85
    assert mean[0] > 0.7


def test_intervals_as_columns() -> None:
    """Two annotators, two tasks: a0 gave three labels in t0 and one in t1, a1 one in t1 alone."""
    annotations = crowd(
        make_items([-1] * 4, task=[0, 0, 0, 1]), [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (3, 1, 0)]
    )
    draws = np.array([[0.8, 0.4, 0.1, 0.9], [0.8, 0.4, 0.1, 0.9]])  # a0 in t0, a0 in t1, a1 in t0, a1 in t1
    drawn = Sample(np.full((4, 2), 0.5), draws)
    np.testing.assert_allclose(per_annotator(drawn, annotations), [[0.7, 0.9]] * 2)
    assert interval_columns(drawn, annotations) == {"reliability_low": [0.7, 0.9], "reliability_high": [0.7, 0.9]}


def test_same_seed_same_draws() -> None:
    annotations = lopsided(30, np.random.default_rng(0), missing=0.3)
    found = given(annotations)
    for annotators in (coin(found), kernel(found, coin(found))):
        a, b = (sample(flat(annotations), found, annotators, 1.0, np.random.default_rng(5), draws=20) for _ in "ab")
        np.testing.assert_array_equal(a.posterior, b.posterior)
        np.testing.assert_array_equal(a.reliability, b.reliability)


def labels(right: list[int], count: int) -> tuple[Given, Floats]:
    """Annotators with `count` labels each, the first `right` of which are sure to be right."""
    said = [[0 if i < r else 1 for r in right] for i in range(count)]
    annotations = from_table(said)
    return given(annotations), np.tile([1.0, 0.0], (count, 1))


def test_the_fitted_prior_is_that_of_the_crowd() -> None:
    """200 annotators of Beta(8, 2) with 50 labels: mean 0.8 within the grid's step, strength within its factor."""
    rng = np.random.default_rng(0)
    found, posterior = labels(rng.binomial(50, rng.beta(8, 2, size=200)).tolist(), 50)
    alpha, beta = crowd_prior().fitted(found, posterior)
    assert alpha / (alpha + beta) == pytest.approx(0.8, abs=0.03)
    assert 7 <= alpha + beta <= 14


def test_drawn_priors_are_near_what_the_reliabilities_say() -> None:
    rng = np.random.default_rng(0)
    pairs = np.array([crowd_prior().drawn(rng.beta(8, 2, size=500), rng) for _ in range(50)])
    assert (pairs[:, 0] / pairs.sum(axis=1)).mean() == pytest.approx(0.8, abs=0.03)


def test_above_chance_by_hand() -> None:
    """A tenth of the way from a half, a quarter, and, without labels, a half."""
    assert above_chance(given(from_table([[0, 1]]))) == pytest.approx(0.55)
    assert above_chance(given(from_table([[0, 1]], k=4))) == pytest.approx(0.325)
    assert above_chance(given(from_table([[-1]]))) == pytest.approx(0.55)
