"""Label distributions. Oracles: shares by hand, vote shares, duplicating everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune.aggregate import label_distribution, vote_shares
from crowdtune.errors import InputError
from crowdtune.metrics.distances import ambiguity
from tests.crowds import crowd, from_table, lopsided, with_choices

TABLE = from_table([[0, 0, 1], [2, 1, -1], [-1, -1, -1], [-1, -1, -1]], k=3)


def test_by_hand() -> None:
    """2 : 1 : 0 of three labels, 0 : 1 : 1 of two, none."""
    expected = [[2 / 3, 1 / 3, 0], [0, 0.5, 0.5], [1 / 3] * 3, [1 / 3] * 3]
    np.testing.assert_allclose(label_distribution(TABLE), expected)
    smooth = [[2.5 / 4.5, 1.5 / 4.5, 0.5 / 4.5], [0.5 / 3.5, 1.5 / 3.5, 1.5 / 3.5], [1 / 3] * 3, [1 / 3] * 3]
    np.testing.assert_allclose(label_distribution(TABLE, smoothing=0.5), smooth)


def test_it_is_the_vote_shares_where_all_is_named() -> None:
    made = lopsided(50, np.random.default_rng(0), missing=0.3)
    np.testing.assert_allclose(label_distribution(made), vote_shares(made))


def test_counts_and_weights_by_hand() -> None:
    """i0: weights 1 + .5 for a, .25 for b, and one unnamed c; i3: three unnamed labels."""
    counts = np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 2]])
    found = label_distribution(replace(TABLE, counts=counts), weights=np.array([1.0, 0.5, 0.25, 0.0, 0.0]))
    expected = [[1.5 / 2.75, 0.25 / 2.75, 1 / 2.75], [1 / 3] * 3, [1 / 3] * 3, [1 / 3, 0, 2 / 3]]
    np.testing.assert_allclose(found, expected)


def test_a_soft_label_speaks_where_no_label_does() -> None:
    soft = np.array([[0.1, 0.8, 0.1], [0, 0, 0], [0.2, 0.2, 0.6], [0, 0, 0]])
    found = label_distribution(replace(TABLE, soft=soft), smoothing=0.5)
    np.testing.assert_allclose(found[0], [2.5 / 4.5, 1.5 / 4.5, 0.5 / 4.5])
    np.testing.assert_allclose(found[2:], [[0.2, 0.2, 0.6], [1 / 3] * 3])


def test_choices_an_item_lacks_get_nothing() -> None:
    items = with_choices([("a", "b"), ("x", "y", "z")], [-1, -1])
    found = label_distribution(crowd(items, [(0, 0, 1)]), smoothing=1.0)
    np.testing.assert_allclose(found, [[1 / 3, 2 / 3, 0], [1 / 3] * 3])


def test_smoothing_is_outvoted_by_more_labels() -> None:
    """A hundred times the same counts: ambiguity goes from above to that of the shares."""
    few = replace(TABLE, counts=np.array([[8, 1, 1]] * 4))
    many = replace(TABLE, counts=100 * np.array([[8, 1, 1]] * 4))
    true = ambiguity(np.array([[0.8, 0.1, 0.1]]))[0]
    above = [ambiguity(label_distribution(made, smoothing=0.5))[3] - true for made in (few, many)]
    assert above[0] > 50 * above[1] > 0


@pytest.mark.parametrize("smoothing", [-0.1, float("nan"), float("inf")])
def test_smoothing_is_a_number_of_labels(smoothing: float) -> None:
    with pytest.raises(InputError, match="must be a number of labels"):
        label_distribution(TABLE, smoothing=smoothing)


@pytest.mark.parametrize("weights", [[1.0], [1, 1, 1, 1, -1], [1, 1, 1, 1, np.nan]])
def test_weights_are_one_for_each_label(weights: list[float]) -> None:
    with pytest.raises(InputError, match="weights must be 5 finite numbers"):
        label_distribution(TABLE, weights=np.array(weights))
