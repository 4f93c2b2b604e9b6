"""Oracle: binomial sums by hand, a null distribution drawn, annotators whose placing is planted."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from crowdtune.annotations import Floats, Ints
from crowdtune.em.given import flat, given
from crowdtune.metrics.association import association
from crowdtune.metrics.camps import read_across
from crowdtune.metrics.explanations import SHARED_SIGNS, Crowd, Explanation, by_gold, by_model, cost, read_crowd
from crowdtune.metrics.guard import verdict
from crowdtune.simulate import simulate
from tests.crowds import make_items
from tests.metrics.guarded import answers

HALF = np.random.default_rng(0).permutation(900) % 2


def exclusive(n_items: int, reliability: list[float], seed: int, accuracy: float, known: int = 0) -> Crowd:
    """One label per item, a model that is right so often, gold on the first items of annotator 0."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(2, size=n_items)
    made = simulate(make_items(gold.tolist()), np.array(reliability), overlap="exclusive", rng=rng)
    shown = np.isin(np.arange(n_items), made.item[made.annotator == 0][:known])
    return read_crowd(made, answers(gold, 2, accuracy, "plain", rng), shown, HALF[:n_items])


def test_sign_tests_by_hand() -> None:
    """Best: right on 9 of 12 gold items. Rival: on 5, two of them not the best's. So 6 against 2 where they differ."""
    crowd = replace(
        exclusive(12, [0.9, 0.9], 0, 0.5), gold=np.zeros(12, dtype=np.int64), labelled=np.ones(12, dtype=bool)
    )

    def explained(right: Ints) -> Explanation:
        truth: Floats = np.where(np.isin(np.arange(12), right)[:, None], [0.9, 0.1], [0.1, 0.9])
        return replace(crowd.found[0], truth=truth)

    best, rival = explained(np.arange(9)), explained(np.array([0, 1, 2, 9, 10]))
    chosen, p = by_gold(replace(crowd, found=[rival, best]))
    assert (chosen.truth == best.truth).all()
    assert p == pytest.approx(sum(comb(8, i) for i in (6, 7, 8)) / 2**8)
    alone = by_gold(replace(crowd, found=[best]))[1]
    assert alone == pytest.approx(sum(comb(12, i) for i in (9, 10, 11, 12)) / 2**12)


def test_many_signs_that_please_a_model_at_chance() -> None:
    """Twenty signs decided across halves: what the model seems to favour spreads by sqrt(1 + 2/pi) = 1.28, not by 1."""
    found = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        items = make_items(rng.integers(2, size=200).tolist())
        labels = given(simulate(items, np.array([0.9, 0.1] * 10), overlap="exclusive", rng=rng))
        said, half, none = rng.dirichlet([1.0, 1.0], size=200), HALF[:200], np.full((200, 2), np.log(0.5))
        truth = read_across(labels, none, said, half, sharpness=1.0).posterior(none)
        excess, variance = association(truth, said, half, 2)
        found.append(float(excess.sum() / np.sqrt(variance.sum())))
    assert np.std(found) == pytest.approx(SHARED_SIGNS, rel=0.2)


def test_evidence_of_many_signs_is_measured_by_their_spread() -> None:
    crowd = exclusive(200, [0.9, 0.1] * 10, 0, 0.5)
    alone = replace(crowd, found=crowd.found[:1])
    assert by_model(alone, alone.consensus)[0] == pytest.approx(crowd.favour(crowd.consensus.truth) / SHARED_SIGNS)


def test_gold_of_one_annotator_does_not_place_the_others() -> None:
    crowd = exclusive(900, [0.9, 0.9, 0.1], 0, 0.5, known=60)
    best, p = by_gold(replace(crowd, found=crowd.found[:1]))
    assert p < 1e-3
    assert cost(crowd, best, gold=True) > 0.2
    assert by_gold(crowd)[1] == 1, "rivals that read the others another way are right on as many"


def test_groups_that_share_no_item_do_not_vouch_for_each_other() -> None:
    """Two teams agree, each within itself. Whether both speak the truth no label can tell, unless one is tiny."""
    rng = np.random.default_rng(0)
    for small, status in ((200, "unresolvable"), (15, "resolved")):
        gold = rng.integers(2, size=200 + small)
        one, other = (simulate(make_items(g.tolist()), np.full(4, 0.9), rng=rng) for g in (gold[:200], gold[200:]))
        made = replace(
            one,
            items=make_items(gold.tolist()),
            annotators=[f"a{j}" for j in range(8)],
            item=np.concatenate([one.item, other.item + 200]),
            annotator=np.concatenate([one.annotator, other.annotator + 4]),
            label=np.concatenate([one.label, other.label]),
        )
        said = verdict(made, flat(made))
        assert (said.status == "resolved") is (status == "resolved")
