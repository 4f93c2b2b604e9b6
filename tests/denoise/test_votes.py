"""What the nearest items say. Oracle: hand arithmetic; who is nearest is tested in test_nearest.py."""

from __future__ import annotations

import numpy as np

from crowdtune.denoise.votes import unit, votes_around


def test_items_without_labels_are_passed_over() -> None:
    """Along one line: item 1 is nearest to both ends but has no label."""
    features = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    labels = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    found = votes_around(features, features, labels, 1, np.arange(3))
    np.testing.assert_array_equal(found, [[0, 1], [1, 0] if features[1] @ features[0] > 0.7 else [0, 1], [1, 0]])
    np.testing.assert_array_equal(votes_around(features, features, labels, 2)[1], [0.5, 0.5])


def test_where_nobody_is_left_nothing_is_known() -> None:
    features = np.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(votes_around(features, features, np.zeros((2, 4)), 3), np.full((2, 4), 0.25))
    alone = votes_around(features, features, np.array([[1.0, 0], [0, 0]]), 3, np.arange(2))
    np.testing.assert_array_equal(alone, [[0.5, 0.5], [1, 0]])


def test_a_unit_row_has_length_one_and_the_rows_mean_is_taken_off() -> None:
    features = np.random.default_rng(1).normal(size=(20, 4))
    np.testing.assert_allclose(np.linalg.norm(unit(features), axis=1), 1)
    np.testing.assert_allclose(unit(features + 7), unit(features), atol=1e-12)
