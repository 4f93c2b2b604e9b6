"""Oracles: enumeration of every subset and every answer, closed forms, the axioms of Shapley, planted crowds."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from scipy.special import logsumexp

from crowdtune.annotations import Floats
from crowdtune.em.coin import Coin
from crowdtune.em.given import given
from crowdtune.metrics import information, more
from crowdtune.simulate import simulate
from tests.crowds import crowd, from_table, make_items, with_choices


def entropy(shares: Floats) -> float:
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def by_all_orders(log_p: Floats, told: Floats) -> Floats:
    """Shapley values of log Z by its definition: what each label adds, over all orders one by one."""
    found = np.zeros(len(told))
    orders = list(permutations(range(len(told))))
    for order in orders:
        before = log_p - logsumexp(log_p)
        for n in order:
            found[n] += logsumexp(before + told[n]) - logsumexp(before)
            before = before + told[n]
    return found / len(orders)


@pytest.mark.parametrize("exact", [8, 0])
def test_shares_are_those_of_all_orders(exact: int) -> None:
    """Items with different choices and numbers of labels; drawn orders within five of their standard errors."""
    items = with_choices([("a", "b"), ("x", "y", "z"), ("a", "b", "c", "d")], [-1] * 3)
    labels = crowd(items, [(0, 0, 1), (1, 0, 2), (1, 1, 2), (1, 2, 0), (2, 0, 3), (2, 1, 3), (2, 2, 3), (2, 3, 0)])
    rng = np.random.default_rng(0)
    log_p = np.where(items.choice_mask, rng.normal(size=(3, 4)), -1e9)
    seen = given(labels)
    told = Coin(np.array([0.9, 0.3, 0.6, 0.7])).log_likelihood(seen)
    found = information.shared_evidence(log_p, seen, told, rng, exact)
    for i in range(3):
        rows = seen.item == i
        own = by_all_orders(log_p[i], told[rows])
        assert found[rows] == pytest.approx(own, abs=1e-9 if exact else 0.15)
        whole = logsumexp(log_p[i] + told[rows].sum(axis=0)) - logsumexp(log_p[i])
        assert found[rows].sum() == pytest.approx(whole, abs=1e-9)  # efficiency, of drawn orders too


def test_values_sum_to_what_all_labels_bring() -> None:
    """Efficiency, with the total worked out from the posterior alone."""
    rng = np.random.default_rng(1)
    annotations = simulate(make_items(rng.integers(2, size=60)), np.array([0.9, 0.8, 0.7, 0.6, 0.5]), rng=rng)
    at = more.standing(annotations, rng)
    gold = annotations.items.gold
    found = information.realised(at, rng, gold, draws=3)
    nats = at.log_p + at.given.evidence(Coin(found.trust))
    rows = np.arange(60)
    total = (nats[rows, gold] - logsumexp(nats, axis=1) - at.log_p[rows, gold] + logsumexp(at.log_p, axis=1)).sum()
    assert found.values.sum() == pytest.approx(total)


def test_who_says_the_same_gets_the_same_and_less_when_last() -> None:
    """Symmetry, and the sixth who agrees adds little to the five before."""
    rng = np.random.default_rng(0)
    at = more.standing(from_table([[i % 2] * 6 for i in range(40)]), rng)
    found = information.realised(at, rng)
    assert found.values == pytest.approx(np.full(6, found.values.mean()))
    assert found.values.sum() == pytest.approx(40 * np.log(2), rel=0.01)
    assert found.last.max() < 0.05 * found.values.min()


def test_a_label_tells_what_a_binary_symmetric_channel_does() -> None:
    """log 2 - h(s) on an open item; 0.1 as 0.9; nothing at 0.5, on items of one choice and on sure ones."""
    for s in (0.1, 0.5, 0.77, 0.9):
        found = information.expected(np.array([[0.5, 0.5]]), np.array([2]), np.array([s]))[0]
        assert found == pytest.approx(np.log(2) - entropy(np.array([s, 1 - s])))
    table = np.array([[0.3, 0.7], [1.0, 0.0], [1.0, 0.0]])
    found = information.expected(table, np.array([2, 2, 1]), np.array([0.5, 0.9, 0.9]))
    assert found == pytest.approx([0, 0, 0], abs=1e-12)
    mirrored = [information.expected(table[:1], np.array([2]), np.array([s]))[0] for s in (0.1, 0.9)]
    assert mirrored[0] == pytest.approx(mirrored[1])


def test_what_is_expected_is_the_fall_of_entropy_over_all_answers() -> None:
    """Three choices of four: answers enumerated, posteriors by Bayes."""
    p, s = np.array([0.5, 0.3, 0.2, 0.0]), 0.6
    fall = entropy(p)
    for label in range(3):
        joint = p * np.where(np.arange(4) == label, s, (1 - s) / 2)
        fall -= joint.sum() * entropy(joint / joint.sum())
    assert information.expected(p[None], np.array([3]), np.array([s]))[0] == pytest.approx(fall)


def test_realised_is_on_average_the_mutual_information() -> None:
    """All answers of two annotators to one item, each weighed by how probable it is: E v(all) = I(truth; labels)."""
    trust = np.array([0.8, 0.65])
    brought, fall = 0.0, np.log(2)
    for labels in product(range(2), repeat=2):
        seen = given(from_table([list(labels)]))
        told = Coin(trust).log_likelihood(seen)
        share = information.shared_evidence(np.zeros((1, 2)), seen, told, np.random.default_rng(0))
        likely = 0.5 * np.exp(told.sum(axis=0))
        brought += float((likely * (told - share[:, None]).sum(axis=0)).sum())
        fall -= likely.sum() * entropy(likely / likely.sum())
    assert brought == pytest.approx(fall)


def test_further_is_the_mean_over_items() -> None:
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(3), size=50)
    count = np.full(50, 3)
    for s in (0.2, 1 / 3, 0.71):
        mean = information.expected(table, count, np.full(50, s)).mean()
        assert information.further(table, count, np.array(s)) == pytest.approx(mean, abs=1e-4)


def test_guesses_are_worth_nothing_and_thin_annotators_are_told() -> None:
    """Eight good annotators, one who guesses and one with three labels."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=200)
    labels = np.where(rng.random((200, 10)) < [0.85] * 8 + [0.5, 0.9], truth[:, None], 1 - truth[:, None])
    labels[3:, 9] = -1
    at = more.standing(from_table(labels.tolist()), rng)
    found = information.realised(at, rng)
    low, high = np.quantile(found.draws, [0.025, 0.975], axis=0)
    assert low[8] < 0 < high[8]
    assert low[:8].min() > high[8]
    assert information.further(at.posterior, at.choices, at.reliability.mean(axis=0))[8] < 1e-3
    met = information.evidence(at)
    assert met.tolist() == [200] * 9 + [3]
    assert information.thin(found.reliability, met).tolist() == [False] * 9 + [True]


def test_gold_counts_as_evidence_and_as_the_truth() -> None:
    """A single annotator who contradicts gold everywhere brings less than nothing."""
    annotations = from_table([[1]] * 20, gold=[0] * 20)
    at = more.standing(annotations, np.random.default_rng(0))
    gold = annotations.items.gold
    assert information.evidence(at).tolist() == [0]
    assert information.evidence(at, gold).tolist() == [20]
    assert information.realised(at, np.random.default_rng(0), gold).values.max() < 0
