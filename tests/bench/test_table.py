"""From cells to numbers. Oracle: hand arithmetic, and the standard error of a mean."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.bench.grid import Cell, Outcome
from crowdtune.bench.table import gap_recovered, per_item_difference, summary
from tests.bench.stub import made


def grid(accuracies: dict[str, dict[str, list[float]]], **changes: object) -> dict[Cell, Outcome]:
    """Outcomes from distribution -> method -> accuracy of each seed."""
    return {
        (cell := Cell("words", "minilm-head", method, dist, seed=seed)): made(cell, right=right, **changes)
        for dist, methods in accuracies.items()
        for method, values in methods.items()
        for seed, right in enumerate(values)
    }


def test_gap_recovered_by_hand() -> None:
    found = grid(
        {
            "dist1": {"noisy": [0.20, 0.30], "realm": [0.80, 0.90], "oracle": [0.90, 0.90]},
            "dist2": {"noisy": [0.88, 0.80], "realm": [0.10, 0.85], "oracle": [0.92, 0.90], "joint": [0.92, 0.89]},
        }
    )
    # dist2 seed 0: oracle is 4 points above noisy, too few to count
    assert gap_recovered(found) == {
        "realm": {"share": pytest.approx((0.60 + 0.60 + 0.05) / (0.70 + 0.60 + 0.10)), "cells": 3},
        "joint": {"share": pytest.approx(0.09 / 0.10), "cells": 1},
    }


def test_without_both_ends_there_is_no_gap() -> None:
    assert gap_recovered(grid({"dist1": {"noisy": [0.2], "realm": [0.8]}})) == {}


def test_mean_and_deviation() -> None:
    row = summary(grid({"dist1": {"realm": [0.80, 0.90], "noisy": [0.5]}}))["conditions"][0]
    assert row["variants"]["realm"] == {"mean": pytest.approx(0.85), "deviation": pytest.approx(0.0707107), "seeds": 2}
    assert row["variants"]["noisy"] == {"mean": 0.5, "deviation": None, "seeds": 1}


def test_unresolved_crowds_are_apart_and_count_nowhere() -> None:
    methods = {"noisy": [0.2], "realm": [0.3], "joint": [0.4], "oracle": [0.9]}
    sure = grid({"dist2": methods})
    unsure = grid({"dist1": methods}, verdict="ambiguous", words="two camps")
    found = summary(sure | unsure)
    assert [(row["condition"], row["verdict"], row["words"]) for row in found["apart"]] == [
        ("minilm-head words dist1 uniform shared", "ambiguous", "two camps")
    ]
    assert found["apart"][0]["accuracy"] == {"noisy": 0.2, "realm": 0.3, "joint": 0.4, "oracle": 0.9}
    assert found["gap_recovered"] == summary(sure)["gap_recovered"]
    assert {row["condition"] for row in found["differences"]} == {"minilm-head words dist2 uniform shared"}


@pytest.mark.parametrize(
    ("right", "verdict", "wrong"),
    [(0.45, "resolved", True), (0.55, "resolved", False), (0.45, "ambiguous", False)],
)
def test_a_resolved_crowd_that_turned_the_model_round_is_a_wrong_verdict(
    right: float, verdict: str, wrong: bool
) -> None:
    """Untrained 0.6, chance 0.5: turned round below chance, or more than 10 points below 0.6."""
    found = summary(grid({"dist1": {"joint": [right], "noisy": [0.1]}}, verdict=verdict))
    assert [row["variant"] for row in found["wrong_verdicts"]] == (["joint"] if wrong else [])


def test_paired_intervals_are_those_of_the_mean_of_differences() -> None:
    """Oracle: standard error of the per-item differences; the bootstrap's is the same within a twentieth."""
    rng = np.random.default_rng(0)
    correct = {(m, s): rng.random(4000) < p for m, p in (("joint", 0.8), ("realm", 0.7)) for s in (0, 1)}
    found = {
        (cell := Cell("words", "minilm-head", m, seed=s)): made(cell, correct=bits) for (m, s), bits in correct.items()
    }
    row = summary(found)["differences"][0]
    outcomes = {m: {s: found[Cell("words", "minilm-head", m, seed=s)] for s in (0, 1)} for m in ("joint", "realm")}
    values = per_item_difference(outcomes["joint"], outcomes["realm"])
    error = values.std() / np.sqrt(len(values))
    assert row["difference"] == pytest.approx(values.mean())
    assert row["low"] == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert row["high"] == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_conditions_with_the_same_items_are_drawn_together() -> None:
    """Two conditions with equal differences per item: the interval over both is that of one."""
    same = {"joint": [0.8], "realm": [0.6]}
    rows = summary(grid({"dist1": same, "dist2": same}))["differences"]
    one, _, both = rows
    assert (both["condition"], both["low"], both["high"]) == ("all", one["low"], one["high"])
