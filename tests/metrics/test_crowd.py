"""Oracle: numbers worked out by hand in each test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crowdtune.metrics.crowd import annotator_accuracy, facts, like_responses, reliability, reliability_per_task, ties
from crowdtune.read import read
from tests.crowds import crowd, from_table, make_items, with_choices

TABLE = [[0, 0, 1, -1], [1, 0, -1, -1], [2, 2, 2, -1], [-1, -1, -1, -1]]
POSTERIOR = np.array([[0.8, 0.2, 0.0], [0.5, 0.5, 0.0], [0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3]])


def test_ties_by_hand() -> None:
    assert ties(from_table(TABLE, k=3)).tolist() == [False, True, False, False]


def test_accuracy_by_hand() -> None:
    """Gold 0, 1, unknown, 0: a0 right twice, a1 once of two, a2 wrong, a3 said nothing."""
    found = annotator_accuracy(from_table(TABLE, [0, 1, -1, 0], 3))
    np.testing.assert_array_equal(found, [1, 0.5, 0, np.nan])


def test_reliability_by_hand() -> None:
    """Posterior of the labels given: a0 0.8 0.5 0.8, a1 0.8 0.5 0.8, a2 0.2 0.8."""
    found = reliability(from_table(TABLE, k=3), POSTERIOR)
    np.testing.assert_allclose(found, [0.7, 0.7, 0.5, np.nan])


def test_reliability_per_task_by_hand() -> None:
    items = make_items([-1, -1, -1], "abc", [0, 0, 1])
    annotations = crowd(items, [(0, 0, 0), (1, 0, 1), (2, 0, 2), (0, 1, 1)], 2)
    np.testing.assert_allclose(reliability_per_task(annotations, POSTERIOR[:3]), [[0.65, 0.8], [0.2, np.nan]])


def test_reliability_may_be_below_chance() -> None:
    assert reliability(from_table([[1]]), np.array([[1.0, 0.0]])).tolist() == [0]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ([[0, 1], [1, 1]], "4 labels, 2 items, 2 annotators; 2.0 labels per labelled item"),
        ([[-1, -1]], "1 items, no label by an annotator"),
        ([[0], [-1], [-1]], "2 items have no label; they keep their place, without an answer"),
        ([[0], [1]], "every item has one label: agreement cannot be measured, so a model that reads the items "
         "must tell who is right (crowdtune train)"),
        ([[0, 1], [1, 1]], "2 annotators gave fewer than 5 labels: too few to judge, ranked last"),
        ([[0, 1], [1, 0], [1, 1]], "2 items have a tied vote: it stays split, no choice wins by its place in a list"),
        ([[1, 1, 1], [1, 1, 0]], "task t0: 83% of the labels say 'c1'; look at the recall of each choice, not at "
         "accuracy alone"),
    ],
)  # fmt: skip
def test_facts(table: list[list[int]], line: str) -> None:
    assert line in facts(from_table(table))


def test_no_fact_without_cause() -> None:
    """Exactly 80 % is not skewed, exactly 5 labels are not thin, and who said nothing is not counted."""
    assert len(facts(from_table([[0, 0, -1]] * 4 + [[1, 1, -1]]))) == 1


def test_free_responses_taken_for_choices() -> None:
    """Long answers of everybody's own are; short ones, long ones that agree, and items with two labels are not."""
    words = tuple(f"answer number {k} is this one" for k in range(4))
    apart, agreed = (
        [(i, j, j) for i in range(3) for j in range(4)],
        [(i, j, j // 2) for i in range(3) for j in range(4)],
    )
    long, short = with_choices([words] * 3, [-1] * 3), with_choices([tuple("abcd")] * 3, [-1] * 3)
    assert like_responses(crowd(long, apart))
    assert not like_responses(crowd(long, agreed))
    assert not like_responses(crowd(short, apart))
    assert not like_responses(crowd(long, [row for row in apart if row[1] < 2]))


@pytest.mark.parametrize("path", sorted(Path("examples").glob("*.csv")), ids=lambda path: path.stem)
def test_examples_are_choices(path: Path) -> None:
    annotations, report = read([path])
    assert not any("free responses" in line for line in report.lines(annotations))
