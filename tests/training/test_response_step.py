"""Oracles: points counted by hand, and a file read back by another step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from crowdtune.training.response_step import ResponseStep


class Asked:
    """Counts how often it is asked."""

    def __init__(self, refreshes: int) -> None:
        self.refreshes, self.weights, self.times = refreshes, np.zeros((2, 1)), 0

    def refresh(self, lm: Any) -> None:
        self.times += 1
        self.weights = np.full((2, 1), self.times / 10)


@pytest.mark.parametrize(("refreshes", "when"), [(0, []), (1, [10]), (3, [3, 7, 10]), (4, [2, 5, 8, 10])])
def test_a_model_is_asked_at_even_points_the_end_among_them(refreshes: int, when: list[int]) -> None:
    belief = Asked(refreshes)
    step, found = ResponseStep(belief), []
    step.schedule(None, 10)
    for now in range(1, 11):
        before = belief.times
        step.on_step_end(None, SimpleNamespace(global_step=now), None, model=None, processing_class=None)
        found += [now] * (belief.times - before)
    assert found == when


def test_weights_survive_a_checkpoint(tmp_path: Path) -> None:
    one, other = Asked(1), Asked(1)
    one.refresh(None)
    ResponseStep(one).save(tmp_path)
    ResponseStep(other).load(tmp_path)
    np.testing.assert_array_equal(other.weights, [[0.1], [0.1]])
