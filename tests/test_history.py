"""Oracle: arithmetic on a table of three annotators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crowdtune import InputError
from crowdtune.history import pseudo_labels
from crowdtune.runs import Run

TABLE = "annotator,labels,reliability,accuracy\nann,200,0.9,\nbob,10,0.3,0.2\nnil,5,,\n"


def test_a_table_counts_for_twenty_labels_at_most(tmp_path: Path) -> None:
    path = tmp_path / "before.csv"
    path.write_text(TABLE)
    right, wrong = pseudo_labels(path, ["bob", "new", "ann", "nil"])
    np.testing.assert_allclose(right, [3, 0, 18, 0])
    np.testing.assert_allclose(wrong, [7, 0, 2, 0])
    np.testing.assert_allclose(pseudo_labels(path, ["ann"], most=50)[0], [45])


def test_a_finished_run_is_read_and_an_unfinished_one_is_not(tmp_path: Path) -> None:
    run = Run.start(tmp_path / "run", {})
    (run.folder / "annotators.csv").write_text(TABLE)
    with pytest.raises(InputError, match=r"run is no finished run\. Name a folder"):
        pseudo_labels(run.folder, ["ann"])
    run.finish({})
    assert pseudo_labels(run.folder, ["ann"])[0].tolist() == [18]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "annotator,labels\nann,3\n",
            r"has no column 'reliability'\. A history has the columns annotator, labels, rel",
        ),
        ("annotator,labels,reliability\nann,many,0.5\n", r"line 2: labels and reliability must be numbers"),
        ("annotator,labels,reliability\nann,3,0.5\nbob,3,1.5\n", r"line 3: labels=3 .* reliability=1.5 from 0 to 1"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "before.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        pseudo_labels(path, ["ann"])


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is no finished run"):
        pseudo_labels(tmp_path / "nowhere", ["ann"])
