"""Oracle: annotators drawn from a known model, whose best possible loss can be computed, and losses by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.metrics.held_out import compare, held_out
from crowdtune.simulate import simulate
from tests.crowds import crowd, from_table, lopsided, make_items, with_choices


def ten_each() -> Annotations:
    """400 items of three choices, ten labels each by 20 annotators, right on 85 % of the items."""
    rng = np.random.default_rng(0)
    return simulate(make_items(rng.integers(3, size=400), ("a", "b", "c")), np.full(20, 0.85), overlap="10", rng=rng)


def test_a_known_truth_is_not_beaten_and_nearly_reached() -> None:
    """The bound: the truth itself and the mean annotator, -(s log s + (1 - s) log((1 - s) / 2))."""
    annotations = ten_each()
    losses = held_out(annotations, np.random.default_rng(0))
    s = float((annotations.items.gold[annotations.item] == annotations.label).mean())
    bound = -(s * math.log(s) + (1 - s) * math.log((1 - s) / 2))
    mean = {name: float(loss.mean()) for name, loss in losses.items()}
    assert bound < mean["joint"] < bound + 0.01
    assert bound < mean["dawid-skene"] < bound + 0.01
    assert mean["majority"] > mean["joint"] + 0.02


def test_majority_by_hand() -> None:
    """Leaving a2 out: two votes for 0, one vote more spread as (votes + 1) of all others' labels, 2 + 1 to 0 + 1."""
    annotations = from_table([[0, 0, 0]])
    losses = held_out(annotations, np.random.default_rng(0))
    np.testing.assert_allclose(losses["majority"], -math.log((2 + 0.75) / 3))


def test_a_model_that_knows_the_truth_helps() -> None:
    annotations = lopsided(200, np.random.default_rng(0), missing=0.7)
    rng = np.random.default_rng
    log_p = np.log(0.8 * np.eye(3)[annotations.items.gold] + 0.2 / 3)
    alone, helped = (held_out(annotations, rng(0), table)["joint"].mean() for table in (None, log_p))
    assert helped < alone - 0.02


def test_kernels_tell_more_than_coins_where_errors_have_a_direction() -> None:
    """REALM's mistakes are spread evenly, those of this crowd are not."""
    losses = held_out(lopsided(300, np.random.default_rng(0)), np.random.default_rng(0))
    assert losses["joint"].mean() < losses["realm"].mean() - 0.05


def test_items_may_have_choices_of_their_own() -> None:
    sets = [("a", "b"), ("x", "y", "z"), ("only",)]
    annotations = crowd(with_choices(sets, [-1] * 3), [(i, j, 0) for i in range(3) for j in range(4)])
    losses = held_out(annotations, np.random.default_rng(0))
    assert set(losses) == {"majority", "realm", "joint"}
    for loss in losses.values():
        assert np.isfinite(loss).all()
        np.testing.assert_allclose(loss[annotations.item == 2], 0, atol=1e-9)


def test_rows_are_compared_with_joint() -> None:
    annotations = ten_each()
    losses = {"majority": np.full(len(annotations), 1.5), "joint": np.full(len(annotations), 1.0)}
    first, second = compare(annotations, losses, np.random.default_rng(0))
    assert first == pytest.approx({"model": "majority", "loss": 1.5, "more": 0.5, "low": 0.5, "high": 0.5})
    assert (second["more"], second["low"], second["high"]) == (0, 0, 0)
