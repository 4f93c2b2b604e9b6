"""Oracles: closed forms for two things, planted scores, reliabilities and lean, the mirror of a comparison."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from crowdtune import Annotations, InputError, Items
from crowdtune.aggregate import Fit, aggregator
from crowdtune.aggregate.bradley_terry import log_prior, scores_of
from crowdtune.annotations import Floats, Ints
from crowdtune.metrics.accuracy import accuracy
from tests.crowds import crowd, from_table

TIE = "tie"


def pair_items(pairs: Ints, gold: Ints, extra: tuple[str, ...] = ()) -> Items:
    """Items that compare things m0, m1, ..."""
    n = len(pairs)
    ids, none = [f"i{i}" for i in range(n)], np.zeros(n, dtype=np.int64)
    sets = [(f"m{a}", f"m{b}", *extra) for a, b in pairs.tolist()]
    return Items(ids, ids, sets, np.arange(n), ["t0"], none, gold, [""] * n, ("pair",))


def comparers(
    scores: Floats, n: int, per_item: int, right: Floats, rng: np.random.Generator, lean: float = 0.0
) -> Annotations:
    """`n` random comparisons, `per_item` labels each; `lean` nats towards the first."""
    pairs = np.array([rng.choice(len(scores), 2, replace=False) for _ in range(n)])
    gap = scores[pairs[:, 0]] - scores[pairs[:, 1]]
    truth = (rng.random(n) > 1 / (1 + np.exp(-gap))).astype(np.int64)
    item = np.repeat(np.arange(n), per_item)
    who = rng.random((n, len(right))).argsort(axis=1)[:, :per_item].ravel()
    odds = np.where(truth[item] == 0, 1, -1) * np.log(right / (1 - right))[who] + 2 * lean
    label = (rng.random(len(item)) > 1 / (1 + np.exp(-odds))).astype(np.int64)
    triples = list(zip(item.tolist(), who.tolist(), label.tolist(), strict=True))
    return crowd(pair_items(pairs, truth), triples, len(right))


def fit(annotations: Annotations) -> Fit:
    return aggregator("bradley-terry").fit(annotations)


def test_two_things_in_closed_form() -> None:
    """30 wins to 10 without a prior: the difference is log 3, and the mean 0."""
    wanted = np.repeat([[1.0, 0.0], [0.0, 1.0]], [30, 10], axis=0)
    found = scores_of(wanted, np.tile([0, 1], (40, 1)), 2, np.zeros(3), variance=1e12)
    np.testing.assert_allclose(found[:2], [math.log(3) / 2, -math.log(3) / 2], atol=1e-4)


def test_two_things_and_ties_in_closed_form() -> None:
    """Outcomes 24 : 6 : 12 are e^{d/2} : e^{-d/2} : nu, so d = log 4 and nu = 12 / sqrt(24 x 6) = 1."""
    wanted = np.repeat(np.eye(3), [24, 6, 12], axis=0)
    pairs = np.tile([0, 1], (42, 1))
    found = scores_of(wanted, pairs, 2, np.zeros(3), variance=1e12)
    assert found[0] - found[1] == pytest.approx(math.log(4), abs=1e-4)
    assert found[2] == pytest.approx(0.0, abs=1e-4)
    np.testing.assert_allclose(np.exp(log_prior(found, pairs, 3))[0], [24 / 42, 6 / 42, 12 / 42], atol=1e-4)


def test_scores_are_centred_wherever_they_begin() -> None:
    wanted = np.repeat([[1.0, 0.0], [0.0, 1.0]], [30, 10], axis=0)
    found = scores_of(wanted, np.tile([0, 1], (40, 1)), 2, np.array([5.0, 5.0, 0.0]), variance=1e12)
    assert found[:2].sum() == pytest.approx(0, abs=1e-9)


def test_planted_scores_are_found_and_who_prefers_the_worse_is_told() -> None:
    """20 things, 600 comparisons by three of ten each; the first annotator is wrong nine times in ten."""
    right = np.array([0.1, 0.95, 0.95, 0.8, 0.8, 0.8, 0.6, 0.6, 0.6, 0.95])
    for seed in range(3):
        rng = np.random.default_rng(seed)
        scores = rng.normal(0, 1.5, 20)
        annotations = comparers(scores, 600, 3, right, rng, lean=0.4)
        found = fit(annotations)
        ranked = [found.scores[f"m{p}"] for p in range(20)]
        assert spearmanr(ranked, scores)[0] > 0.88  # 60 outcomes each: s.d. of a score 0.3, of all scores 1.5
        assert found.columns["right"][0] < 0.25
        np.testing.assert_allclose(found.columns["right"], right, atol=0.17)  # 180 labels each: 5 s.d. of 0.034
        said_first = [1 / (1 + np.exp(-(side * np.log(right / (1 - right)) + 2 * 0.4))) for side in (1, -1)]
        lean = np.mean(said_first, axis=0) - 0.5
        assert np.mean(found.columns["lean"]) == pytest.approx(lean.mean(), abs=0.05)
        vote = accuracy(aggregator("majority").fit(annotations).posterior, annotations.items.gold)
        assert accuracy(found.posterior, annotations.items.gold) > vote + 0.05


def test_one_label_of_each_comparison_is_judged_by_the_others() -> None:
    """600 comparisons with one label: the vote is what was said, scores know better."""
    rng = np.random.default_rng(0)
    annotations = comparers(rng.normal(0, 1.5, 20), 600, 1, np.array([0.1, *[0.95, 0.8, 0.6] * 3]), rng)
    found = fit(annotations)
    assert found.columns["right"][0] < 0.5
    vote = accuracy(aggregator("majority").fit(annotations).posterior, annotations.items.gold)
    assert accuracy(found.posterior, annotations.items.gold) > vote + 0.05


def test_shown_the_other_way_round_nothing_changes_but_the_lean() -> None:
    rng = np.random.default_rng(1)
    one = comparers(rng.normal(0, 1, 8), 200, 2, rng.uniform(0.6, 0.95, 6), rng, lean=0.5)
    sets = [choices[::-1] for choices in one.items.choice_sets]
    other = replace(one, items=replace(one.items, choice_sets=sets), label=1 - one.label)
    a, b = fit(one), fit(other)
    np.testing.assert_allclose(a.posterior, b.posterior[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(list(a.scores.values()), list(b.scores.values()), atol=1e-3)
    np.testing.assert_allclose(a.columns["lean"], -np.array(b.columns["lean"]), atol=1e-3)


def test_parts_that_never_meet_are_centred_each_and_said_so() -> None:
    pairs = np.array([[0, 1], [1, 0], [2, 3], [3, 2]] * 3)
    gold = np.array([0, 1, 0, 1] * 3)
    items = pair_items(pairs, gold)
    found = fit(crowd(items, [(i, j, int(gold[i])) for i in range(12) for j in range(3)]))
    scores = found.scores
    assert scores["m0"] == pytest.approx(-scores["m1"]) and scores["m2"] == pytest.approx(-scores["m3"])  # noqa: PT018
    assert scores["m0"] > 0.5
    assert "fall into 2 parts" in found.notes[0]


def test_ties_of_the_crowd_are_ties_of_the_posterior() -> None:
    pairs = np.array([[0, 1], [1, 2], [2, 0]] * 4)
    items = pair_items(pairs, np.full(12, -1), (TIE,))
    found = fit(crowd(items, [(i, j, 2) for i in range(12) for j in range(3)]))
    assert (found.posterior.argmax(axis=1) == 2).all()
    np.testing.assert_allclose(list(found.scores.values()), 0, atol=1e-4)


def test_the_bound_never_falls() -> None:
    rng = np.random.default_rng(3)
    values = fit(comparers(rng.normal(0, 1, 10), 300, 2, rng.uniform(0.5, 0.95, 8), rng)).log_posteriors["t0"]
    assert len(values) > 3
    assert np.diff(values).min() > -1e-5


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match=r"bradley-terry needs answers of kind 'pair'"):
        fit(from_table([[0, 1]]))
    four = from_table([[0, 1]], k=4)
    with pytest.raises(InputError, match=r"two things and perhaps a tie.*'t0' have 4 choices"):
        fit(replace(four, items=replace(four.items, kinds=("pair",))))
