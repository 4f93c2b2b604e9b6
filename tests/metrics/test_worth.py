"""Oracles: arithmetic of tables by hand, and annotators who are alike in all they said."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.metrics import information, more, worth
from tests.crowds import from_table


def test_intervals_hold_what_they_are_of() -> None:
    """Of answers that are all different a rare truth carries the mean, and quantiles alone may miss it."""
    for seed in range(3):
        rows = worth.of_labels(from_table([list(range(5))] * 6, k=5), np.random.default_rng(seed))
        for row in rows:
            assert row["low"] <= row["value"] <= row["high"]
            assert row["reliability_low"] <= row["reliability"] <= row["reliability_high"]
            assert row["next_low"] <= row["next"] <= row["next_high"]


def test_an_interval_beside_its_value_is_widened() -> None:
    made = worth._interval("", np.full((200, 2), -0.218), np.array([-0.202, -0.3]))
    assert made["low"] == pytest.approx([-0.218, -0.3])
    assert made["high"] == pytest.approx([-0.202, -0.218])


def test_twins_are_both_ranked_or_neither() -> None:
    """Eight who said the same of seven items: their draws are one, so that no threshold parts them."""
    annotations = from_table([[0] * 8 + [i % 2, 1] for i in range(7)])
    for seed in range(5):
        rng = np.random.default_rng(seed)
        found = information.realised(more.standing(annotations, rng), rng)
        np.testing.assert_array_equal(found.reliability[:, :8], found.reliability[:, :1].repeat(8, axis=1))


def test_widths_about_the_threshold_part_nobody_with_the_same_figures() -> None:
    """Two of 0.49 and 0.55 wide are 0.52 wide on average: neither is ranked; one as sure with other figures is."""
    draws = np.array([np.linspace(0.5 - w / 2, 0.5 + w / 2, 1001) for w in (0.48, 0.53, 0.48)]).T / 0.95
    draws += 0.5 - draws.mean(axis=0)
    assert information.thin(draws, np.array([6, 6, 6])).tolist() == [False] * 3
    draws = 0.5 + (draws - 0.5) * 1.03
    assert information.thin(draws, np.array([6, 6, 7])).tolist() == [True, True, False]
    assert information.thin(draws, np.array([4, 6, 7])).tolist() == [True, True, False]


def test_thin_rows_of_rounds_are_by_value_and_the_unknown_last() -> None:
    ends = {"attribution": None, "attribution_low": None, "attribution_high": None, "points": 0.0, "labels": 36}
    values = {"a": None, "b": 0.1, "c": 0.3, "d": 0.2}
    told = [
        {"annotator": name, "appearances": 6 if name == "d" else 4, "points_per_round": value} | ends
        for name, value in values.items()
    ]
    assert [row["annotator"] for row in worth.of_rounds(told)] == ["d", "c", "b", "a"]
