"""Oracle: votes counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdtune.aggregate import aggregator
from crowdtune.aggregate._fit import vote_shares
from crowdtune.annotations import Annotations, Floats
from tests.crowds import crowd, from_table, lopsided, with_choices


def majority(annotations: Annotations) -> Floats:
    return aggregator("majority").fit(annotations).posterior


def test_by_hand() -> None:
    """A winner, two tied of three choices, three tied, one label, none."""
    table = [[0, 0, 1], [2, 1, -1], [0, 1, 2], [-1, 2, -1], [-1, -1, -1]]
    expected = [[1, 0, 0], [0, 0.5, 0.5], [1 / 3] * 3, [0, 0, 1], [1 / 3] * 3]
    np.testing.assert_allclose(majority(from_table(table, k=3)), expected)


def test_vote_shares_by_hand() -> None:
    table = [[0, 0, 1], [2, 1, -1], [-1, -1, -1]]
    np.testing.assert_allclose(vote_shares(from_table(table, k=3)), [[2 / 3, 1 / 3, 0], [0, 0.5, 0.5], [1 / 3] * 3])


def test_choices_an_item_lacks_get_nothing() -> None:
    """Without labels: uniform over two of three columns."""
    items = with_choices([("a", "b"), ("x", "y", "z")], [-1, -1])
    annotations = crowd(items, [(1, 0, 2)])
    for found in (majority(annotations), vote_shares(annotations)):
        np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0, 0, 1]])


def test_everyone_twice_changes_nothing() -> None:
    """The same crowd again under new names."""
    once = lopsided(40, np.random.default_rng(3), missing=0.3)
    n = len(once.annotators)
    twice = replace(
        once,
        annotators=[*once.annotators, *(f"{a} again" for a in once.annotators)],
        item=np.tile(once.item, 2),
        annotator=np.concatenate([once.annotator, once.annotator + n]),
        label=np.tile(once.label, 2),
    )
    np.testing.assert_array_equal(majority(twice), majority(once))
