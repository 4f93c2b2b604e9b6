"""Oracle: records in the shape of the second and third edition, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from crowdtune import InputError, read
from crowdtune.read.formats.lewidi import VOTE
from tests.crowds import put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_json, try_reading

SECOND: dict[str, Any] = {
    "1": {
        "text": "so ironic", "annotation task": "hate speech detection", "number of annotations": 2,
        "annotators": "Ann1,Ann2", "annotations": "0,1", "lang": "en", "hard_label": "0",
        "soft_label": {"0": 0.5, "1": 0.5}, "split": "train", "other_info": {},
    },
    "2": {
        "text": "fine", "annotation task": "hate speech detection", "number of annotations": 2,
        "annotators": "Ann1,Ann3", "annotations": "1, 1", "lang": "en", "hard_label": "",
        "soft_label": "", "split": "dev", "other_info": {},
    },
}  # fmt: skip
THIRD: dict[str, Any] = {
    "a": {
        "text": {"context": "He left.", "statement": "He is gone."}, "annotation task": "natural language inference",
        "number of annotators": 2, "annotators": "Ann1,Ann2", "number of annotations": 3,
        "annotations": {"Ann1": "entailment,neutral", "Ann2": "neutral"}, "soft_label": {}, "split": "train",
        "lang": "en", "other_info": {},
    },
}  # fmt: skip
SAMPLES = {
    "lewidi second edition": ("HS-Brexit_train.json", json.dumps(SECOND)),
    "lewidi third edition": ("VariErrNLI_train.json", json.dumps(THIRD)),
}


def test_names_and_labels_side_by_side(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.json", json.dumps(SECOND)))
    assert said(annotations) == {("1", "Ann1", "0"), ("1", "Ann2", "1"), ("2", "Ann1", "1"), ("2", "Ann3", "1")}
    assert annotations.items.prompts == ["so ironic", "fine"]
    assert annotations.items.splits == ["train", "dev"]
    assert annotations.items.tasks == ["hate speech detection"]
    assert annotations.items.gold.tolist() == [-1, -1]
    assert dict(report.notes) == {VOTE: 1}


def test_several_labels_of_one_annotator(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.json", json.dumps(THIRD)))
    assert said(annotations) == {("a/entailment", "Ann1", "yes"), ("a/entailment", "Ann2", "no"),
                                 ("a/neutral", "Ann1", "yes"), ("a/neutral", "Ann2", "yes")}  # fmt: skip
    assert annotations.items.prompts[0] == "context: He left.\nstatement: He is gone."
    assert report.rows == 2


def test_a_test_set_has_items_alone(tmp_path: Path) -> None:
    record = SECOND["1"] | {"annotators": "", "annotations": "", "hard_label": ""}
    annotations, _ = read(put(tmp_path, "f.json", json.dumps({"9": record})))
    assert (len(annotations), annotations.items.ids) == (0, ["9"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"annotators": "Ann1"}, r"row 1: 1 annotators and 2 annotations\. Mend the record\.$"),
        ({"annotators": {"Ann1": 1}}, "annotators is an object, not names with commas between"),
    ],
)
def test_broken_records(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(put(tmp_path, "f.json", json.dumps({"1": SECOND["1"] | change})))


def test_a_cut_off_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not valid JSON"):
        read(put(tmp_path, "f.json", json.dumps(SECOND)[:-40]))


@bounded
@given(changes=edits)
def test_shaken(changes: list[Edit]) -> None:
    """As many answers as annotations: of lists of names, or of an object."""
    for whole in (SECOND, THIRD):
        broken = shaken_json(whole, changes)
        found = try_reading("f.json", json.dumps(broken), "lewidi")
        if found:
            records = [record for record in broken.values() if isinstance(record, dict)]
            assert found[1].rows == sum(_given(record.get("annotations")) for record in records)


def _given(annotations: Any) -> int:
    if isinstance(annotations, dict | list):
        return len(annotations)
    text = "" if annotations is None else str(annotations).strip()
    return len(text.split(",")) if text else 0
