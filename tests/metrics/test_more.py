"""Oracle: crowds whose truth and reliabilities are known, and cases that need no arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.metrics import more
from crowdtune.simulate import simulate
from tests.crowds import crowd, make_items, with_choices


def three_each(seed: int = 0, reliability: float | None = None) -> Annotations:
    """200 items, three labels each by 40 annotators of Beta(6, 2), or all alike."""
    rng = np.random.default_rng(seed)
    s = rng.beta(6, 2, size=40) if reliability is None else np.full(40, reliability)
    return simulate(make_items(rng.integers(2, size=200)), s, overlap="3", rng=rng)


def without_gold(annotations: Annotations) -> Annotations:
    items = annotations.items
    return replace(annotations, items=replace(items, gold=np.full(len(items), -1)))


def test_accuracy_now_is_in_its_interval() -> None:
    """Of 8 crowds at least 6: with 95 % intervals fewer happen once in 200 times."""
    inside = 0
    for seed in range(8):
        annotations, rng = three_each(seed), np.random.default_rng(seed)
        at = more.standing(without_gold(annotations), rng)
        low, high = np.quantile(more.now(at, rng), [0.025, 0.975])
        inside += low <= (at.posterior.argmax(axis=1) == annotations.items.gold).mean() <= high
    assert inside >= 6


def test_what_is_foreseen_comes_about() -> None:
    """Five labels per item foreseen from three: mean over four crowds within two points of what the truth gives."""
    gaps = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth, s = rng.integers(2, size=400), rng.beta(6, 2, size=40)
        annotations = simulate(make_items(truth), s, overlap="5", rng=rng)
        at = more.standing(without_gold(annotations.thin(3, rng)), rng)
        full = more.standing(without_gold(annotations), rng)
        gaps.append(more.after(at, 2, rng).mean() - (full.posterior.argmax(axis=1) == truth).mean())
    assert abs(np.mean(gaps)) < 0.02


def test_higher_aims_and_worse_annotators_take_more_labels() -> None:
    rng = np.random.default_rng(0)
    at = more.standing(without_gold(three_each()), rng)
    aims = [more.further(at, aim, at.share, rng, futures=9).quantiles()[1] for aim in (0.5, 0.92, 0.97)]
    assert aims[0] == 0 < aims[1] < aims[2]
    better = more.of_at_least(at, more.better_half(at))
    assert better.sum() == pytest.approx(1)
    assert more.further(at, 0.97, better, rng, futures=9).quantiles()[1] < aims[2]


def test_the_least_sure_items_come_first() -> None:
    """Two items at 0.55 among twenty at 0.97."""
    best = np.array([0.97] * 20 + [0.55] * 2)
    rng = np.random.default_rng(0)
    at = more.standing_of_tables(np.stack([best, 1 - best], axis=1), np.full(4, 0.9), np.full(4, 50), rng)
    asked = more.further(at, 0.95, at.share, rng).asked
    assert asked[20:].min() > asked[:20].max()


def test_guesses_get_nowhere() -> None:
    """Nobody in the crowd knows anything: 99 % is out of reach, and that is said by infinity."""
    rng = np.random.default_rng(0)
    at = more.standing(without_gold(three_each(0, 0.5)), rng)
    assert more.further(at, 0.99, at.share, rng, futures=5).quantiles()[1] == np.inf


def test_gold_answers_set_the_ceiling() -> None:
    """On a tenth of the items the whole crowd says the opposite of gold: no number of labels mends that."""
    annotations = three_each(0, 0.9)
    gold = annotations.items.gold.copy()
    gold[:20] = 1 - gold[:20]
    rng = np.random.default_rng(0)
    at = more.standing(replace(annotations, items=replace(annotations.items, gold=gold)), rng)
    assert more.ceiling(at) == pytest.approx(0.9, abs=0.04)
    assert more.further(at, 0.97, at.share, rng, futures=5).quantiles()[1] == np.inf
    assert more.ceiling(more.standing(without_gold(annotations), rng)) == 1


def test_items_may_have_other_choices_and_one_choice() -> None:
    """The labels asked for are codes of their item, and items of one choice are right already."""
    items = with_choices([("a", "b"), ("x", "y", "z"), ("only",)], [-1, -1, -1])
    rng = np.random.default_rng(0)
    at = more.standing(crowd(items, [(i, j, 0) for i in range(3) for j in range(3)]), rng)
    labels = more._asked(at, at.given, np.arange(3).repeat(50), at.share, more._imagined(at, rng), rng)
    assert len(labels) == 6 + 100
    assert (labels.label < items.n_choices[labels.item]).all()
    assert 0 < more.after(at, 2, rng, futures=3).mean() <= 1


def test_the_tables_of_a_run_are_enough() -> None:
    """Two sure items and one open, annotators of 0.9: what is expected now is the mean of the posterior."""
    posterior = np.array([[0.99, 0.01, 0.0], [0.01, 0.99, 0.0], [0.4, 0.3, 0.3]])
    rng = np.random.default_rng(0)
    at = more.standing_of_tables(posterior, np.array([0.9, 0.9]), np.array([50, 50]), rng)
    assert at.choices.tolist() == [2, 2, 3]
    assert more.now(at, rng, draws=2000).mean() == pytest.approx(posterior.max(axis=1).mean(), abs=0.02)
    found = more.further(at, 0.9, at.share, rng)
    assert found.asked.argmax() == 2
    assert np.isfinite(found.quantiles()[1])
