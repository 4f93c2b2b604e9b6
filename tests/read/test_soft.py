"""Oracle: soft labels written out by hand; what is no soft label is counted and changes nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdtune import read
from crowdtune.read.builder import NO_SHARES
from crowdtune.read.report import ReadReport
from crowdtune.write.folder import write_folder
from tests.crowds import crowd, make_items, put, said, with_choices


def told(tmp_path: Path, *posteriors: Any, name: str = "f.json", choices: Any = ("a", "b")) -> tuple[Any, ReadReport]:
    rows = [
        {"item": i, "annotator": "ann", "label": "a", "choices": choices, "posterior": p}
        for i, p in enumerate(posteriors)
    ]
    annotations, report = read(put(tmp_path, name, json.dumps(rows)))
    assert len(annotations) == len(rows)
    return None if annotations.soft is None else annotations.soft.tolist(), report


def test_a_list_is_scaled_and_none_or_zeros_are_none(tmp_path: Path) -> None:
    soft, report = told(tmp_path, [0.2, 0.8], None, [3, 1], [0, 0], "[0.5, 0.5]", "")
    assert soft == [[0.2, 0.8], [0, 0], [0.75, 0.25], [0, 0], [0.5, 0.5], [0, 0]]
    assert report.columns["posterior"] == "posterior"
    assert not report.notes[NO_SHARES]


@pytest.mark.parametrize(
    "odd",
    [
        [0.5],
        [0.5, 0.5, 0],
        [-0.1, 1.1],
        ["x", 1],
        "0.7",
        0.7,
        [1e308, 1e308],
        [[1], [2]],
        {"a": -1},
        {"a": "x"},
        "[1, 2",
        True,
    ],
)
def test_what_is_no_soft_label_is_counted(tmp_path: Path, odd: Any) -> None:
    soft, report = told(tmp_path, odd, None)
    assert soft is None
    assert report.notes[NO_SHARES] == 1
    assert told(tmp_path, odd, [0.4, 0.6])[0] == [[0, 0], [0.4, 0.6]]


def test_without_named_choices_nobody_knows_which_is_which(tmp_path: Path) -> None:
    soft, report = told(tmp_path, [0.2, 0.8], choices=None)
    assert soft is None
    assert report.notes[NO_SHARES] == 1


def test_rows_of_one_item_that_differ_are_no_error(tmp_path: Path) -> None:
    """The posterior of each annotator's own model, say: the first is taken."""
    row = {"item": "i", "label": "a", "choices": "a|b"}
    rows = [row | {"annotator": "ann", "posterior": [0.2, 0.8]}, row | {"annotator": "bob", "posterior": [0.9, 0.1]}]
    assert read(put(tmp_path, "f.json", json.dumps(rows)))[0].soft.tolist() == [[0.2, 0.8]]  # type: ignore[union-attr]


def test_folder_round_trip_with_different_choices(tmp_path: Path) -> None:
    items = with_choices([("a", "b"), ("x", "y", "z"), ("p", "q")], [0, 1, -1])
    soft = np.array([[0.25, 0.75, 0], [0.1, 0.2, 0.7], [0, 0, 0]])
    before = replace(crowd(items, [(0, 0, 0), (2, 0, 1)]), soft=soft)
    write_folder(before, tmp_path / "data", {})
    after, _ = read(tmp_path / "data")
    np.testing.assert_allclose(after.soft, soft, atol=1e-15)
    assert said(after) == said(before)
    taken = after.take_items(np.array([2, 0]))
    assert taken.soft.tolist() == [[0, 0], [0.25, 0.75]]  # type: ignore[union-attr]


def test_soft_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Annotations\.soft has the shape \(1, 2\), not \(2, 2\)"):
        replace(crowd(make_items([0, 1]), [(0, 0, 0)]), soft=np.full((1, 2), 0.5))
