"""Oracle: what was put into Potato before it wrote `exports/potato`; for older files, records written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from crowdtune import InputError, read
from crowdtune.read.formats._potato_values import DEEP, SPANS
from tests.crowds import put, said
from tests.read.formats.shaken import Edit, bounded, edits, shaken_csv, shaken_json, try_reading

REAL = Path(__file__).parent / "exports" / "potato"
STATE = REAL / "annotation_output" / "bob" / "user_state.json"
WANTED = {
    ("item_1/sentiment", "ann", "positive"), ("item_2/sentiment", "ann", "negative"),
    ("item_1/sentiment", "bob", "positive"), ("item_2/sentiment", "bob", "negative"), ("item_3", "bob", "neutral"),
    ("item_1/topic/sport", "ann", "yes"), ("item_1/topic/news", "ann", "yes"), ("item_1/topic/sport", "bob", "yes"),
    ("item_1/topic/news", "bob", "no"), ("item_2/topic/sport", "bob", "no"), ("item_2/topic/news", "bob", "yes"),
    ("item_1/strength", "ann", "4"), ("item_2/strength", "ann", "0"), ("item_1/strength", "bob", "3"),
    ("item_2/strength", "bob", "1"),
}  # fmt: skip
OLD: list[dict[str, Any]] = [
    {"id": "1", "displayed_text": "good", "label_annotations": {"mood": {"happy": "true"}}, "span_annotations": [],
     "behavioral_data": {"time_string": "Time spent: 0d 0h 0m 5s "}},
    {"id": "2", "displayed_text": "bad", "label_annotations": {"mood": {"sad": "true"}, "why": {"text_box": "so"}},
     "span_annotations": [{"start": 0, "end": 3, "annotation": "x"}], "behavioral_data": {}},
]  # fmt: skip
LINES = "".join(json.dumps(record) + "\n" for record in OLD)
SAMPLES = {
    "potato state": ("user_state.json", STATE.read_text()),
    "potato csv": ("annotations.csv", (REAL / "annotations.csv").read_text()),
    "potato tsv": ("annotations.tsv", (REAL / "annotations.tsv").read_text()),
    "potato jsonl": ("annotations.jsonl", (REAL / "annotations.jsonl").read_text()),
    "potato first version": ("annotated_instances.jsonl", LINES),
    "potato folder": ("annotation_output", {"bob/user_state.json": STATE.read_text()}),
}


@pytest.mark.parametrize("name", ["annotation_output", "annotations.csv", "annotations.tsv", "annotations.jsonl"])
def test_what_potato_wrote(name: str) -> None:
    annotations, report = read(REAL / name, items=REAL / "data.jsonl")
    assert report.shape == "potato"
    assert said(annotations) == WANTED
    assert report.left_questions == ["why"]
    assert set(annotations.items.prompts) == {"Good, good film.", "Bad film.", "A film."}


def test_the_time_spent_on_an_item_is_read() -> None:
    annotations, _ = read(REAL / "annotation_output")
    assert annotations.seconds is not None
    spent = {s for i, s in zip(annotations.item, annotations.seconds, strict=True) if s == s and i >= 0}
    assert spent == {4.2}


def test_one_state_alone() -> None:
    annotations, report = read(STATE)
    assert (report.shape, report.known_by) == ("potato", "instance_id_to_label_to_value")
    assert annotations.annotators == ["bob"]


def test_the_first_version_names_the_annotator_by_folder(tmp_path: Path) -> None:
    for who in ("ann", "bob"):
        (tmp_path / "out" / who).mkdir(parents=True)
        put(tmp_path / "out" / who, "annotated_instances.jsonl", LINES)
    annotations, report = read(tmp_path / "out")
    assert said(annotations) == {(i, who, mood) for who in ("ann", "bob")
                                 for i, mood in (("1", "happy"), ("2", "sad"))}  # fmt: skip
    assert report.notes[SPANS] == 2
    assert annotations.items.prompts == ["good", "bad"]


def state(labels: Any, **more: Any) -> str:
    return json.dumps({"user_id": "eve", "instance_id_to_label_to_value": {"i1": labels}} | more)


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ({"mood": {"labels": True}}, "labels"),
        ({"scale": {"0": "0", "1": False}}, "0"),
        ({"scale": {"slider": "42"}}, "42"),
        ({"scale": {"3": "3", "4": "false"}}, "3"),
        ([[{"schema": "mood", "name": "sad"}, "sad"]], "sad"),
        ({"mood": "sad"}, "sad"),
    ],
)
def test_values(tmp_path: Path, labels: Any, label: str) -> None:
    annotations, _ = read(put(tmp_path, "user_state.json", state(labels)))
    assert said(annotations) == {("i1", "eve", label)}


def test_regions_and_unknown_forms_are_counted(tmp_path: Path) -> None:
    labels = {"box": {"a": '[{"x": 1}]'}, "odd": {"b": {"c": 1}}, "mood": {"sad": True}}
    annotations, report = read(put(tmp_path, "user_state.json", state(labels)))
    assert len(annotations) == 1
    assert dict(report.notes) == {SPANS: 1, DEEP: 1}


@pytest.mark.parametrize(("kind", "trait"), [("llm", "model"), ("human", "person")])
def test_machines_are_models(tmp_path: Path, kind: str, trait: str) -> None:
    text = state({"mood": {"sad": True}}, origin={"kind": kind})
    annotations, _ = read(put(tmp_path, "user_state.json", text))
    assert annotations.traits == {"kind": [trait]}


def test_a_repaired_column_decides(tmp_path: Path) -> None:
    text = "instance_id,user_id,scale.4,scale.5,scale\n1,ann,4,5,5\n"
    assert said(read(put(tmp_path, "f.csv", text))[0]) == {("1", "ann", "5")}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (state([["mood", 1]]), r"i1: '\['mood', 1\]' is no label and value\. Export it again\.$"),
        (state("sad"), "'sad' is no label and value"),
        (json.dumps({"user_id": "eve", "instance_id_to_label_to_value": 3}), "is '3', not an object"),
        (state({})[:-3], "not valid JSON"),
    ],
)
def test_broken_states(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(put(tmp_path, "user_state.json", text))
    (tmp_path / "folder" / "eve").mkdir(parents=True)
    put(tmp_path / "folder" / "eve", "user_state.json", text)
    with pytest.raises(InputError, match=sentence):
        read(tmp_path / "folder")


@bounded
@given(changes=edits)
def test_shaken_states(changes: list[Edit]) -> None:
    whole = {key: json.loads(STATE.read_text())[key] for key in ("user_id", "instance_id_to_label_to_value")}
    try_reading("user_state.json", json.dumps(shaken_json(whole, changes)), "potato")


@bounded
@given(changes=edits)
def test_shaken_lines(changes: list[Edit]) -> None:
    """A scheme with something said is an answer or a counted region."""
    broken = shaken_json(OLD, changes)
    text = "".join(json.dumps(record) + "\n" for record in broken)
    found = try_reading("f.jsonl", text, "potato")
    if found:
        schemes = [v for r in broken for v in (r.get("label_annotations") or {}).values()]
        assert found[1].rows + sum(found[1].notes.values()) >= sum(bool(v) or v == 0 for v in schemes)


@bounded
@given(changes=edits)
def test_shaken_tables(changes: list[Edit]) -> None:
    found = try_reading("f.csv", shaken_csv((REAL / "annotations.csv").read_text(), changes), "potato")
    assert found is None or found[1].rows >= 8
