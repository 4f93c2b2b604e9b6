"""Who is believed. Oracles: planted truth with derived bounds, closed forms of centring and posterior, axioms."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import sqrt

import numpy as np
import pytest

from crowdtune.annotations import MASKED, Annotations, Floats, Items
from crowdtune.denoise.panel import Panel, centred, deliberate, pooled
from tests.crowds import crowd, from_table, make_items, with_choices
from tests.denoise.planted import Planted, balanced, cleaned, leaning, misjudged, moved, one_each, planted

LEAN = np.array([2.0, 0.0, -1.0])


@cache
def made(noise: float, accuracy: float = 0.7) -> Planted:
    return planted(noise=noise, accuracy=accuracy)


def judged(noise: float) -> Panel:
    """An expert that leans to one answer, and a classifier."""
    return cleaned(noise)[1].panel


def everybody(items: Items) -> np.ndarray:
    return np.ones(len(items), dtype=bool)


def right(posterior: Floats, gold: np.ndarray) -> float:
    return float((posterior.argmax(axis=1) == gold).mean())


def test_a_constant_lean_is_taken_off_exactly() -> None:
    """Closed form: where an expert says on average the same of all choices, centring finds just the offset."""
    even = balanced(15, 3)
    items = make_items([-1] * len(even), ["a", "b", "c"])
    found = centred(items, leaning(even, LEAN), everybody(items))
    np.testing.assert_allclose(np.exp(found), even, atol=1e-6)
    np.testing.assert_allclose(np.exp(centred(items, even, everybody(items))), even, atol=1e-9)
    np.testing.assert_allclose(np.exp(pooled(items, [leaning(even, LEAN), even])), even, atol=1e-6)


def test_centring_gives_a_leaning_expert_its_accuracy_back() -> None:
    """Answers of an expert right in 70 % evenly; with the lean it says mostly the first choice."""
    one = made(0.3)
    says = leaning(one.shares, LEAN)
    items = one.annotations.items
    own, lean = right(one.shares, one.gold), right(says, one.gold)
    found = right(centred(items, says, everybody(items)), one.gold)
    assert abs(own - 0.7) < 5 * sqrt(0.21 / 300)
    assert lean < own - 0.2
    assert found == own


def test_items_are_centred_with_those_of_the_same_choices() -> None:
    """Two lists of choices in two tasks, as long, with opposite leans: together they would hide each other."""
    even = balanced(10, 2)
    items = replace(
        make_items([-1] * 40, ["a", "b"], [0] * 20 + [1] * 20),
        choice_sets=[("a", "b"), ("x", "y")],
        choice_set=np.repeat([0, 1], 20),
    )
    lean = np.array([1.5, 0.0])
    found = centred(items, np.concatenate([leaning(even, lean), leaning(even, -lean)]), everybody(items))
    np.testing.assert_allclose(np.exp(found), np.concatenate([even, even]), atol=1e-6)


def test_items_with_choices_of_their_own_are_centred_by_place() -> None:
    """Two and three choices mixed: each by how many there are."""
    two, three = balanced(6, 2), balanced(4, 3)
    items = with_choices([(f"a{i}", f"b{i}") for i in range(12)] + [tuple("pqr")] * 24, [-1] * 36)
    wide = np.concatenate([np.pad(leaning(two, np.array([0.0, 1.0])), ((0, 0), (0, 1))), leaning(three, LEAN)])
    found = centred(items, wide, everybody(items))
    np.testing.assert_allclose(np.exp(found[:12, :2]), two, atol=1e-6)
    np.testing.assert_allclose(np.exp(found[12:]), three, atol=1e-6)
    assert (found[:12, 2] <= MASKED).all()


def test_what_is_not_centred() -> None:
    """Free answers, few items with the same choices, and items an expert says nothing of."""
    says = np.array([[0.8, 0.2], [0.7, 0.3], [0.9, 0.1]])
    items = make_items([-1] * 3, ["a", "b"])
    free = replace(items, kinds=("text",))
    np.testing.assert_allclose(np.exp(centred(free, says, everybody(free))), says)
    alone = np.array([True, False, False])
    np.testing.assert_allclose(np.exp(centred(items, says, alone))[0], says[0])
    np.testing.assert_allclose(np.exp(centred(items, says, alone))[1], 0.5)
    few, enough = ((make_items([-1] * n, ["a", "b"]), np.resize(says, (n, 2))) for n in (9, 10))
    np.testing.assert_allclose(np.exp(centred(*few, everybody(few[0]))), few[1])
    np.testing.assert_allclose(np.exp(centred(*enough, everybody(enough[0]))).mean(axis=0), 0.5, atol=1e-6)


def test_the_pool_is_the_mean_of_those_who_speak() -> None:
    """By hand: two experts without a lean, one of whom is silent on some items, both on the last."""
    items = make_items([-1] * 5, ["a", "b"])
    one = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.4, 0.6], [0, 0]])
    other = np.array([[0.7, 0.3], [0.3, 0.7], [0, 0], [0, 0], [0, 0]])
    expected = [[0.8, 0.2], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6], [0.5, 0.5]]
    np.testing.assert_allclose(np.exp(pooled(items, [one, other])), expected, atol=1e-9)
    np.testing.assert_allclose(np.exp(pooled(items, [])), 0.5)


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.5])
def test_planted_reliability_is_found(noise: float) -> None:
    """Of items whose label is right with p each, p (1 - p) is the variance; the prior is worth a label more."""
    one, panel = made(noise), judged(noise)
    p = panel.posterior[np.arange(300), one.given]
    deviation = sqrt(float((p * (1 - p)).sum()) + 1) / 300
    assert abs(panel.annotators.reliability[0] - (one.given == one.gold).mean()) < 5 * deviation
    assert deviation < 0.02  # and that says something
    np.testing.assert_allclose(panel.posterior.sum(axis=1), 1)


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.5])
def test_everybody_together_is_better_than_each(noise: float) -> None:
    """The clouds overlap in less than 1 %; the expert is right in 70 %, the labels in less where half are noise."""
    one, panel = made(noise), judged(noise)
    assert 300 * (1 - right(panel.posterior, one.gold)) < misjudged(300, noise)
    assert misjudged(300, noise) < 0.3 * 0.3 * 300
    assert panel.rounds > 0


def test_the_posterior_is_its_formula() -> None:
    """Item by item, choice by choice, from the reliabilities and the exponent that were found."""
    rng = np.random.default_rng(1)
    gold = rng.integers(3, size=60)
    table = np.stack([moved(gold, 3, share, rng) for share in (0.1, 0.3, 0.5)], axis=1)
    table[rng.random(table.shape) < 0.3] = -1
    annotations = from_table(table.tolist(), gold.tolist(), 3)
    panel = deliberate(annotations, [balanced(10, 3)])
    s = panel.annotators.reliability
    for i in range(60):
        weight = np.exp(panel.sharpness * panel.pool[i])
        for j in range(3):
            if table[i, j] >= 0:
                weight *= np.where(np.arange(3) == table[i, j], s[j], (1 - s[j]) / 2)
        np.testing.assert_allclose(panel.posterior[i], weight / weight.sum(), atol=1e-3)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_right_labels_are_told_from_an_expert_that_knows_its_limits(k: int) -> None:
    """No classifier, one label an item: an expert that is right in 70 %, and says so, is no reason to doubt labels.

    It agrees in as many items as it claims, so that labels must all be right; an expert right in 90 % finds wrong ones.
    """
    one = planted(300, k, noise=0.0)
    panel = deliberate(one.annotations, [one.shares])
    assert right(panel.posterior, one.gold) > 0.99
    assert panel.sharpness == 1
    noisy = planted(300, k, noise=0.3, accuracy=0.9)
    panel = deliberate(noisy.annotations, [noisy.shares])
    assert right(panel.posterior, noisy.gold) > 0.9 - 5 * sqrt(0.09 / 300)
    assert abs(panel.annotators.reliability[0] - 0.7) < 5 * sqrt(0.21 / 300)


def test_models_that_say_the_same_count_once() -> None:
    """Experts confirm each other's mistakes; four times one expert must be that expert, and nobody who says nothing."""
    one = planted(60, accuracy=0.9)
    alone = deliberate(one.annotations, [one.shares])
    for experts in ([one.shares] * 4, [one.shares, np.zeros_like(one.shares)]):
        np.testing.assert_allclose(deliberate(one.annotations, experts).posterior, alone.posterior, atol=1e-9)


def liars(share: float) -> tuple[Annotations, Floats, np.ndarray]:
    """Two choices, annotators right in 90, 10 and 10 %, an expert right in a share of the items."""
    rng = np.random.default_rng(2)
    gold = np.arange(400) % 2
    table = np.stack([moved(gold, 2, noise, rng) for noise in (0.1, 0.9, 0.9)], axis=1)
    says = moved(gold, 2, 1 - share, rng)
    shares = np.where(np.arange(2) == says[:, None], 0.8, 0.2)
    return from_table(table.tolist(), gold.tolist(), 2), shares, gold


def test_liars_are_found_by_an_expert_who_knows() -> None:
    annotations, shares, gold = liars(0.8)
    panel = deliberate(annotations, [shares])
    assert (panel.verdict.status, panel.verdict.by) == ("resolved", "model")
    np.testing.assert_allclose(panel.annotators.reliability, [0.9, 0.1, 0.1], atol=5 * sqrt(0.09 / 400))
    # three votes once two are turned round: wrong in 3 * 0.1^2 * 0.9 + 0.1^3 = 2.8 %
    assert right(panel.posterior, gold) > 1 - 0.028 - 5 * sqrt(0.028 / 400)


def test_without_one_nobody_is_taken_for_a_liar() -> None:
    annotations, _, _ = liars(0.8)
    for experts in ([], [np.full((400, 2), 0.5)]):
        panel = deliberate(annotations, experts)
        assert panel.verdict.status != "resolved"
        assert (panel.annotators.reliability >= 0.5).all()


@pytest.mark.parametrize("k", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_labels_at_chance_beside_a_useless_expert(k: int) -> None:
    """Nothing is known, so that nothing is resolved, and a posterior has no reason to turn any label round."""
    rng = np.random.default_rng(k)
    gold = np.arange(150) % k
    given, says = rng.integers(k, size=150), rng.integers(k, size=150)
    shares = np.where(np.arange(k) == says[:, None], 0.6, 0.4 / (k - 1))
    panel = deliberate(one_each(gold, given, k), [shares], rng.normal(size=(150, 3)))
    assert panel.verdict.status != "resolved"
    assert panel.annotators.reliability[0] >= 1 / k - 1e-9
    leans = panel.posterior[np.arange(150), given] - np.exp(panel.classifier)[np.arange(150), given]  # type: ignore
    assert leans.min() > -0.35


def test_labels_mostly_wrong_do_not_drag_down_an_expert() -> None:
    """Three choices, labels right in 30 %: they tell nothing, so that the expert's 70 % must remain."""
    one = made(0.7)
    panel = deliberate(one.annotations, [one.shares], one.features)
    assert right(panel.posterior, one.gold) > 0.7 - 5 * sqrt(0.21 / 300)
    assert abs(panel.annotators.reliability[0] - 0.3) < 5 * sqrt(0.21 / 300)


def test_an_expert_who_is_silent_on_some_items() -> None:
    """Where it speaks of half of the items the classifier carries what it says over to the others."""
    one = made(0.3)
    half = np.where((np.arange(300) % 2 == 0)[:, None], one.shares, 0.0)
    panel = deliberate(one.annotations, [half], one.features)
    np.testing.assert_allclose(np.exp(panel.pool[1::2]), 1 / 3)
    assert 150 * (1 - right(panel.posterior[1::2], one.gold[1::2])) < misjudged(150, 0.3)


def test_nobody_but_annotators() -> None:
    """Without experts and features: the votes of three who are right alike; of one the labels themselves."""
    rng = np.random.default_rng(3)
    gold = np.arange(200) % 2
    table = np.stack([moved(gold, 2, 0.2, rng) for _ in range(3)], axis=1)
    panel = deliberate(from_table(table.tolist(), gold.tolist()))
    assert (panel.posterior.argmax(axis=1) == (table.sum(axis=1) > 1)).all()
    assert panel.classifier is None
    np.testing.assert_allclose(panel.annotators.reliability, 0.8, atol=5 * sqrt(0.16 / 200) + 0.05)
    alone = deliberate(one_each(gold, table[:, 0], 2))
    assert (alone.posterior.argmax(axis=1) == table[:, 0]).all()
    assert alone.annotators.reliability[0] > 0.55  # no crowd is held possible that is nearer to chance than a tenth


def test_a_classifier_needs_common_choices_and_items_in_every_fold() -> None:
    features = np.random.default_rng(0).normal(size=(12, 2))
    few, enough = (crowd(make_items([0, 1] * 6), [(i, 0, i % 2) for i in range(n)]) for n in (4, 5))
    assert deliberate(few, [], features).classifier is None
    assert deliberate(enough, [], features).classifier is not None
    assert deliberate(enough, [], None).classifier is None
    own = crowd(with_choices([(f"a{i}", f"b{i}") for i in range(12)], [0] * 12), [(i, 0, 0) for i in range(12)])
    assert deliberate(own, [], features).classifier is None
    single = crowd(make_items([0] * 12, ["only"]), [(i, 0, 0) for i in range(12)])
    np.testing.assert_array_equal(deliberate(single, [], features).posterior, 1)
    nobody = crowd(make_items([0, 1] * 6), [])
    np.testing.assert_allclose(deliberate(nobody, [], features).posterior, 0.5)


def mixed(noise: float, n: int = 400) -> tuple[Annotations, Floats]:
    """Items of two and of four choices by turns; one annotator, right in a share of both; an expert right in 85 %."""
    rng = np.random.default_rng(4)
    sizes = np.where(np.arange(n) % 2, 2, 4)
    gold = rng.integers(sizes)
    items = with_choices([tuple(f"{i}{c}" for c in range(k)) for i, k in enumerate(sizes.tolist())], gold.tolist())
    off, says = ((gold + rng.integers(1, sizes)) % sizes for _ in range(2))
    given = np.where(rng.random(n) < noise, off, gold)
    says = np.where(rng.random(n) < 0.15, says, gold)
    shares = np.where(np.arange(4) == says[:, None], 0.85, (0.15 / (sizes - 1))[:, None]) * items.choice_mask
    return crowd(items, [(i, 0, label) for i, label in enumerate(given.tolist())]), shares


def test_two_and_four_choices_mixed() -> None:
    annotations, shares = mixed(0.3)
    panel = deliberate(annotations, [shares])
    assert abs(panel.annotators.reliability[0] - 0.7) < 5 * sqrt(0.21 / 400)
    assert right(panel.posterior, annotations.items.gold) > 0.85 - 5 * sqrt(0.85 * 0.15 / 400)
    assert not panel.posterior[~annotations.items.choice_mask].any()


def test_labels_nobody_contradicts_are_believed_however_few_choices_there_are() -> None:
    """A reliability below a half is above chance for four choices; it must not turn labels among two round."""
    annotations, _ = mixed(0.0)
    for experts in ([], [annotations.items.choice_mask / annotations.items.n_choices[:, None]]):
        panel = deliberate(annotations, experts)
        ahead = panel.posterior[np.arange(400), annotations.label] - 1 / annotations.items.n_choices
        assert (ahead > 0.01).all()


@pytest.mark.parametrize("with_features", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_names_and_order_do_not_matter(with_features: bool) -> None:
    """Items, choices and annotators in another order; folds are drawn anew then, so that numbers differ a little."""
    one = planted(100, accuracy=0.85)
    rng = np.random.default_rng(5)
    second = moved(one.gold, 3, 0.3, rng)
    shares, x = one.shares, one.features if with_features else None
    both = from_table(np.stack([one.given, second], axis=1).tolist(), one.gold.tolist(), 3)
    plain = deliberate(both, [shares], x)
    turn, back = np.array([2, 0, 1]), np.array([1, 2, 0])
    assert (turn[back] == np.arange(3)).all()
    named = deliberate(replace(both, label=turn[both.label]), [shares[:, back]], x)
    others = deliberate(replace(both, annotator=1 - both.annotator), [shares], x)
    order = rng.permutation(100)
    mixed_up = deliberate(both.take_items(order), [shares[order]], None if x is None else x[order])
    worst = 0.03 if with_features else 1e-3
    for found, who in ((named.posterior[:, turn], named), (others.posterior, others)):
        assert np.abs(found - plain.posterior).mean() < worst
        assert (found.argmax(axis=1) == plain.posterior.argmax(axis=1)).mean() > 0.97
        assert who.verdict.status == plain.verdict.status
    assert np.abs(mixed_up.posterior - plain.posterior[order]).mean() < worst
    reliability = plain.annotators.reliability
    np.testing.assert_allclose(others.annotators.reliability[::-1], reliability, atol=worst)
    np.testing.assert_allclose(named.annotators.reliability, reliability, atol=worst)
