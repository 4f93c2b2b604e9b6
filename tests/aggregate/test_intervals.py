"""Oracles: planted reliabilities; the Beta posterior where truths are known; renaming."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.zipf_crowd import zipf_crowd
from scipy.stats import beta

from crowdtune import Annotations
from crowdtune.aggregate import aggregator, evidence, intervals, vote_shares
from crowdtune.annotations import Floats
from crowdtune.metrics.crowd import reliability
from crowdtune.simulate import simulate
from tests.crowds import crowd, from_table, lopsided, make_items

Made = tuple[Annotations, Floats]


def thin(seed: int) -> Made:
    """Two choices, three labels an item, 20 an annotator."""
    rng = np.random.default_rng(seed)
    reliability = rng.beta(6, 2, size=60)
    return simulate(make_items(rng.integers(2, size=400)), reliability, overlap="3", rng=rng), reliability


def guessers(seed: int) -> Made:
    """Three choices, five labels an item, 30 an annotator, four in ten of whom guess."""
    rng = np.random.default_rng(seed)
    reliability = np.where(rng.random(100) < 0.4, 1 / 3, rng.uniform(0.6, 0.95, 100))
    items = make_items(rng.integers(3, size=600), ("a", "b", "c"))
    return simulate(items, reliability, overlap="5", rng=rng), reliability


def zipf(seed: int) -> Made:
    """Five skewed choices, mediocre, random and constant annotators, a few of whom do most of the work."""
    return zipf_crowd(10_000, 300, seed=seed)


def ends(annotations: Annotations, posterior: Floats) -> tuple[Floats, Floats]:
    found = intervals(annotations, posterior)
    return np.array(found["reliability_low"]), np.array(found["reliability_high"])


@pytest.mark.parametrize(("name", "share"), [("glad", 0.92), ("dawid-skene", 0.90)])
@pytest.mark.parametrize("made", [thin, guessers, zipf])
def test_intervals_hold_planted_reliabilities(made: Callable[[int], Made], name: str, share: float) -> None:
    """Of 360 annotators or more with five labels, 95 % should; the s.d. of that share is 1.1 points or less."""
    held: list[bool] = []
    for seed in range(6):
        annotations, truth = made(seed)
        low, high = ends(annotations, aggregator(name).fit(annotations).posterior)
        judged = annotations.labels_per_annotator >= 5
        held += ((low <= truth) & (truth <= high))[judged].tolist()
    assert len(held) >= 360
    assert np.mean(held) >= share


def test_known_truths_leave_the_beta_posterior() -> None:
    """400 gold items, 270 right, and a crowd's prior worth 5 labels: ends are within 0.012 of Beta(271, 131)'s."""
    labels = [(i, 0, int(i < 270)) for i in range(400)]
    annotations = crowd(make_items([1] * 400), labels)
    known = evidence(annotations, np.ones(400, dtype=bool))
    found = intervals(annotations, aggregator("one-coin").fit(annotations, known).posterior, known)
    expected = beta(271, 131).interval(0.95)
    assert found["reliability_low"][0] == pytest.approx(expected[0], abs=0.012)
    assert found["reliability_high"][0] == pytest.approx(expected[1], abs=0.012)


def test_single_labels_say_next_to_nothing() -> None:
    """Nobody shares an item: forty labels leave an annotator as open as the crowd's prior, of 5 labels, does."""
    annotations = crowd(make_items([-1] * 120), [(i, i % 3, i % 2) for i in range(120)])
    low, high = ends(annotations, vote_shares(annotations))
    assert (high - low > 0.45).all()


def test_more_labels_narrow_them() -> None:
    annotations, _ = thin(0)
    few = annotations.take_items(np.arange(100))
    widths = [
        np.subtract(*reversed(ends(a, aggregator("one-coin").fit(a).posterior))).mean() for a in (few, annotations)
    ]
    assert widths[1] < 0.85 * widths[0]


def test_names_do_not_matter() -> None:
    annotations = lopsided(100, np.random.default_rng(0), missing=0.3)
    posterior = aggregator("dawid-skene").fit(annotations).posterior
    order, turn = np.random.default_rng(1).permutation(7), np.array([2, 0, 1])
    renamed = replace(annotations, annotator=order[annotations.annotator], label=turn[annotations.label])
    turned = np.empty_like(posterior)
    turned[:, turn] = posterior
    for one, other in zip(ends(annotations, posterior), ends(renamed, turned), strict=True):
        np.testing.assert_allclose(other[order], one, atol=1e-4)


def test_of_several_tasks_it_is_the_mean() -> None:
    """Right on 95 % of one task and 55 % of as large another: 75 % is held, and neither alone."""
    rng = np.random.default_rng(3)
    items = make_items(rng.integers(2, size=600), task=np.arange(600) % 2)
    reliability = np.tile([[0.95, 0.55]], (8, 1))
    annotations = simulate(items, reliability, rng=rng)
    low, high = ends(annotations, aggregator("one-coin").fit(annotations).posterior)
    assert ((low <= 0.75) & (high >= 0.75)).sum() >= 7
    assert (low > 0.6).all()
    assert (high < 0.9).all()


def test_who_gave_no_label_has_none() -> None:
    annotations = crowd(make_items([-1, -1]), [(0, 0, 0), (1, 0, 1)], annotators=2)
    low, high = ends(annotations, vote_shares(annotations))
    assert np.isnan([low[1], high[1]]).all()
    assert not np.isnan([low[0], high[0]]).any()


@pytest.mark.parametrize("name", ["majority", "dawid-skene", "mace", "one-coin"])
def test_they_are_of_the_answers_given(name: str) -> None:
    """Two camps of three: whichever an aggregator believes, its intervals hold what it says of each annotator."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    table = np.stack([np.where(rng.random(300) < p, truth, 0) for p in (0.1, 0.1, 0.1, 0.9, 0.9, 0.9)], axis=1)
    annotations = from_table(table.tolist())
    posterior = aggregator(name).fit(annotations).posterior
    said = reliability(annotations, posterior)
    found = intervals(annotations, posterior)
    assert (np.array(found["reliability_low"]) <= said + 1e-4).all()
    assert (np.array(found["reliability_high"]) >= said - 1e-4).all()
