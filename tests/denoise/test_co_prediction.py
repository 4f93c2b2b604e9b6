"""Clean, purified, hard. Oracle: hand arithmetic."""

from __future__ import annotations

import numpy as np

from crowdtune.denoise.co_prediction import divide


def test_parts_by_hand() -> None:
    """Means 0.9 0.7 0.6 for choice 0 (threshold 0.7333) and 0.8 0.6 for choice 1 (threshold 0.7)."""
    strong = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    weak = np.array([[0.9, 0.1], [0.6, 0.4], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])
    parts = divide(np.array([0, 0, 1, 0, 1]), strong, weak)
    assert parts.clean.tolist() == [True, False, False, False, False]
    assert parts.purified.tolist() == [False, False, False, True, False]
    assert parts.hard.tolist() == [False, True, True, False, True]


def test_every_item_is_in_one_part() -> None:
    rng = np.random.default_rng(0)
    strong, weak = (rng.dirichlet(np.ones(3), size=200) for _ in range(2))
    parts = divide(rng.integers(3, size=200), strong, weak)
    assert (parts.clean.astype(int) + parts.purified + parts.hard == 1).all()
    assert all(part.any() for part in (parts.clean, parts.purified, parts.hard))


def test_one_model_that_disagrees_is_enough_to_doubt() -> None:
    strong = np.array([[0.95, 0.05], [0.6, 0.4]])
    assert divide(np.array([0, 0]), strong, strong).clean.tolist() == [True, False]
    other = np.array([[0.45, 0.55], [0.6, 0.4]])
    assert divide(np.array([0, 0]), strong, other).purified.tolist() == [True, False]
