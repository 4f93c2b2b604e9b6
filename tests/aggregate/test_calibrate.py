"""Oracles: tempering by hand, crowds that err on the same items, and crowds that are as sure as they should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdtune import Annotations
from crowdtune.aggregate import aggregator, calibrated
from crowdtune.aggregate._calibrate import tempered
from crowdtune.aggregate._held_out import log_loss, log_losses
from crowdtune.annotations import Floats
from crowdtune.metrics.accuracy import calibration_error_by_mass
from crowdtune.simulate import simulate
from tests.crowds import from_table, lopsided, make_items


def with_hard_items(seed: int) -> Annotations:
    """Twelve annotators of 0.7 to 0.95, half of the labels; on three items of ten all are right on 0.45."""
    rng = np.random.default_rng(seed)
    truth, hard, right = rng.integers(2, size=800), rng.random(800) < 0.3, rng.uniform(0.7, 0.95, 12)
    hit = rng.random((800, 12)) < np.where(hard[:, None], 0.45, right)
    table = np.where(hit, truth[:, None], 1 - truth[:, None])
    return from_table(np.where(rng.random((800, 12)) < 0.5, -1, table).tolist(), truth.tolist())


def off(posterior: Floats, annotations: Annotations) -> float:
    return calibration_error_by_mass(posterior, annotations.items.gold)


def without_gold(annotations: Annotations) -> Annotations:
    return replace(annotations, items=replace(annotations.items, gold=np.full(len(annotations.items), -1)))


def by(name: str) -> dict[str, object]:
    return {"t0": aggregator(name)}


def test_tempering_by_hand() -> None:
    """(0.8, 0.2) at 2 is as 2 to 1; a choice outside the mask stays at 0."""
    mask = np.array([[True, True, False]])
    np.testing.assert_allclose(tempered(np.array([[0.8, 0.2, 0]]), np.array([2.0]), mask), [[2 / 3, 1 / 3, 0]])


def test_gold_calibrates_a_crowd_that_errs_on_the_same_items() -> None:
    """Each item tempered by gold answers of others: the error more than halves, labels stay."""
    for seed in range(2):
        annotations = with_hard_items(seed)
        before = aggregator("one-coin").fit(annotations).posterior
        after, used = calibrated(annotations, before, {})
        assert off(after, annotations) < 0.5 * off(before, annotations)
        assert used["t0"] > 1.5
        assert (after.argmax(axis=1) == before.argmax(axis=1)).all()


def test_labels_alone_calibrate_in_part_and_never_for_the_worse() -> None:
    """The mean of four crowds; each T is 1 or more, which of two choices never makes a posterior surer."""
    change = []
    for seed in range(4):
        annotations = with_hard_items(seed)
        before = aggregator("one-coin").fit(annotations).posterior
        after, _ = calibrated(without_gold(annotations), before, by("one-coin"))
        assert (after.max(axis=1) <= before.max(axis=1) + 1e-9).all()
        change.append(off(after, annotations) - off(before, annotations))
    assert np.mean(change) < -0.01
    assert max(change) < 0.005


def test_a_crowd_that_errs_by_itself_is_left_about_as_it_is() -> None:
    rng = np.random.default_rng(0)
    annotations = simulate(make_items(rng.integers(2, size=600)), rng.uniform(0.6, 0.85, 6), rng=rng)
    before = aggregator("one-coin").fit(annotations).posterior
    for known in (annotations, without_gold(annotations)):
        after, used = calibrated(known, before, by("one-coin"))
        assert used["t0"] < 1.35
        assert off(after, annotations) < off(before, annotations) + 0.02


def test_few_gold_answers_decide_nothing() -> None:
    """49 of them that say all is wrong: the labels are asked instead."""
    annotations = lopsided(200, np.random.default_rng(1))
    gold = np.where(np.arange(200) < 49, (annotations.items.gold + 1) % 3, -1)
    wrong = replace(annotations, items=replace(annotations.items, gold=gold))
    before = aggregator("dawid-skene").fit(annotations).posterior
    one, other = (calibrated(a, before, by("dawid-skene"))[1] for a in (wrong, without_gold(annotations)))
    assert one == other


def test_losses_of_several_truths_are_those_of_each() -> None:
    annotations = lopsided(60, np.random.default_rng(2), missing=0.3)
    met, scored = annotations.take_labels(np.arange(0, 200)), annotations.take_labels(np.arange(200, len(annotations)))
    posterior = aggregator("dawid-skene").fit(met).posterior
    np.testing.assert_allclose(log_losses(posterior, met, scored, [posterior])[0], log_loss(posterior, met, scored))
