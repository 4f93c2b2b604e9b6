"""Oracles: gold never shown, on crowds where it is known which aggregator is right; the formula on paper."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from crowdtune import Annotations
from crowdtune.aggregate import Fit, aggregator, evidence
from crowdtune.aggregate._held_out import folds, log_loss
from crowdtune.annotations import Items
from crowdtune.metrics.accuracy import accuracy
from crowdtune.simulate import simulate
from tests.aggregate.test_bradley_terry import comparers
from tests.aggregate.test_one_coin import thin_crowd
from tests.aggregate.test_ordinal_dawid_skene import graders
from tests.crowds import crowd, from_table, lopsided, make_items


def fit(annotations: Annotations) -> Fit:
    return aggregator("auto").fit(annotations)


def right(name: str, annotations: Annotations) -> float:
    return accuracy(aggregator(name).fit(annotations).posterior, annotations.items.gold)


def test_thin_crowds_get_one_coin() -> None:
    """Crowds of test_one_coin, where it is 3 points above the vote; never one that is worse than the vote."""
    for seed in range(3):
        annotations = thin_crowd(seed)
        found = fit(annotations)
        assert found.chosen == {"t0": "one-coin"}
        assert accuracy(found.posterior, annotations.items.gold) > right("majority", annotations)
        assert "reliability_low" in found.intervals


def test_annotators_who_confuse_choices_their_own_way_get_matrices() -> None:
    """LOPSIDED calls truth 1 often 0: with 1,000 items seen by seven, matrices are worth what they cost."""
    found = fit(lopsided(1000, np.random.default_rng(0)))
    assert found.chosen == {"t0": "dawid-skene"}
    assert "t0" in found.confusion


def test_a_crowd_of_equals_gets_the_vote() -> None:
    """Everybody is right on 80 % of the items: nothing is to be had by telling them apart."""
    rng = np.random.default_rng(1)
    annotations = simulate(make_items(rng.integers(2, size=300)), np.full(9, 0.8), rng=rng)
    found = fit(annotations)
    assert right("one-coin", annotations) - accuracy(found.posterior, annotations.items.gold) < 0.02
    assert found.chosen["t0"] in ("majority", "one-coin")


def test_each_kind_gets_its_own() -> None:
    rng = np.random.default_rng(2)
    grades = graders(400, 3, rng.normal(0, 0.5, 30), rng.uniform(0.3, 1.0, 30), rng)
    assert fit(grades).chosen == {"t0": "ordinal-dawid-skene"}
    pairs = comparers(rng.normal(0, 1.5, 15), 600, 2, rng.uniform(0.55, 0.95, 10), rng)
    found = fit(pairs)
    assert found.chosen == {"t0": "bradley-terry"}
    assert len(found.scores) == 15


def test_tasks_of_two_kinds_are_answered_each_in_its_way() -> None:
    """Words with two choices beside grades: as if each were alone."""
    rng = np.random.default_rng(3)
    grades = graders(200, 3, rng.normal(0, 0.5, 20), rng.uniform(0.3, 1.0, 20), rng)
    words = simulate(make_items(rng.integers(2, size=100)), rng.uniform(0.6, 0.95, 20), overlap="3", rng=rng)
    both = _beside(grades, words)
    found = fit(both)
    assert set(found.chosen) == {"grades", "words"}
    assert {row["task"] for row in found.compared} == {"grades", "words"}
    np.testing.assert_allclose(found.posterior[:200], fit(grades).posterior)
    np.testing.assert_allclose(found.posterior[200:, :2], fit(words).posterior)
    assert found.columns["bias:grades"][0] == pytest.approx(fit(grades).columns["bias"][0])


def _beside(one: Annotations, other: Annotations) -> Annotations:
    n, m = len(one.items), len(other.items)
    items = Items(
        ids=[f"x{i}" for i in range(n + m)],
        prompts=[""] * (n + m),
        choice_sets=[*one.items.choice_sets, *other.items.choice_sets],
        choice_set=np.repeat([0, 1], [n, m]),
        tasks=["grades", "words"],
        task=np.repeat([0, 1], [n, m]),
        gold=np.concatenate([one.items.gold, other.items.gold]),
        splits=[""] * (n + m),
        kinds=("grade", "choice"),
    )
    columns = {"annotator": np.concatenate([one.annotator, other.annotator])}
    columns |= {"item": np.concatenate([one.item, other.item + n]), "label": np.concatenate([one.label, other.label])}
    return replace(one, items=items, **columns)


def test_what_was_compared_is_told() -> None:
    found = fit(thin_crowd(0))
    rows = {row["aggregator"]: row for row in found.compared}
    assert list(rows) == ["majority", "one-coin", "mace", "dawid-skene"]
    best = min(rows.values(), key=lambda row: row["nats"])
    for row in rows.values():
        assert row["more"] == pytest.approx(row["nats"] - best["nats"])
        assert row["error"] >= 0
        assert row["chosen"] == (row["aggregator"] == found.chosen["t0"])
    assert rows["majority"]["more"] > 2 * rows["majority"]["error"]


def test_loss_by_hand() -> None:
    """Items of their own choices, so one coin: 3 of 4 labels met agree with the truths, prior 4 at (3 + 1) / (4 + 2).

    a0 was right on both of his: (2 + 4 x 2/3) / (2 + 4) = 7/9; asked about an item known to be its choice 0 by 0.9.
    """
    none = np.zeros(3, dtype=np.int64)
    sets = [("a", "b"), ("c", "d"), ("e", "f")]
    items = Items(list("xyz"), list("xyz"), sets, np.arange(3), ["t"], none, none - 1, [""] * 3)
    met = crowd(items, [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1)])
    scored = crowd(items, [(2, 0, 0), (2, 1, 1)])
    posterior = np.array([[1, 0], [1, 0], [0.9, 0.1]])
    lost = log_loss(posterior, met, scored)
    other = (1 + 4 * 2 / 3) / 6
    expected = [-math.log(0.9 * 7 / 9 + 0.1 * 2 / 9), -math.log(0.1 * other + 0.9 * (1 - other))]
    np.testing.assert_allclose(lost, expected, rtol=1e-9)


def test_folds_are_tenths_that_cover_all_whatever_the_order() -> None:
    annotations = lopsided(50, np.random.default_rng(0), missing=0.3)
    found = folds(annotations, np.random.default_rng(0))
    assert len(found) == 10
    assert sorted(np.concatenate(found).tolist()) == list(range(len(annotations)))
    order = np.random.default_rng(1).permutation(len(annotations))
    again = folds(annotations.take_labels(order), np.random.default_rng(0))
    assert [sorted(order[rows].tolist()) for rows in again] == [sorted(rows.tolist()) for rows in found]


def test_evidence_leaves_those_that_can_use_it() -> None:
    rng = np.random.default_rng(4)
    annotations = simulate(make_items(rng.integers(2, size=80)), np.full(5, 0.7), rng=rng)
    gold = np.arange(80) < 20
    found = aggregator("auto").fit(annotations, evidence(annotations, gold))
    assert [row["aggregator"] for row in found.compared] == ["one-coin", "dawid-skene"]
    assert (found.posterior.argmax(axis=1) == annotations.items.gold)[:20].all()


def test_two_labels_are_enough_to_be_asked() -> None:
    assert fit(from_table([[0, 0], [1, -1]])).posterior.argmax(axis=1).tolist() == [0, 1]
    assert fit(from_table([[1]])).posterior[0, 1] >= 0.5
