"""Answers without training. Oracle: hand arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.bench.untrained import UNTRAINED, Constant, Known, SelfRag, ZeroShot, untrained
from crowdtune.errors import InputError
from tests.crowds import make_items

P = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
TEST_P = np.array([[0.8, 0.2], [0.4, 0.6]])
AXES = np.array([[1.0, 0.0], [0.96, 0.28], [0.0, 1.0], [0.28, 0.96]])  # two items along each axis
KNOWN = Known(np.log(P), np.log(TEST_P), AXES, AXES[[0, 2]])


def given(label: list[int]) -> Annotations:
    none = np.zeros(4, dtype=np.int64)
    return Annotations(make_items([0, 0, 0, 1]), ["given"], np.arange(4), none, np.array(label))


def test_zero_shot_is_the_untrained_model_itself() -> None:
    for told, expected in zip(ZeroShot().answer(given([0, 0, 1, 1]), KNOWN), (P, TEST_P), strict=True):
        np.testing.assert_allclose(told, expected)


def test_the_constant_is_the_commonest_gold_and_not_the_commonest_label() -> None:
    inside, outside = Constant().answer(given([1, 1, 1, 1]), KNOWN)
    np.testing.assert_array_equal(inside, [[1, 0]] * 4)
    np.testing.assert_array_equal(outside, [[1, 0]] * 2)


def test_neighbours_vote_and_an_item_not_for_itself() -> None:
    """k = 1: the other item along the axis; a test item is its twin among the training items."""
    inside, outside = SelfRag(k=1).answer(given([0, 1, 1, 1]), KNOWN)
    np.testing.assert_allclose(inside, (P + np.array([[0, 1], [1, 0], [0, 1], [0, 1]])) / 2)
    np.testing.assert_allclose(outside, (TEST_P + np.eye(2)) / 2)
    _, three = SelfRag(k=3).answer(given([0, 1, 1, 1]), KNOWN)
    np.testing.assert_allclose(three[0], (TEST_P[0] + [1 / 3, 2 / 3]) / 2)
    with pytest.raises(InputError, match="k=0 must be 1 or more neighbours"):
        SelfRag(k=0)


@pytest.mark.parametrize("name", UNTRAINED)
def test_what_was_not_trained_has_no_curve(name: str) -> None:
    found = untrained(UNTRAINED[name](), given([0, 0, 1, 1]), KNOWN, 0.0)
    assert found.answers.shape == (2,)
    assert found.curve == []
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1)
