"""Measures against people. Oracles: a table by hand, scipy, scikit-learn, a bootstrap that draws items one by one."""

from __future__ import annotations

import time
from math import log2, sqrt

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from scipy.stats import pearsonr, spearmanr

from crowdtune.annotations import Annotations, Floats
from crowdtune.metrics.disagreement import BINS, GROUPS, Asked, compare, quality, terciles
from crowdtune.metrics.distances import js_distance
from crowdtune.metrics.people import against_people, contested, several
from crowdtune.metrics.resampled import drawn
from tests.crowds import crowd, make_items, with_choices

RNG = np.random.default_rng


def made(n: int, k: int = 3, labels: int = 20, seed: int = 0) -> tuple[Floats, Floats, np.ndarray, object]:
    """(predicted, people's shares, counts, items): people drawn, a prediction near them."""
    rng = RNG(seed)
    p = rng.dirichlet([0.6] * k, n)
    counts = np.array([rng.multinomial(labels, row) for row in p])
    q = 0.7 * p + 0.3 * rng.dirichlet([1.0] * k, n)
    return q, counts / labels, counts, make_items([-1] * n, [f"c{c}" for c in range(k)])


def values(found: dict, group: str = "all") -> dict[str, float]:
    return {key: measure["value"] for key, measure in found[group]["measures"].items()}


def test_five_items_by_hand() -> None:
    """Two of four labels tie; unanimous, opposite and halved items; the uniform prediction is each choice alike."""
    counts = np.array([[4, 0], [0, 4], [2, 2], [3, 1], [1, 3]])
    q = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.25, 0.75]])
    found = quality(q, counts / 4, counts, make_items([-1] * 5), RNG(0))
    js = (3 * log2(4 / 5) / 4 * 1 + 0) and (0.75 * log2(0.75 / 0.625) + 0.25 * log2(0.25 / 0.375)) / 2
    js += (0.5 * log2(0.5 / 0.625) + 0.5 * log2(0.5 / 0.375)) / 2
    got = values(found)
    assert got["js_distance"] == pytest.approx((0 + 1 + 0 + sqrt(js) + 0) / 5)
    assert got["js_divergence"] == pytest.approx((1 + js) / 5)
    assert got["total_variation"] == pytest.approx((1 + 0.25) / 5)
    assert got["brier"] == pytest.approx((2 + 2 * 0.25**2) / 5)
    assert got["bhattacharyya"] == pytest.approx((1 + 0 + 1 + sqrt(0.375) + sqrt(0.125) + 1) / 5)
    # item 2 has no majority; item 1 is wrong, item 3 answers both alike: (1 + 0 + 0.5 + 1) / 4
    assert found["all"]["tied"] == 1
    assert got["accuracy"] == pytest.approx(2.5 / 4)
    # majorities 0 1 0 1, answers 0 0 half 1: hits 1.5 of 2 + 2.5, 1 of 2 + 1.5
    assert got["macro_f1"] == pytest.approx((2 * 1.5 / 4.5 + 2 * 1 / 3.5) / 2)
    # choice 0: bins of q at 1 (gap 0 + 1), at 1/2 (0 - 1/4), at 1/4 (0); choice 1 mirrors them, 0 for 1
    assert got["ece"] == pytest.approx((1 + 0.25) / 5)
    assert (found["all"]["from"], found["all"]["to"]) == (0.0, pytest.approx(np.log(2)))
    assert all(measure["low"] is None for measure in found["all"]["measures"].values()), "five items have no interval"


def test_the_same_as_scipy() -> None:
    q, p, counts, items = made(300)
    got = values(quality(q, p, counts, items, RNG(0)))
    assert got["js_distance"] == pytest.approx(jensenshannon(p, q, base=2, axis=1).mean())
    assert got["kl"] == pytest.approx(scipy_entropy(p, q, axis=1).mean())
    assert got["cross_entropy"] == pytest.approx(got["kl"] + scipy_entropy(p, axis=1).mean())
    assert got["entropy_gap"] == pytest.approx((scipy_entropy(q, axis=1) - scipy_entropy(p, axis=1)).mean())
    own = scipy_entropy(p, axis=1), scipy_entropy(q, axis=1)
    assert got["pearson"] == pytest.approx(pearsonr(*own).statistic)
    assert got["spearman"] == pytest.approx(spearmanr(*[v.round(9) for v in own]).statistic)


@pytest.mark.parity
def test_the_same_as_scikit_learn() -> None:
    from sklearn import metrics

    q, p, counts, items = made(300, labels=19)
    counts[np.arange(300), counts.argmax(axis=1)] += 1  # no tie
    got = values(quality(q, p, counts, items, RNG(0)))
    gold, said = counts.argmax(axis=1), q.argmax(axis=1)
    assert got["accuracy"] == pytest.approx(metrics.accuracy_score(gold, said))
    assert got["macro_f1"] == pytest.approx(metrics.f1_score(gold, said, average="macro"))
    assert got["brier"] == pytest.approx(3 * metrics.mean_squared_error(p, q))


def test_weights_are_drawing_items_again() -> None:
    """Any measure under the weights of a draw is that measure of the items drawn, each as often as it was."""
    q, p, counts, items = made(40, labels=5)
    weights = np.concatenate(list(drawn(40, 3, RNG(5))))
    under = Asked.of(p, counts, items).measured(q).under(weights)
    for row, weight in enumerate(weights):
        again = np.repeat(np.arange(40), weight.astype(int))
        alone = make_items([-1] * len(again), ["c0", "c1", "c2"])
        fresh = Asked.of(p[again], counts[again], alone).measured(q[again]).under(np.ones((1, len(again))))
        assert {key: under[key][row] for key in fresh} == pytest.approx({key: v[0] for key, v in fresh.items()})


def test_calibration_by_a_plain_loop() -> None:
    q, p, counts, items = made(200)
    total = 0.0
    for c in range(3):
        place = np.minimum((q[:, c] * BINS).astype(int), BINS - 1)
        total += sum(abs((q - p)[place == b, c].sum()) for b in range(BINS)) / 200
    assert values(quality(q, p, counts, items, RNG(0)))["ece"] == pytest.approx(total / 3)


def test_intervals_hold_what_they_promise() -> None:
    """Of 100 samples of 60 items 95 should hold the value of all 5,000, s.d. 2.2; fewer than 84 are 5 s.d. off."""
    q, p, counts, items = made(5000)
    whole = js_distance(p, q).mean()
    held = 0
    for seed in range(100):
        part = RNG(seed).choice(5000, 60, replace=False)
        asked = Asked.of(p[part], counts[part], items.take(part))
        draws = np.concatenate([asked.measured(q[part]).under(w)["js_distance"] for w in drawn(60, 300, RNG(seed))])
        held += bool(np.quantile(draws, 0.025) <= whole <= np.quantile(draws, 0.975))
    assert held >= 84


def test_terciles_keep_equal_items_together_and_cover_all() -> None:
    assert terciles(np.array([3.0, 1.0, 2.0])).tolist() == [2, 0, 1]
    assert terciles(np.array([0.0, 0.0, 0.0, 0.0, 1.0, 2.0])).tolist() == [0, 0, 0, 0, 2, 2]
    assert terciles(np.zeros(5)).tolist() == [0] * 5
    assert terciles(np.array([])).tolist() == []
    q, p, counts, items = made(100, labels=3)
    found = quality(q, p, counts, items, RNG(0))
    assert sum(found[name]["items"] for name in GROUPS[1:]) == found["all"]["items"] == 100
    ends = [found[name][end] for name in GROUPS[1:] if found[name]["items"] for end in ("from", "to")]
    assert ends == sorted(ends)


def test_of_two_predictions_the_difference_is_paired() -> None:
    """Two predictions that differ by the same on every item: the interval of the difference has no width."""
    q, p, counts, items = made(200)
    other = p[:, [1, 2, 0]]
    found = compare(q, other, p, counts, items, RNG(0))
    one, two = (values(quality(x, p, counts, items, RNG(0))) for x in (q, other))
    assert values(found) == pytest.approx({key: one[key] - two[key] for key in one})
    same = compare(q, q, p, counts, items, RNG(0))["all"]["measures"]["kl"]
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    difference = found["all"]["measures"]["js_distance"]
    assert difference["low"] <= difference["value"] <= difference["high"] < 0, "q is near, the other is turned"


def test_choices_that_differ_have_no_measures_per_choice() -> None:
    items = with_choices([("a", "b", "c"), ("d", "e"), ("f", "g")] * 10, [-1] * 30)
    p = np.where(items.choice_mask, 1.0, 0.0) * RNG(0).random((30, 3))
    p /= p.sum(axis=1, keepdims=True)
    found = quality(p, p, None, items, RNG(0))
    assert "ece" not in found["all"]["measures"]
    assert "macro_f1" not in found["all"]["measures"]
    assert values(found)["js_distance"] == pytest.approx(0)
    assert values(found)["accuracy"] == 1


def test_items_nobody_answered_are_left_out() -> None:
    counts = np.array([[3, 1], [0, 0], [2, 2]])
    p = np.array([[0.75, 0.25], [0.5, 0.5], [0.5, 0.5]])
    assert Asked.of(p, counts, make_items([-1] * 3)).index.tolist() == [0, 2]
    assert Asked.of(p, None, make_items([-1] * 3)).index.tolist() == [0, 1, 2]
    empty = quality(p[:0], p[:0], counts[:0], make_items([]), RNG(0))
    assert empty["all"] == {"items": 0, "tied": 0, "from": None, "to": None, "measures": {}}


def test_several_people() -> None:
    """Two labels or a soft label; one label is none, answers written freely are none."""
    one = crowd(make_items([-1] * 4), [(0, 0, 1), (0, 1, 0), (1, 0, 1)])
    soft = np.array([[0, 0], [0.5, 0.5], [0.2, 0.8], [0, 0]])
    told = Annotations(one.items, one.annotators, one.item, one.annotator, one.label, soft=soft)
    assert several(told).tolist() == [True, False, True, False]
    q = np.full((4, 2), 0.5)
    found = against_people(q, told, RNG(0))
    assert found is not None
    assert (found["items"], found["labels_per_item"]) == (2, 2.0)
    assert found["floor"]["all"]["items"] == 1
    table = contested(q, told)
    assert table["item"] == ["i0", "i2"]
    assert table["people"] == [[0.5, 0.5], [0.2, 0.8]]
    assert table["labels"] == [2, 0]
    assert against_people(q, told.take_items(np.array([1, 3])), RNG(0)) is None


def test_counts_without_names_are_labels_too() -> None:
    counts = np.array([[8, 2], [5, 5]])
    none = np.zeros(0, dtype=np.int64)
    told = Annotations(make_items([-1] * 2), [], none, none, none, counts=counts)
    found = against_people(counts / 10, told, RNG(0))
    assert found is not None
    assert found["labels_per_item"] == 10
    assert found["groups"]["all"]["measures"]["js_distance"]["value"] == 0


@pytest.mark.slow
def test_it_is_fast() -> None:
    q, p, counts, items = made(1600)
    took = []
    for _ in range(3):
        began = time.process_time()
        quality(q, p, counts, items, RNG(0))
        took.append(time.process_time() - began)
    assert min(took) < 1.5, "2,000 draws of 1,600 items, and of the terciles"
