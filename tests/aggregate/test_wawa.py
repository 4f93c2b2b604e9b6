"""Oracle: weights and shares on paper. crowd-kit is compared with in test_parity.py."""

from __future__ import annotations

import numpy as np

from crowdtune.aggregate import aggregator
from tests.crowds import crowd, from_table, with_choices


def test_three_items_by_hand() -> None:
    """The majority says 0, 0, 1; the third annotator agrees once in three, the others always."""
    found = aggregator("wawa").fit(from_table([[0, 0, 1], [0, 0, 0], [1, 1, 0]])).posterior
    np.testing.assert_allclose(found, [[6 / 7, 1 / 7], [1, 0], [1 / 7, 6 / 7]])


def test_a_tied_vote_counts_in_shares() -> None:
    """Two annotators agree, then disagree: half an agreement each, and the item stays open."""
    found = aggregator("wawa").fit(from_table([[0, 0], [0, 1]])).posterior
    np.testing.assert_allclose(found, [[1, 0], [0.5, 0.5]])


def test_choices_of_their_own() -> None:
    """Agreement 1, 1/2, 1/2 on two items of two and three choices, and one item of a single choice that counts not."""
    items = with_choices([("a", "b"), ("x", "y", "z"), ("only",)], [-1] * 3)
    triples = [(0, 0, 0), (0, 1, 0), (0, 2, 1), (1, 0, 2), (1, 1, 0), (1, 2, 2), (2, 1, 0)]
    found = aggregator("wawa").fit(crowd(items, triples)).posterior
    np.testing.assert_allclose(found, [[0.75, 0.25, 0], [0.25, 0, 0.75], [1, 0, 0]])
