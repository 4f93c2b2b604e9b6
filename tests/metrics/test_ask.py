"""Oracles: the best of all plans by enumeration, the information of a plan over all answers, and promises of a plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from crowdtune.annotations import Floats, Ints
from crowdtune.em.given import given
from crowdtune.metrics import more
from crowdtune.metrics.ask import Plan, plan
from crowdtune.metrics.information import expected
from crowdtune.metrics.more import Standing
from tests.crowds import crowd, make_items


def standing(first: list[float], trust: list[float]) -> Standing:
    """Items of two choices with the posterior of the first, annotators who are known; item 0 is annotator 0's."""
    items, p = make_items([-1] * len(first)), np.array(first)
    seen = given(crowd(items, [(0, 0, 0)], len(trust)))
    table = np.stack([p, 1 - p], axis=1)
    share = np.full(len(trust), 1 / len(trust))
    draws = np.tile(trust, (2, 1))
    return Standing(np.log(table), seen, items.n_choices, table, draws, share, (2.0, 2.0), more.DOUBTS * 0.0)


def entropy(shares: Floats) -> float:
    return float(-(shares * np.log(shares)).sum())


def brought(p: Floats, trust: list[float]) -> float:
    """Mutual information of several labels and one truth, over all answers."""
    left = 0.0
    for labels in product(range(2), repeat=len(trust)):
        joint = p.copy()
        for label, s in zip(labels, trust, strict=True):
            joint = joint * np.where(np.arange(2) == label, s, 1 - s)
        left += joint.sum() * entropy(joint / joint.sum())
    return entropy(p) - left


def worth(at: Standing, pairs: list[tuple[int, int]]) -> float:
    trust = at.reliability[0]
    own = [[float(trust[j]) for i, j in pairs if i == item] for item in range(len(at.posterior))]
    return sum(brought(p, s) for p, s in zip(at.posterior, own, strict=True))


def pairs(made: Plan) -> list[tuple[int, int]]:
    return list(zip(made.item.tolist(), made.annotator.tolist(), strict=True))


def test_a_plan_is_nearly_the_best_of_all() -> None:
    """Three items, three annotators of one or two labels each, four labels: within 3 % of the best of all plans."""
    at, most = standing([0.5, 0.8, 0.65], [0.9, 0.7, 0.2]), np.array([2, 1, 2])
    made = plan(at, 4, most, np.random.default_rng(0))
    free = [(i, j) for i in range(3) for j in range(3) if (i, j) != (0, 0)]
    best = max(
        worth(at, list(chosen))
        for chosen in combinations(free, 4)
        if all(sum(who == j for _, who in chosen) <= most[j] for j in range(3))
    )
    assert worth(at, pairs(made)) >= 0.97 * best
    assert made.nats.sum() == pytest.approx(worth(at, pairs(made)), rel=0.15)  # 32 draws of the answers between


def test_nobody_is_asked_twice_or_for_more_than_he_has() -> None:
    rng = np.random.default_rng(0)
    at, most = standing([0.5] * 6, [0.9, 0.8, 0.7, 0.5]), np.array([4, 3, 9, 9])
    made = plan(at, 100, most, rng)
    assert (0, 0) not in pairs(made)
    assert len(set(pairs(made))) == len(pairs(made)) == 4 + 3 + 6
    assert np.bincount(made.annotator, minlength=4).tolist() == [4, 3, 6, 0]  # who guesses is not asked


def test_only_what_is_offered_is_asked_for() -> None:
    at = standing([0.5, 0.5, 0.9], [0.9, 0.8, 0.7])
    offered = {0: np.array([0, 1]), 2: np.array([2])}
    made = plan(at, 10, np.full(3, 9), np.random.default_rng(0), offered=offered)
    assert pairs(made) == [(0, 1), (2, 2)]


def test_the_first_label_is_the_most_telling_pair() -> None:
    """A liar of 0.05 on the least sure item; the nats are those of the closed form."""
    at = standing([0.9, 0.55, 0.97], [0.9, 0.05, 0.6])
    made = plan(at, 1, np.ones(3, dtype=np.int64), np.random.default_rng(0))
    assert pairs(made) == [(1, 1)]
    told = expected(at.posterior[1:2], np.array([2]), np.array([0.05]))
    assert made.nats == pytest.approx(told)


def test_where_nobody_knows_anything_nobody_is_asked() -> None:
    for trust, most in (([0.5, 0.5], 9), ([0.9, 0.9], 0)):
        made = plan(standing([0.5, 0.5], trust), 5, np.full(2, most), np.random.default_rng(0))
        assert pairs(made) == []


def test_items_of_one_choice_and_of_several() -> None:
    at = standing([0.5, 0.5, 0.5], [0.9, 0.9])
    wide: Ints = np.array([2, 3, 1])
    table = np.array([[0.5, 0.5, 0.0], [0.4, 0.3, 0.3], [1.0, 0.0, 0.0]])
    at = replace(at, posterior=table, choices=wide)
    made = plan(at, 10, np.full(2, 9), np.random.default_rng(0))
    assert made.item[0] == 1
    assert 2 not in made.item
