"""Oracle: what the records, written by hand in Argilla's shapes, say in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from crowdtune import InputError, read
from tests.crowds import put, said
from tests.read.formats._samples import bounded, damaged, jsonl, keeps_the_contract

U = [f"00000000-0000-0000-0000-00000000000{n}" for n in range(4)]


def flat(number: int, question: str, answers: list[tuple[Any, str]], **more: Any) -> dict[str, Any]:
    """A record with columns; `answers` are values and statuses, one user after the other."""
    name = f"{question}.responses"
    values, status = [v for v, _ in answers], [s for _, s in answers]
    lists = {name: values, f"{name}.users": U[: len(answers)], f"{name}.status": status}
    own = {"id": f"r{number}", "status": "pending", "_server_id": f"s{number}", "text": f"text {number}"}
    return own | lists | more


def nested(number: int, responses: dict[str, list[Any]], **suggestions: Any) -> dict[str, Any]:
    given_ = {q: [{"value": v, "user_id": u} for v, u in zip(vs, U, strict=False)] for q, vs in responses.items()}
    return {
        "id": f"r{number}", "fields": {"text": f"text {number}"}, "metadata": {}, "suggestions": suggestions,
        "responses": given_, "vectors": {}, "status": "pending", "_server_id": f"s{number}",
    }  # fmt: skip


def first(number: int, *answers: tuple[Any, str]) -> dict[str, Any]:
    """A record of version 1."""
    said_ = [{"user_id": u, "value": v, "status": s} for u, (v, s) in zip(U, answers, strict=False)]
    more = {"label-suggestion": "pos", "label-suggestion-metadata": {"type": "model", "score": 0.9, "agent": "m1"}}
    return {"text": f"text {number}", "label": said_, "external_id": f"x{number}", "metadata": '{"a": 1}'} | more


SUGGESTED = {"label.suggestion": "pos", "label.suggestion.score": 0.9, "label.suggestion.agent": "m1"}
UNTOUCHED = {"label.responses": None, "label.responses.users": None, "label.responses.status": None}
FLAT = [
    flat(1, "label", [("pos", "submitted"), ("neg", "submitted"), ("neg", "draft")], **SUGGESTED),
    flat(2, "label", [("neg", "submitted"), ("neg", "submitted"), (None, "discarded")]),
    flat(3, "label", []) | UNTOUCHED,
]
NESTED = [
    nested(1, {"label": ["pos", "neg"], "stars": [4, 5]}, label={"value": "pos", "score": 0.9, "agent": "m1"}),
    nested(2, {"label": ["neg", "neg"], "stars": [1]}),
    nested(3, {}),
]
FIRST = [first(1, ("pos", "submitted"), ("neg", "discarded")), first(2, ("neg", "submitted"), ("neg", "submitted"))]
SAMPLES = {
    "argilla": ("flat.json", json.dumps(FLAT)),
    "argilla lines": ("flat.jsonl", jsonl(FLAT)),
    "argilla nested": ("nested.json", json.dumps(NESTED)),
    "argilla by id": ("index.json", json.dumps({one["id"]: one for one in NESTED})),
    "argilla version 1": ("feedback.json", json.dumps(FIRST)),
}


def of(folder: Path, records: list[dict[str, Any]]) -> Any:
    return read(put(folder, "f.json", json.dumps(records)))


def test_flat_records_in_words(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, FLAT)
    assert said(annotations) == {
        ("r1", U[0], "pos"), ("r1", U[1], "neg"), ("r1", "model m1", "pos"), ("r2", U[0], "neg"), ("r2", U[1], "neg"),
    }  # fmt: skip
    assert report.abstentions == {"draft": 1, "discarded": 1}
    assert annotations.items.ids == ["r1", "r2", "r3"]
    assert annotations.items.prompts == ["text 1", "text 2", "text 3"]
    assert dict(zip(annotations.annotators, annotations.traits["kind"], strict=True))["model m1"] == "model"


def save_as_dataset(folder: Path) -> Path:
    """A folder as a saved dataset has it: Arrow streams and what describes them."""
    table = pa.Table.from_pylist(FLAT)
    (folder / "saved").mkdir()
    arrow = str(folder / "saved" / "data-00000-of-00001.arrow")
    with pa.OSFile(arrow, "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    for name in ("dataset_info.json", "state.json"):
        (folder / "saved" / name).write_text("{}")
    return folder / "saved"


def test_a_saved_dataset_and_parquet_say_the_same(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(FLAT), tmp_path / "f.parquet")
    (tmp_path / "hub" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(FLAT), tmp_path / "hub" / "data" / "train-00000.parquet")
    expected = said(of(tmp_path, FLAT)[0])
    for path in (tmp_path / "f.parquet", tmp_path / "hub", save_as_dataset(tmp_path)):
        annotations, report = read(path)
        assert report.shape == "argilla"
        assert said(annotations) == expected


def test_a_saved_dataset_that_is_broken(tmp_path: Path) -> None:
    path = save_as_dataset(tmp_path)
    put(path, "data-00000-of-00001.arrow", (path / "data-00000-of-00001.arrow").read_bytes()[:300])
    with pytest.raises(InputError, match=r"not a readable Arrow file"):
        read(path)


def test_nested_records_in_words(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, NESTED)
    assert {one for one in said(annotations) if one[0].endswith("label")} == {
        ("r1/label", U[0], "pos"), ("r1/label", U[1], "neg"), ("r1/label", "model m1", "pos"),
        ("r2/label", U[0], "neg"), ("r2/label", U[1], "neg"),
    }  # fmt: skip
    assert dict(zip(annotations.items.tasks, annotations.items.kinds, strict=True)) == {
        "label": "choice",
        "stars": "grade",
    }
    assert [n for note, n in report.notes.items() if "without a status" in note] == [7]


def test_version_1_in_words(tmp_path: Path) -> None:
    annotations, report = of(tmp_path, FIRST)
    assert said(annotations) == {
        ("x1", U[0], "pos"), ("x2", U[0], "neg"), ("x2", U[1], "neg"), ("x1", "model m1", "pos"),
        ("x2", "model m1", "pos"),
    }  # fmt: skip
    assert report.abstentions == {"discarded": 1}
    columns = [
        one | {"label": {n: [r[n] for r in one["label"]] for n in ("user_id", "value", "status")}} for one in FIRST
    ]
    assert said(of(tmp_path, columns)[0]) == said(annotations)


def test_several_labels(tmp_path: Path) -> None:
    lists = [(["plot", "cast"], "submitted"), (["plot"], "submitted"), ([], "submitted")]
    annotations, report = of(tmp_path, [flat(1, "topics", lists)])
    assert report.options == {"topics": ["cast", "plot"]}
    assert ("r1/cast", U[1], "no") in said(annotations)
    assert report.abstentions == {"empty": 1}


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([["a", "b"], ["b", "a"]], "rankings: not read"),
        ([[{"value": "a", "rank": 1}], [{"value": "a", "rank": 2}]], "rankings: not read"),
        ([[{"start": 0, "end": 1, "label": "X"}], []], "spans: not read, only answers to a whole item are"),
    ],
)
def test_rankings_and_spans_are_counted(tmp_path: Path, values: list[Any], note: str) -> None:
    records = [flat(1, "q", [(v, "submitted") for v in values]), flat(2, "label", [("a", "submitted")])]
    annotations, report = of(tmp_path, records)
    assert said(annotations) == {("r2", U[0], "a")}
    assert report.notes[note] + report.abstentions.get("empty", 0) == 2


def test_lists_of_different_lengths(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"f\.json row 2: label\.responses, its users and its status have 1, 2 and 1"):
        of(tmp_path, [FLAT[0], flat(2, "label", [("a", "submitted")]) | {"label.responses.users": U[:2]}])


@pytest.mark.parametrize("change", [{"label.responses": "pos"}, {"label.responses": {"a": 1}}])
def test_lists_that_are_none(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"f\.json row 2: label\.responses must be a list"):
        of(tmp_path, [FLAT[0], FLAT[1] | change])


def flat_answers(records: list[Any]) -> int:
    return sum(len(one.get("label.responses") or ()) for one in records)


@bounded
@given(records=damaged(FLAT))
def test_damaged_flat_records(records: list[Any]) -> None:
    keeps_the_contract("argilla", "f.json", json.dumps(records), lambda: flat_answers(records))


@bounded
@given(records=damaged(NESTED))
def test_damaged_nested_records(records: list[Any]) -> None:
    keeps_the_contract("argilla", "f.json", json.dumps(records))


@bounded
@given(records=damaged(FIRST))
def test_damaged_records_of_version_1(records: list[Any]) -> None:
    keeps_the_contract("argilla", "f.json", json.dumps(records))
