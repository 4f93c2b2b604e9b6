"""Oracles: the coin, a coin per task, scipy's optimiser, and planted reliabilities whose tasks are never shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit

from crowdtune.em.coin import coin
from crowdtune.em.given import Given, finite, given
from crowdtune.em.solve import solve
from crowdtune.em.stages import Stage, try_stage
from crowdtune.em.state import clusters, read_out, state_coin
from crowdtune.simulate import reliability, simulate
from tests.crowds import make_items
from tests.em.priors import informed


def labels(n: int, j: int, k: int, rng: np.random.Generator) -> Given:
    """Every annotator labels every item at random."""
    item, annotator = np.repeat(np.arange(n), j), np.tile(np.arange(j), n)
    return Given(item, annotator, rng.integers(k, size=n * j), np.full(n * j, k), n, j, k)


def test_without_weights_it_is_the_coin() -> None:
    rng = np.random.default_rng(0)
    seen = labels(30, 4, 3, rng)
    one = coin(seen).refit(seen, rng.dirichlet(np.ones(3), 30))
    made = state_coin(one, rng.normal(size=(30, 5)))
    np.testing.assert_allclose(made.log_likelihood(seen), one.log_likelihood(seen), atol=1e-9)


def test_with_an_indicator_of_tasks_it_is_a_coin_for_each_task() -> None:
    """Flat priors, so that both are relative frequencies."""
    rng = np.random.default_rng(1)
    seen, task = labels(400, 3, 2, rng), rng.integers(3, size=400)
    posterior = rng.dirichlet(np.ones(2), 400)
    made = state_coin(coin(seen, 1.0, 1.0), np.eye(3)[task], ridge=1e-9)
    for _ in range(300):
        made = made.refit(seen, posterior)
    split = replace(seen, annotator=seen.annotator * 3 + task[seen.item], n_annotators=9)
    expected = coin(split, 1.0, 1.0).refit(split, posterior).reliability
    found = made.reliability(seen.item, seen.annotator)
    np.testing.assert_allclose(found, expected[split.annotator], atol=1e-3)


def test_the_m_step_is_a_penalised_logistic_regression() -> None:
    rng = np.random.default_rng(2)
    seen, phi = labels(200, 1, 2, rng), rng.normal(size=(200, 3))
    right = rng.random(200)
    posterior = np.where(np.arange(2)[None, :] == seen.label[:, None], right[:, None], 1 - right[:, None])
    made = state_coin(coin(seen), phi)
    for _ in range(200):
        made = made.refit(seen, posterior)

    def loss(w: np.ndarray) -> float:
        z = w[0] + phi @ w[1:]
        prior = log_expit(w[0]) + log_expit(-w[0]) - (w[1:] ** 2).sum() / 2
        return -float((right * log_expit(z) + (1 - right) * log_expit(-z)).sum() + prior)

    best = minimize(loss, np.zeros(4), tol=1e-12).x
    np.testing.assert_allclose(made.weight[0], best, atol=1e-4)


def test_em_never_loses_log_posterior() -> None:
    rng = np.random.default_rng(3)
    seen = labels(100, 5, 3, rng)
    log_p = np.log(rng.dirichlet(np.ones(3), 100))
    found = solve(log_p, seen, state_coin(coin(seen), rng.normal(size=(100, 4))), steps=60, tolerance=-1.0)
    assert len(found.log_posteriors) == 60
    assert np.diff(found.log_posteriors).min() > -1e-8


def test_planted_reliabilities_are_found_without_being_told_the_tasks() -> None:
    """Multi #1: the majority lies in every task, each annotator is reliable in one. phi sees the tasks through noise.

    600 items a task, reliabilities of sd <= .013 each; the shrinkage of a prior N(0, 1) on weights is the larger part.
    """
    rng = np.random.default_rng(4)
    task = np.repeat([0, 1, 2], 600)
    items = make_items(rng.integers(2, size=1800).tolist(), task=task.tolist())
    crowd = simulate(items, reliability("multi1"), rng=rng)
    hidden = (np.eye(3)[task] @ rng.normal(size=(3, 40)) + 0.3 * rng.normal(size=(1800, 40))).astype(np.float32)
    log_p, seen = finite(informed(items.gold, 2, 0.75, rng), crowd), given(crowd)
    phi = read_out(hidden, 8)
    one = solve(log_p, seen, coin(seen))
    found, trial = try_stage("state", log_p, seen, one, Stage(lambda s, end: state_coin(coin(s), phi), early=True), rng)
    assert trial.kept
    assert np.abs(one.annotators.reliability - 0.37).max() < 0.1  # one number cannot say it
    for j in range(3):
        for m in range(3):
            inside = np.flatnonzero(task == m)
            mean = found.annotators.reliability(inside, np.full(len(inside), j)).mean()
            assert abs(mean - (0.9 if j == m else 0.1)) < 0.1, (j, m, mean)
    right = (found.posterior.argmax(axis=1) == items.gold).mean()
    assert right > (one.posterior.argmax(axis=1) == items.gold).mean() + 0.1


def test_a_read_out_has_mean_0_and_variance_1_and_no_more_directions_than_there_are() -> None:
    rng = np.random.default_rng(5)
    flat = (rng.normal(size=(50, 2)) @ rng.normal(size=(2, 10))).astype(np.float32)
    phi = read_out(flat, 8)
    assert phi.shape == (50, 2)
    np.testing.assert_allclose(phi.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(phi.T, bias=True), np.eye(2), atol=1e-4)
    assert read_out(np.ones((5, 3), np.float32), 8).shape == (5, 0)


def test_clusters_follow_groups_that_lie_apart() -> None:
    rng = np.random.default_rng(6)
    where = np.repeat([0, 1], 30)
    group = clusters(np.eye(2)[where] * 10 + rng.normal(size=(60, 2)), 2, rng)
    assert len({(a, b) for a, b in zip(group.tolist(), where.tolist(), strict=True)}) == 2
    assert clusters(np.full((4, 2), 0.5), 3, rng).tolist() == [0, 0, 0, 0]
