"""Oracle: tables written out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdtune.examples import from_annotations, from_targets, rows
from tests.crowds import crowd, from_table, make_items

TABLE = [[0, -1, 1], [-1, -1, -1], [-1, 1, -1]]


def test_rows_by_hand() -> None:
    labels, annotators = rows(from_table(TABLE))
    assert labels.padded().tolist() == [[0, 1], [-1, -1], [1, -1]]
    assert annotators.padded().tolist() == [[0, 2], [-1, -1], [1, -1]]


def test_rows_does_not_need_sorted_rows() -> None:
    annotations = from_table(TABLE)
    order = np.array([2, 1, 0])
    columns = {c: getattr(annotations, c)[order] for c in ("item", "annotator", "label")}
    labels, annotators = rows(replace(annotations, **columns))
    assert labels.padded().tolist() == [[1, 0], [-1, -1], [1, -1]]
    assert annotators.padded().tolist() == [[2, 0], [-1, -1], [1, -1]]


def test_rows_without_labels() -> None:
    assert rows(crowd(make_items([0, 1]), []))[0].padded().shape == (2, 0)


def test_from_annotations_leaves_out_unlabelled_items() -> None:
    examples = from_annotations(from_table(TABLE))
    assert examples.weights.tolist() == [1, 0, 1]
    assert examples.targets.tolist() == [[0, 0]] * 3


def test_from_targets_carries_no_labels() -> None:
    targets = np.array([[0.5, 0.5], [1, 0]])
    examples = from_targets(make_items([0, 1]), targets, np.array([0.5, 2.0]))
    assert len(examples) == 2
    assert (examples.labels.padded().shape, examples.annotators.padded().shape) == ((2, 0), (2, 0))
    assert examples.targets.tolist() == targets.tolist()


def test_take() -> None:
    taken = from_annotations(from_table(TABLE)).take(np.array([2, 0]))
    assert taken.items.ids == ["i2", "i0"]
    assert taken.labels.padded().tolist() == [[1, -1], [0, 1]]
    assert taken.annotators.padded().tolist() == [[1, -1], [0, 2]]
    assert taken.weights.tolist() == [1, 1]
