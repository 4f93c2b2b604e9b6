"""Oracle: the table of column names and their precedence in DESIGN.md section 5, written out once more here."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdtune import InputError, read
from crowdtune.read.columns import assign
from tests.crowds import put

NAMES = {
    "item": "item item_id id example_id instance_id record_id HITId _input_hash question",
    "annotator": "annotator annotator_id worker worker_id user_id rater_id performer WorkerId completed_by "
    "_annotator_id PROLIFIC_PID",
    "label": "label value answer annotation response choice rating",
    "gold": "gold truth gold_label",
}
BASE = {"item": "item", "annotator": "annotator", "label": "label", "gold": "gold"}


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in NAMES.items() for name in names.split()])
def test_every_name_is_known(role: str, name: str) -> None:
    columns = BASE | {role: name}
    assert assign(list(columns.values()), {}, "f") == columns


@pytest.mark.parametrize("role", NAMES)
def test_the_first_name_wins(role: str) -> None:
    names = NAMES[role].split()
    assert assign(names[::-1], {}, "f")[role] == names[0]


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["task", "worker", "label"], {"item": "task", "annotator": "worker", "label": "label"}),
        (["task_id", "worker", "label"], {"item": "task_id", "annotator": "worker", "label": "label"}),
        (["task", "id", "label"], {"task": "task", "item": "id", "label": "label"}),
        (["question", "label"], {"item": "question", "label": "label"}),
        (["id", "question", "label"], {"item": "id", "prompt": "question", "label": "label"}),
        (["question", "text"], {"item": "question", "prompt": "text"}),
    ],
)
def test_task_and_question(names: list[str], roles: dict[str, str]) -> None:
    assert assign(names, {}, "f") == roles


def test_what_the_user_says_wins() -> None:
    roles = assign(["id", "label", "mine"], {"label": "mine", "item": "label"}, "f")
    assert roles == {"item": "label", "label": "mine"}


def test_columns_by_hand(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "thing,coder,verdict\n1,ann,yes\n")
    annotations, report = read(path, columns={"item": "thing", "annotator": "coder", "label": "verdict"})
    assert annotations.annotators == ["ann"]
    assert report.columns == {"item": "thing", "annotator": "coder", "label": "verdict"}
    assert "item = thing, annotator = coder, label = verdict" in report.lines(annotations)[0]


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"^f: no column 'coder' for annotator\. Columns: id, label\.$"):
        assign(["id", "label"], {"annotator": "coder"}, "f")
