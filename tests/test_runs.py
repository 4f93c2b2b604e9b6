"""Oracle: the promises of a run folder, looked at from outside, and tables worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from crowdtune import InputError
from crowdtune.annotations import Annotations
from crowdtune.runs import Run, annotator_table
from crowdtune.write.labelled import label_table
from tests.crowds import crowd, from_table, make_items, with_choices
from tests.tiny import word_items

CONFIG = {"method": "realm", "options": {"epochs": 3}}


def test_start_writes_what_was_asked(tmp_path: Path) -> None:
    run = Run.start(tmp_path / "new" / "run", CONFIG)
    assert [p.name for p in run.folder.iterdir()] == ["config.json"]
    assert json.loads((run.folder / "config.json").read_text()) == CONFIG == run.config
    assert not run.finished


def test_an_empty_folder_is_welcome(tmp_path: Path) -> None:
    assert Run.start(tmp_path, CONFIG).config == CONFIG


def test_files_of_others_are_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(
        InputError,
        match=r"already holds files of something else\. Choose another folder or remove it\.$",
    ):
        Run.start(tmp_path, CONFIG)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unfinished_run_goes_on_with_resume(tmp_path: Path) -> None:
    Run.start(tmp_path, CONFIG)
    with pytest.raises(InputError, match=r"already holds an unfinished run \(--resume goes on with it\)\. Choose"):
        Run.start(tmp_path, CONFIG)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises(InputError, match="already holds"):
        Run.start(tmp_path / "f", CONFIG)


def test_a_finished_run_is_refused(tmp_path: Path) -> None:
    Run.start(tmp_path, CONFIG).finish({"a": 1})
    with pytest.raises(InputError, match=r"already holds a finished run\. Choose another folder or remove it\.$"):
        Run.start(tmp_path, CONFIG)
    with pytest.raises(InputError, match=r"holds a finished run; there is nothing to resume\.$"):
        Run.start(tmp_path, CONFIG, resume=True)


def test_resume_keeps_what_is_there(tmp_path: Path) -> None:
    Run.start(tmp_path, CONFIG).log({"step": 1})
    run = Run.start(tmp_path, CONFIG, resume=True)
    run.log({"step": 2})
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step":1}\n{"step":2}\n'


def test_resume_takes_a_tuple_for_the_list_it_was_written_as(tmp_path: Path) -> None:
    Run.start(tmp_path, {"targets": ("q", "v")})
    assert Run.start(tmp_path, {"targets": ("q", "v")}, resume=True).config == {"targets": ["q", "v"]}


@pytest.mark.parametrize("other", [CONFIG | {"options": {"epochs": 4}}, {"method": "realm"}])
def test_resume_of_another_config_is_refused(tmp_path: Path, other: dict[str, object]) -> None:
    Run.start(tmp_path, CONFIG)
    with pytest.raises(
        InputError, match=r"was started with another options; resume with the same, or start anew elsewhere\.$"
    ):
        Run.start(tmp_path, other, resume=True)


def test_resume_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no run to resume\. Leave out --resume to start one\.$"):
        Run.start(tmp_path / "none", CONFIG, resume=True)
    assert not (tmp_path / "none").exists()


def test_results_come_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When results.json is about to appear, the checkpoints are still there: a kill then loses nothing."""
    run = Run.start(tmp_path, CONFIG)
    run.checkpoints.mkdir()
    (run.checkpoints / "state").write_text("x")
    seen = []
    move = Path.replace

    def look(aside: Path, path: Path) -> Path:
        seen.append((path.name, run.finished, run.checkpoints.exists()))
        return move(aside, path)

    monkeypatch.setattr(Path, "replace", look)
    run.finish({"accuracy": 0.5})
    assert seen == [("results.json", False, True)]
    assert run.finished
    assert not run.checkpoints.exists()
    assert run.results == {"accuracy": 0.5}


def test_what_a_kill_left_is_cleared(tmp_path: Path) -> None:
    """While the config was written, while a table was, and between the results and the end."""
    (tmp_path / ".config.json.17").write_text("{")
    run = Run.start(tmp_path, CONFIG)
    (tmp_path / ".items.parquet.17").write_text("x")
    Run.start(tmp_path, CONFIG, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    run.finish({})
    run.checkpoints.mkdir()
    with pytest.raises(InputError, match="there is nothing to resume"):
        Run.start(tmp_path, CONFIG, resume=True)
    assert not run.checkpoints.exists()


def test_the_log_is_rewound_to_a_step(tmp_path: Path) -> None:
    run = Run.start(tmp_path, CONFIG)
    run.rewind(3)
    for step in (0, 10, 20):
        run.log({"step": step, "loss": step / 10})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 10, "lo')  # by a process that was killed
    run.rewind(10)
    assert run.curve("loss") == [(0, 0.0), (10, 1.0)]
    run.rewind(-1)
    assert run.curve("loss") == []


def test_results_that_cannot_be_written_leave_the_run_unfinished(tmp_path: Path) -> None:
    run = Run.start(tmp_path, CONFIG)
    with pytest.raises(TypeError):
        run.finish({"bad": object()})
    assert not run.finished


def test_results_of_an_unfinished_run(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"has no results\.json: it is not a finished run\. Name a folder `crowdtune train` made\.$"
    ):
        _ = Run.start(tmp_path, CONFIG).results


def test_annotators_best_first_and_thin_last() -> None:
    """Six items whose truth is 0: a0 says 0 twice of six, a1 six times, a2 once of one, a3 nothing, a4 five of six."""
    table = [[0 if i < 2 else 1, 0, 0 if i == 0 else -1, -1, 1 if i == 5 else 0] for i in range(6)]
    annotations = from_table(table, [0] * 6)
    rows = annotator_table(annotations, np.tile([1.0, 0.0], (6, 1)), {"expertise": [10, 11, 12, 13, 14]})
    assert rows == [
        {"annotator": "a1", "labels": 6, "reliability": 1.0, "accuracy": 1.0, "thin": False, "expertise": 11},
        {"annotator": "a4", "labels": 6, "reliability": 0.8333, "accuracy": 0.8333, "thin": False, "expertise": 14},
        {"annotator": "a0", "labels": 6, "reliability": 0.3333, "accuracy": 0.3333, "thin": False, "expertise": 10},
        {"annotator": "a2", "labels": 1, "reliability": 1.0, "accuracy": 1.0, "thin": True, "expertise": 12},
    ]


def test_a_wide_interval_is_too_few_to_judge() -> None:
    """a0 and a1 gave six labels each, both always right; of a0 that is known to within 0.6, of a1 to within 0.5."""
    annotations = from_table([[0, 0]] * 6)
    extra = {"reliability_low": [0.3, 0.4], "reliability_high": [0.9, 0.9]}
    rows = annotator_table(annotations, np.tile([1.0, 0.0], (6, 1)), extra)
    assert [(row["annotator"], row["thin"], row["reliability_low"]) for row in rows] == [
        ("a1", False, 0.4),
        ("a0", True, 0.3),
    ]


def test_annotators_without_gold_have_no_accuracy() -> None:
    assert annotator_table(from_table([[0]]), np.array([[1.0, 0.0]]))[0]["accuracy"] is None


def test_models_are_called_so_where_it_is_known(tmp_path: Path) -> None:
    """Written and read again; a report shows models by name, people by pseudonym."""
    annotations = replace(from_table([[0, 0, 1]] * 6), traits={"kind": ["person", "model", ""], "town": ["", "", ""]})
    run = Run(tmp_path)
    run.write_annotators(annotator_table(annotations, np.tile([1.0, 0.0], (6, 1))))
    assert {row["annotator"]: row["kind"] for row in run.annotators} == {"a0": "person", "a1": "model", "a2": ""}
    unknown = replace(annotations, traits={"kind": ["", "", ""]})
    assert "kind" not in annotator_table(unknown, np.tile([1.0, 0.0], (6, 1)))[0]


def test_annotators_of_several_tasks_have_a_column_each() -> None:
    annotations = crowd(make_items([-1, -1], task=[0, 1]), [(0, 0, 0), (1, 0, 0), (0, 1, 1)])
    rows = annotator_table(annotations, np.array([[0.9, 0.1], [0.3, 0.7]]))
    assert {row["annotator"]: (row["reliability:t0"], row["reliability:t1"]) for row in rows} == {
        "a0": (0.9, 0.3),
        "a1": (0.1, None),
    }


@pytest.mark.parametrize("table", [[[0, 1]], [[-1]]])
def test_annotators_as_a_file(tmp_path: Path, table: list[list[int]]) -> None:
    """Also where nobody said anything."""
    annotations = from_table(table)
    run = Run(tmp_path)
    run.write_annotators(annotator_table(annotations, np.array([[0.75, 0.25]])))
    labelled = [j for j, label in enumerate(table[0]) if label >= 0]
    assert [row["annotator"] for row in run.annotators] == [f"a{j}" for j in labelled]
    assert [row["reliability"] for row in run.annotators] == [0.75, 0.25][: len(labelled)]


def test_labels_by_hand() -> None:
    """A clear item, a tie, one without labels, one without labels of which a model knows something."""
    annotations = from_table([[0, 0], [0, 1], [-1, -1], [-1, -1]])
    posterior = np.array([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.2, 0.8]])
    table = label_table(annotations, posterior, "by hand")
    assert table["item"] == ["i0", "i1", "i2", "i3"]
    assert table["label"] == ["c0", None, None, "c1"]
    assert table["reason"] == ["", "tie", "no label", ""]
    assert table["probability"] == [1.0, 0.5, 0.5, 0.8]
    assert table["labels"] == [2, 2, 0, 0]
    assert table["tied_vote"] == [False, True, False, False]
    assert table["entropy"] == pytest.approx([0, math.log(2), math.log(2), -0.2 * math.log(0.2) - 0.8 * math.log(0.8)])
    assert table["provenance"] == ["by hand"] * 4


def test_an_item_of_which_nothing_is_believed_has_no_label() -> None:
    """A free text that is gold alone, and one that has no answer at all."""
    items = replace(word_items(2), choice_sets=[("uno",), ()], choice_set=np.arange(2), gold=np.array([0, -1]))
    none = np.zeros(0, dtype=np.int64)
    table = label_table(Annotations(items, [], none, none, none), np.zeros((2, 1)), "by hand")
    assert (table["label"], table["reason"]) == ([None, None], ["no label"] * 2)


def test_labels_of_items_with_different_choices() -> None:
    """A choice an item lacks is neither shown nor tied."""
    annotations = crowd(with_choices([("a", "b"), ("x", "y", "z")], [-1, -1]), [(0, 0, 1), (1, 0, 2)])
    table = label_table(annotations, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "by hand")
    assert table["label"] == ["b", "z"]
    assert table["posterior"] == [[0.0, 1.0], [0.0, 0.0, 1.0]]


def test_items_without_choices_have_no_label(tmp_path: Path) -> None:
    """Every column has a value for every item."""
    annotations = crowd(make_items([-1, -1], []), [])
    run = Run(tmp_path)
    run.write_items(annotations, np.zeros((2, 0)), "nobody")
    rows = pq.read_table(tmp_path / "items.parquet").to_pylist()
    assert [(row["label"], row["reason"]) for row in rows] == [(None, "no label")] * 2
