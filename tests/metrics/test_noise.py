"""Wrong labels found. Oracle: hand counts."""

from __future__ import annotations

import numpy as np

from crowdtune.metrics.noise import detection
from tests.crowds import from_table


def test_by_hand() -> None:
    """Labels of four items, the last without gold: one of two doubts is right, one of two wrong labels is found."""
    annotations = from_table([[0], [1], [1], [0]], [0, 0, 0, -1])
    found = detection(annotations, np.array([True, True, False, True]))
    assert found == {"noise_precision": 0.5, "noise_recall": 0.5}


def test_without_doubts_or_without_noise_a_share_is_not_known() -> None:
    clean = from_table([[0], [1]], [0, 1])
    assert detection(clean, np.array([False, False])) == {"noise_precision": None, "noise_recall": None}
    assert detection(clean, np.array([True, False])) == {"noise_precision": 0.0, "noise_recall": None}
