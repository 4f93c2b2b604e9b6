"""Oracle: crowds made so that the share of agreement is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crowdtune.annotations import Floats
from crowdtune.metrics.guard import agreement, chance_agreement, warnings
from tests.crowds import from_table


def table_of(answers: list[int]) -> Floats:
    """Log-probabilities (I, 2) of a model that gives these answers."""
    return np.log(np.where(np.eye(2)[answers] > 0, 0.9, 0.1))


BEFORE = [0, 1] * 10


def test_agreement() -> None:
    assert agreement(table_of([0, 0, 1, 1]), table_of([0, 1, 1, 1])) == 0.75
    assert math.isnan(agreement(np.zeros((0, 2)), np.zeros((0, 2))))


def test_chance_agreement_by_hand() -> None:
    """Says 0 in 3/4 and in 1/2 of the cases: 3/8 + 1/8. One who always says 0 meets itself always."""
    assert chance_agreement(table_of([0, 0, 0, 1]), table_of([0, 1, 0, 1])) == 0.5
    assert chance_agreement(table_of([0, 0]), table_of([0, 0])) == 1


@pytest.mark.parametrize(("flipped", "warns"), [(0, False), (16, False), (17, True), (20, True)])
def test_a_model_turned_round(flipped: int, warns: bool) -> None:
    """Chance is 10 of 20, s.d. sqrt(20 / 4) = 2.24: warned where fewer than 10 - 3 * 2.24 = 3.3 answers stay."""
    after = [1 - answer if i < flipped else answer for i, answer in enumerate(BEFORE)]
    found = warnings(from_table([[answer] for answer in BEFORE]), table_of(BEFORE), table_of(after))
    assert bool(found) is warns
    if warns:
        assert f"on {1 - flipped / 20:.0%} of the items, less than chance (50%)" in found[0]
        assert "Check some items by hand" in found[0]


@pytest.mark.parametrize(("agreeing", "warns"), [(10, True), (11, False), (20, False)])
def test_no_annotator_agrees_with_the_untrained_model(agreeing: int, warns: bool) -> None:
    """10 of 20 is chance, 11 of 20 is the 5 points above it that count."""
    labels = [[answer if i < agreeing else 1 - answer, 1 - answer] for i, answer in enumerate(BEFORE)]
    found = warnings(from_table(labels), table_of(BEFORE), table_of(BEFORE))
    assert bool(found) is warns
    if warns:
        assert "no annotator agrees with the untrained model above chance (50%, chance 50%)" in found[0]


def test_thin_annotators_are_not_judged() -> None:
    """19 labels, all against the model: not enough to say anything."""
    labels = [[1 - answer] for answer in BEFORE[:19]]
    assert warnings(from_table(labels), table_of(BEFORE[:19]), table_of(BEFORE[:19])) == []
