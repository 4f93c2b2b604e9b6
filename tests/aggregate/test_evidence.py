"""Oracles: planted liars in the majority with a derived bar; Bayes' rule on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crowdtune import Annotations, InputError
from crowdtune.aggregate import aggregator, evidence, intervals, names
from crowdtune.aggregate.dawid_skene import DawidSkene
from crowdtune.annotations import Floats
from crowdtune.simulate import simulate
from tests.crowds import crowd, from_table, make_items

TAKE = ["dawid-skene", "glad", "mace", "one-coin", "wawa"]
REFUSE = ("majority", "bradley-terry", "ordinal-dawid-skene")
HONEST, LIARS = 0.9, 0.1
BEST_OF_THREE = HONEST**3 + 3 * HONEST**2 * (1 - HONEST)  # 0.972, were the liars merely left out


def adversarial(seed: int = 0) -> Annotations:
    """Three honest annotators and five liars answer 220 items."""
    rng = np.random.default_rng(seed)
    return simulate(make_items(rng.integers(2, size=220)), np.array([HONEST] * 3 + [LIARS] * 5), rng=rng)


def right(posterior: Floats, annotations: Annotations) -> float:
    """Share right of the 200 items that are never gold evidence."""
    return float((posterior.argmax(axis=1) == annotations.items.gold)[20:].mean())


BAR = BEST_OF_THREE - 5 * math.sqrt(BEST_OF_THREE * (1 - BEST_OF_THREE) / 200)


@pytest.mark.parametrize("name", TAKE)
def test_twenty_gold_items_turn_a_lying_majority(name: str) -> None:
    annotations = adversarial()
    gold = np.arange(220) < 20
    assert right(aggregator(name).fit(annotations).posterior, annotations) < 0.2
    posterior = aggregator(name).fit(annotations, evidence(annotations, gold)).posterior
    assert right(posterior, annotations) > BAR
    assert (posterior[np.arange(20), annotations.items.gold[:20]] == 1).all()


@pytest.mark.parametrize("name", TAKE)
def test_history_turns_a_lying_majority(name: str) -> None:
    """Twenty labels of each annotator, of which honest ones got 18 right and liars 2."""
    annotations = adversarial(1)
    before = np.array([18.0] * 3 + [2.0] * 5)
    found = aggregator(name).fit(annotations, evidence(annotations, history=(before, 20 - before)))
    assert right(found.posterior, annotations) > BAR


@pytest.mark.parametrize("name", TAKE)
def test_no_evidence_changes_nothing(name: str) -> None:
    annotations = adversarial(2)
    one, other = aggregator(name).fit(annotations), aggregator(name).fit(annotations, evidence(annotations))
    np.testing.assert_array_equal(one.posterior, other.posterior)


def test_intervals_follow_the_evidence() -> None:
    """Planted reliabilities lie within them, 220 labels each; without gold they are those of the mirror image."""
    annotations = adversarial()
    known = evidence(annotations, np.arange(220) < 20)
    ends = intervals(annotations, aggregator("one-coin").fit(annotations, known).posterior, known)
    low, high = np.array(ends["reliability_low"]), np.array(ends["reliability_high"])
    assert (low[:3] > 0.8).all()
    assert (high[3:] < 0.2).all()


def test_gold_of_an_item_nobody_labelled_is_its_answer() -> None:
    annotations = crowd(make_items([-1, 1]), [(0, 0, 0), (0, 1, 0)])
    known = evidence(annotations, np.ones(2, dtype=bool))
    for name in TAKE:
        np.testing.assert_array_equal(aggregator(name).fit(annotations, known).posterior[1], [0, 1])


def test_history_in_dawid_skene_by_hand() -> None:
    """One item, one annotator who says 0; prior 2, history 3 right and 1 wrong, one step.

    Start: a coin of 4 pseudo-labels, mean 0.5 + 0.1 * 0.5, and 3 right of 4: (2.2 + 3) / 8 = 0.65 on choice 0.
    Row 0: (2 + 1.5 + 0.65, 1 + 0.5), row 1: (1 + 0.5 + 0.35, 2 + 1.5); classes: (1 + 0.65, 1 + 0.35) / 3.
    """
    annotations = from_table([[0]])
    known = evidence(annotations, history=(np.array([3.0]), np.array([1.0])))
    fit = DawidSkene(max_steps=1).fit(annotations, known)
    rows = np.array([[4.15, 1.5], [1.85, 3.5]])
    rows /= rows.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fit.confusion["t0"][0], rows)
    likely = np.array([1.65, 1.35]) / 3 * rows[:, 0]
    np.testing.assert_allclose(fit.posterior[0], likely / likely.sum())


def test_gold_holds_in_every_step_of_dawid_skene() -> None:
    """One gold item of truth 1, labelled 0: row 0 is the prior's (2, 1) / 3, row 1 is (1 + 1, 2) / 4, for good."""
    annotations = from_table([[0]], gold=[1])
    fit = DawidSkene(max_steps=5, tolerance=-math.inf).fit(annotations, evidence(annotations, np.ones(1, dtype=bool)))
    np.testing.assert_allclose(fit.confusion["t0"][0], [[2 / 3, 1 / 3], [1 / 2, 1 / 2]], atol=1e-9)


@pytest.mark.parametrize("name", names())
def test_every_aggregator_uses_evidence_or_refuses_it(name: str) -> None:
    annotations = from_table([[0, 0, 1], [1, 1, 0], [0, 0, 0]], gold=[1, -1, 0])
    known = evidence(annotations, np.array([True, True, False]))
    if name in REFUSE:
        with pytest.raises(InputError, match=f"^{name} cannot use gold or history: "):
            aggregator(name).fit(annotations, known)
    else:
        assert aggregator(name).fit(annotations, known).posterior[0, 1] == 1


def test_majority_refuses() -> None:
    annotations = adversarial()
    with pytest.raises(InputError, match=r"^majority cannot use gold or history: every vote counts the same\. Use one"):
        aggregator("majority").fit(annotations, evidence(annotations, np.ones(220, dtype=bool)))
