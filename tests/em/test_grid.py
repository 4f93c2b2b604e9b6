"""Oracles: scipy's normal cdf, enumeration of truths and places, the bound, planted biases."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm

from crowdtune.annotations import Floats
from crowdtune.em.belief import Belief
from crowdtune.em.gibbs import sample
from crowdtune.em.given import finite, flat, given
from crowdtune.em.grid import Grid, on_grid
from crowdtune.em.grids import grade_grid, pair_grid
from crowdtune.em.solve import solve
from crowdtune.em.store import arrays, restore
from tests.aggregate.test_ordinal_dawid_skene import graders
from tests.crowds import from_table
from tests.em.priors import informed

RATES = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.6, 0.4]], [[0.3, 0.7], [0.9, 0.1]]])  # [g, t, k]
PRIORS = np.array([[0.85, 0.1, 0.05], [0.05, 0.15, 0.8]])
SMALL = Grid(np.log(RATES), np.log(PRIORS), "pair", ("place",), np.arange(3.0)[:, None], np.zeros((3, 1)))
SAID = [[0, 1], [1, -1], [0, 0], [1, 1]]


def at(grid: Grid, **wanted: float) -> int:
    """The point nearest to some numbers."""
    return int(sum((grid.points[:, grid.names.index(n)] - v) ** 2 for n, v in wanted.items()).argmin())


@pytest.mark.parametrize("k", [2, 3, 5, 7])
def test_a_grade_is_said_as_often_as_a_normal_variable_lies_nearest_to_it(k: int) -> None:
    grid = grade_grid(k)
    g = at(grid, bias=0.5, spread=0.7)
    bias, spread = grid.points[g]
    ends = np.array([-np.inf, *(np.arange(k - 1) + 0.5), np.inf])
    for t in range(k):
        expected = np.diff(norm(t + bias, spread).cdf(ends))
        np.testing.assert_allclose(np.exp(grid.log_rates[g, t]), (1 - 1e-4) * expected + 1e-4 / k, atol=1e-12)
    np.testing.assert_allclose(np.exp(grid.log_priors).sum(axis=1), 1)


def test_of_two_the_lean_is_how_much_more_often_than_is_right_the_first_is_said() -> None:
    grid = pair_grid(2)
    rates = np.exp(grid.log_rates)
    np.testing.assert_allclose(grid.points[:, 1], (rates[:, 0, 0] + rates[:, 1, 0]) / 2 - 0.5, atol=1e-12)
    ties = np.exp(pair_grid(3).log_rates)
    np.testing.assert_allclose(ties.sum(axis=2), 1)
    np.testing.assert_allclose(ties[:, 0, 0] / ties[:, 0, 1] * ties[:, 1, 0] / ties[:, 1, 1], _squared(ties), rtol=1e-9)


def _squared(rates: Floats) -> Floats:
    """exp(4 beta): under a tie the first and the second differ by the lean alone."""
    return np.asarray((rates[:, 2, 0] / rates[:, 2, 1]) ** 2)


def test_places_are_those_of_a_sum_over_the_grid() -> None:
    annotations = from_table(SAID)
    seen, posterior = given(annotations), np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5], [0.0, 1.0]])
    found = on_grid(seen, SMALL).refit(seen, posterior)
    for j in range(2):
        nats = np.log(PRIORS[0])
        for n in np.flatnonzero(annotations.annotator == j):
            nats = nats + posterior[annotations.item[n]] @ np.log(RATES[:, :, annotations.label[n]].T)
        np.testing.assert_allclose(found.weights[j], np.exp(nats - logsumexp(nats)))
    mean = np.einsum("jg,gtk->jtk", found.weights, np.log(RATES))
    expected = [sum(mean[j, :, said] for j, said in enumerate(row) if said >= 0) for row in SAID]
    np.testing.assert_allclose(found.evidence(seen), expected)
    np.testing.assert_allclose(
        np.exp(found.log_likelihood(seen)[0]), np.einsum("g,gt->t", found.weights[0], RATES[:, :, 0])
    )


def test_the_prior_is_the_one_that_suits_the_crowd_and_the_bound_is_that_of_its_definition() -> None:
    """Who gave no label counts for neither: ten idle annotators would hold the first prior."""
    said = [[0, 0] + [-1] * 10, [1, 1] + [-1] * 10] * 6
    seen = given(from_table(said))
    found = on_grid(seen, SMALL)
    opposite = np.array([[0.0, 1.0], [1.0, 0.0]] * 6)
    for _ in range(3):
        found = found.refit(seen, opposite)
    assert found.prior == 1
    np.testing.assert_allclose(found.weights[5], PRIORS[1])
    divergence = sum((w * np.log(w / PRIORS[1])).sum() for w in found.weights)
    assert found.log_prior() == pytest.approx(-divergence)


def test_draws_come_as_often_as_enumeration_says() -> None:
    """Truths, places and priors of two annotators and four items, all 16 x 9 x 2 of them."""
    annotations = from_table(SAID)
    seen = given(annotations)
    logs, truths, places = [], [], []
    for truth, place, prior in product(product(range(2), repeat=4), product(range(3), repeat=2), PRIORS):
        of = np.array(truth)[annotations.item], annotations.label
        g = np.array(place)[annotations.annotator]
        logs.append(np.log(RATES[g, of[0], of[1]]).sum() + np.log(prior[list(place)]).sum())
        truths.append(truth)
        places.append(place)
    weight = np.exp(np.array(logs) - logsumexp(logs))
    drawn = sample(flat(annotations), seen, on_grid(seen, SMALL), 1.0, np.random.default_rng(0), draws=6_000)
    # neighbours among draws are alike: about one in six counts, so the s.d. of a share is 0.016 at most
    np.testing.assert_allclose(drawn.posterior[:, 1], weight @ np.array(truths), atol=0.05)
    for j in range(2):
        expected = [weight[np.array(places)[:, j] == g].sum() for g in range(3)]
        np.testing.assert_allclose([(drawn.numbers[:, j, 0] == g).mean() for g in range(3)], expected, atol=0.06)


def test_the_bound_never_falls() -> None:
    rng = np.random.default_rng(0)
    made = graders(300, 3, rng.normal(0, 0.5, 12), rng.uniform(0.3, 1, 12), rng)
    seen = given(made)
    found = solve(informed(made.items.gold, 5, 0.5, rng), seen, on_grid(seen, grade_grid(5)), tolerance=0.0, steps=60)
    assert np.diff(found.log_posteriors).min() > -1e-8


def test_who_gave_few_labels_is_taken_for_one_of_the_crowd() -> None:
    """Thirty with a spread of 0.5 and one with a single label four grades off, which alone a spread of 5 would suit."""
    rng = np.random.default_rng(1)
    made = graders(400, 3, np.zeros(30), np.full(30, 0.5), rng)
    item, label = int(np.flatnonzero(made.items.gold == 0)[0]), 4
    more = type(made)(
        made.items,
        [*made.annotators, "new"],
        np.append(made.item, item),
        np.append(made.annotator, 30),
        np.append(made.label, label),
    )
    seen, grid = given(more), grade_grid(5)
    found = solve(flat(more), seen, on_grid(seen, grid), start=np.eye(5)[made.items.gold])
    spread = found.annotators.mean(grid.points[:, 1])
    assert spread[:30].mean() == pytest.approx(0.5, abs=0.1)
    assert spread[30] < 1.5


def test_a_model_tells_that_a_whole_crowd_is_generous() -> None:
    """All give half a grade too much. 600 items whose answers are right on 60 %: a shared bias is known to 0.04."""
    rng = np.random.default_rng(2)
    bias = 0.5 + rng.normal(0, 0.2, 10)
    made = graders(600, 5, bias, np.full(10, 0.6), rng)
    seen, grid = given(made), grade_grid(5)
    found = solve(finite(informed(made.items.gold, 5, 0.6, rng), made), seen, on_grid(seen, grid))
    np.testing.assert_allclose(found.annotators.mean(grid.points[:, 0]), bias, atol=0.25)
    assert found.annotators.mean(grid.points[:, 0]).mean() == pytest.approx(bias.mean(), abs=0.2)


def test_a_belief_on_a_grid_comes_back_from_its_arrays() -> None:
    made = graders(60, 3, np.zeros(4), np.full(4, 0.6), np.random.default_rng(3))
    seen = given(made)
    log_p = np.asarray(log_softmax(np.random.default_rng(4).normal(size=(60, 5)), axis=1))
    one, other = (Belief(log_p.copy(), seen, solve(log_p, seen, on_grid(seen, grade_grid(5)), steps=3)) for _ in "ab")
    one.update(5)
    restore(other, arrays(one))
    np.testing.assert_array_equal(other.evidence, one.evidence)
    assert other.solution.annotators.grid.names == ("bias", "spread")
    one.update(2), other.update(2)
    np.testing.assert_array_equal(other.solution.posterior, one.solution.posterior)
