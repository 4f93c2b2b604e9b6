"""Oracle: EM in explicit loops, scipy's optimiser, the axiom that EM never falls, and one model inside another."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn_by
from hypothesis import settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from crowdtune.aggregate import vote_shares
from crowdtune.annotations import Annotations, Floats
from crowdtune.em.coin import Coin, coin
from crowdtune.em.given import Given, finite, flat, given
from crowdtune.em.kernel import kernel
from crowdtune.em.solve import best_sharpness, solve
from tests.crowds import crowd, from_table, lopsided, make_items, with_choices

SETS = [("a", "b"), ("x", "y", "z"), ("only",)]


def mixed(rng: np.random.Generator, n_items: int = 30) -> Annotations:
    """Items of two choices, of three and of one, some without labels; four annotators who skip a third."""
    items = with_choices([SETS[i % 3] for i in range(n_items)], [-1] * n_items)
    said = [
        (i, j, int(rng.integers(len(items.choices(i)))))
        for i in range(1, n_items)
        for j in range(4)
        if rng.random() < 0.7
    ]
    return crowd(items, said, 4)


def table(annotations: Annotations, rng: np.random.Generator) -> Floats:
    """What some model says, normalised over each item's own choices."""
    scores = finite(rng.normal(size=(len(annotations.items), annotations.items.max_choices)), annotations)
    return finite(log_softmax(scores, axis=1), annotations)


def brute_force(
    log_p: Floats, annotations: Annotations, gamma: float, prior: tuple[float, float], steps: int
) -> tuple[list[list[float]], list[float], list[float]]:
    """Posterior, reliabilities and log posteriors of one-coin EM that begins with an M-step from the model."""
    counts = annotations.items.n_choices.tolist()
    rows = list(zip(annotations.item.tolist(), annotations.annotator.tolist(), annotations.label.tolist(), strict=True))

    def model(i: int, power: float) -> list[float]:
        odds = [math.exp(power * log_p[i, k]) for k in range(counts[i])]
        return [p / sum(odds) for p in odds]

    q, s, logs = [model(i, 1.0) for i in range(len(counts))], [0.0] * len(annotations.annotators), []
    for _ in range(steps):
        for a in range(len(s)):
            mine = [q[i][label] for i, b, label in rows if b == a and counts[i] > 1]
            s[a] = (sum(mine) + prior[0] - 1) / (len(mine) + sum(prior) - 2)
        log = sum((prior[0] - 1) * math.log(v) + (prior[1] - 1) * math.log(1 - v) for v in s)
        for i, k in enumerate(counts):
            joint = model(i, gamma)
            for j, a, label in rows:
                if j == i and k > 1:
                    joint = [p * (s[a] if t == label else (1 - s[a]) / (k - 1)) for t, p in enumerate(joint)]
            q[i] = [p / sum(joint) for p in joint]
            log += math.log(sum(joint))
        logs.append(log)
    return q, s, logs


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [1, 7])
def test_one_coin_against_loops(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    annotations = mixed(rng)
    log_p = table(annotations, rng)
    found = given(annotations)
    fit = solve(log_p, found, coin(found, 2.5, 1.5), sharpness=0.7, steps=steps, tolerance=-1.0)
    q, s, logs = brute_force(log_p, annotations, 0.7, (2.5, 1.5), steps)
    np.testing.assert_allclose(fit.annotators.reliability, s, atol=1e-12)
    np.testing.assert_allclose(fit.log_posteriors, logs, rtol=1e-12)
    for i, row in enumerate(q):
        np.testing.assert_allclose(fit.posterior[i, : len(row)], row, atol=1e-12)


@settings(max_examples=40, deadline=None)
@drawn_by(st.integers(0, 10**6), st.floats(1, 5), st.floats(1, 5), st.booleans())
def test_the_log_posterior_never_falls(seed: int, alpha: float, beta: float, fit_sharpness: bool) -> None:
    rng = np.random.default_rng(seed)
    annotations = mixed(rng)
    found = given(annotations)
    gamma = None if fit_sharpness else 1.0
    fit = solve(table(annotations, rng), found, coin(found, alpha, beta), sharpness=gamma, steps=30, tolerance=-1.0)
    assert len(fit.log_posteriors) == 30
    assert np.diff(fit.log_posteriors).min() > -1e-9


@pytest.mark.parametrize("seed", range(10))
def test_with_kernels_it_rises_but_for_their_moving_prior(seed: int) -> None:
    """The crowd's shared errors, the prior's centre, move with the fit: single steps may lose thousandths of a nat."""
    annotations = lopsided(60, np.random.default_rng(seed), missing=0.5)
    found = given(annotations)
    start = vote_shares(annotations)
    values = solve(
        flat(annotations), found, kernel(found, coin(found)), start=start, steps=60, tolerance=-1.0
    ).log_posteriors
    assert values[-1] > values[0] + 1
    assert np.diff(values).min() > -0.05


def test_kernels_without_freedom_are_the_coin() -> None:
    """Uniform shared errors and a strength no label can move."""
    annotations = lopsided(60, np.random.default_rng(3), missing=0.4)
    found = given(annotations)
    one = coin(found)
    stiff = kernel(found, one, strength=1e12)
    np.testing.assert_allclose(stiff.log_likelihood(found), one.log_likelihood(found), atol=1e-9)
    posterior = vote_shares(annotations)
    moved = replace(kernel(found, one, strength=1e12).refit(found, posterior), errors=stiff.errors)
    expected = one.refit(found, posterior)
    np.testing.assert_allclose(moved.coin.reliability, expected.reliability)
    np.testing.assert_allclose(moved.confusion[:, range(3), range(3)], np.repeat(expected.reliability[:, None], 3, 1))


def test_kernel_rows_are_distributions_that_follow_who_has_many_labels() -> None:
    """400 labels of one annotator: the planted matrix, within five standard errors of its thinnest row."""
    annotations = lopsided(400, np.random.default_rng(1))
    found = given(annotations)
    fit = kernel(found, coin(found)).refit(found, np.eye(3)[annotations.items.gold])
    np.testing.assert_allclose(fit.confusion.sum(axis=2), 1)
    from tests.crowds import LOPSIDED

    fewest = np.bincount(annotations.items.gold).min()
    assert np.abs(fit.confusion - LOPSIDED).max() < 5 * math.sqrt(0.25 / fewest)


@pytest.mark.parametrize("seed", range(6))
def test_sharpness_against_scipy(seed: int) -> None:
    """The exponent a general optimiser finds, from a start far off; never below 0."""
    rng = np.random.default_rng(seed)
    log_p = log_softmax(rng.normal(size=(200, 4)), axis=1)
    true = (0.0, 0.5, 1.0, 3.0)[seed % 4]
    chance = np.exp(log_softmax(true * log_p, axis=1))
    truth = (chance.cumsum(axis=1) < rng.random((200, 1))).sum(axis=1)
    posterior = 0.8 * np.eye(4)[truth] + 0.05

    def loss(gamma: float) -> float:
        return -float((posterior * log_softmax(gamma * log_p, axis=1)).sum())

    expected = minimize_scalar(loss, bounds=(0, 20), method="bounded", options={"xatol": 1e-9}).x
    found = 5.0
    for _ in range(3):  # as EM calls it, again and again
        found = best_sharpness(log_p, posterior, found)
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_model_that_knows_nothing_keeps_its_sharpness() -> None:
    assert best_sharpness(np.full((3, 2), -math.log(2)), np.eye(2)[[0, 1, 0]], 1.0) == 1.0


def test_an_annotator_below_chance_informs_by_what_they_exclude() -> None:
    """Ten liars known as such: what they say is the least likely."""
    annotations = from_table([[0] * 10], k=3)
    found = given(annotations)
    evidence = found.per_item(Coin(np.full(10, 0.05)).log_likelihood(found))
    assert evidence[0, 1] == evidence[0, 2] > evidence[0, 0]


def test_items_with_one_choice_are_not_counted_as_right() -> None:
    """The only other label was wrong: reliability is that of one wrong label, not of one in two."""
    annotations = crowd(with_choices([SETS[0], SETS[2]], [-1, -1]), [(0, 0, 0), (1, 0, 0)])
    found = given(annotations)
    assert len(found) == 1
    fit = coin(found).refit(found, np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert fit.reliability.tolist() == [pytest.approx(1 / 3)]


def test_without_labels_the_model_is_believed() -> None:
    annotations = crowd(make_items([-1, -1]), [])
    log_p = np.log([[0.3, 0.7], [0.6, 0.4]])
    found = given(annotations)
    fit = solve(log_p, found, coin(found), sharpness=1.0)
    np.testing.assert_allclose(fit.posterior, np.exp(log_p))


def test_an_annotator_per_task() -> None:
    annotations = crowd(make_items([-1, -1], task=[0, 1]), [(0, 0, 0), (1, 0, 1), (1, 1, 1)])
    found = given(annotations, per_task=True)
    assert (found.n_annotators, found.annotator.tolist()) == (4, [0, 1, 3])


def test_a_part_of_the_labels() -> None:
    annotations = from_table([[0, 1], [1, 1]])
    part = given(annotations).take(np.array([1, 2]))
    assert (part.item.tolist(), part.annotator.tolist(), part.label.tolist()) == ([0, 1], [1, 0], [1, 1])
    assert isinstance(part, Given)
    assert part.per_item(np.ones((2, 2))).tolist() == [[1, 1], [1, 1]]
