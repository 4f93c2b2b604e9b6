"""Oracle: what the members' files, written by hand in doccano's shape, say in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from crowdtune import InputError, read
from tests.crowds import put, said
from tests.read.formats._samples import bounded, damaged, jsonl, keeps_the_contract, lay


def line(item: int, *labels: Any, **more: Any) -> dict[str, Any]:
    return {"id": item, "text": f"text {item}", "source": "a", "label": list(labels), "Comments": []} | more


ALICE = [line(15, "positive"), line(16, "negative"), line(17)]
BOB = [line(15, "negative"), line(16, "negative"), line(17, "positive")]
MEMBERS = {"alice.jsonl": jsonl(ALICE), "bob.jsonl": jsonl(BOB)}
CSV = {
    "alice.csv": "id,text,label,Comments\n15,text 15,positive,\n16,text 16,negative#positive,\n17,text 17,,\n",
    "bob.csv": "id,text,label,Comments\n15,text 15,negative,\n16,text 16,negative,\n17,text 17,,\n",
}
OLD = [
    {
        "id": 1, "text": "t", "meta": {}, "annotation_approver": None,
        "annotations": [{"label": 7, "user": 1}, {"label": 8, "user": 2}, {"label": 8, "user": 1}],
    },
    {"id": 2, "text": "u", "meta": {}, "annotation_approver": None, "annotations": [{"label": 7, "user": 2}]},
]  # fmt: skip
SPANS = [line(1, [0, 4, "ORG"])]
SAMPLES = {
    "doccano": ("export.zip", MEMBERS),
    "doccano folder": ("export", MEMBERS),
    "doccano csv": ("csv.zip", CSV),
    "doccano json": ("json.zip", {"alice.json": json.dumps(ALICE), "bob.json": json.dumps(BOB)}),
    "doccano one member": ("alice.jsonl", jsonl(ALICE)),
    "doccano one member's csv": ("alice.csv", CSV["alice.csv"]),
    "doccano collaborative": ("all.zip", {"all.jsonl": jsonl(ALICE)}),
    "doccano version 1.0": ("old.jsonl", jsonl(OLD)),
    "doccano spans": ("ner.zip", {"alice.jsonl": jsonl(SPANS)}),
    "doccano fastText": ("fast.zip", {"alice.txt": "__label__positive text 15\n"}),
}
EXPECTED = {
    ("15", "alice", "positive"), ("15", "bob", "negative"), ("16", "alice", "negative"), ("16", "bob", "negative"),
    ("17", "bob", "positive"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["doccano", "doccano folder", "doccano json"])
def test_members_in_words(tmp_path: Path, name: str) -> None:
    annotations, report = read(lay(tmp_path, *SAMPLES[name]))
    assert said(annotations) == EXPECTED
    assert report.abstentions == {"untouched": 1}
    assert annotations.items.prompts == ["text 15", "text 16", "text 17"]


def test_members_files_given_one_by_one(tmp_path: Path) -> None:
    paths = [put(tmp_path, name, text) for name, text in MEMBERS.items()]
    assert said(read(paths)[0]) == EXPECTED
    assert said(read(paths[0])[0]) == {one for one in EXPECTED if one[1] == "alice"}


def test_csv_joins_labels(tmp_path: Path) -> None:
    annotations, report = read(lay(tmp_path, *SAMPLES["doccano csv"]))
    assert report.options == {"": ["negative", "positive"]}
    assert ("16/positive", "alice", "yes") in said(annotations)
    assert ("16/positive", "bob", "no") in said(annotations)
    assert report.abstentions == {"untouched": 2}


@pytest.mark.parametrize("name", ["all.zip", "all"])
def test_a_collaborative_project_names_nobody(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"all\.jsonl is the export of a collaborative project, which names no"):
        read(lay(tmp_path, name, {"all.jsonl": jsonl(ALICE)}))
    with pytest.raises(InputError, match=r"names no annotator"):
        read(put(tmp_path, "all.jsonl", jsonl(ALICE)))


def test_version_1_0(tmp_path: Path) -> None:
    annotations, report = read(lay(tmp_path, *SAMPLES["doccano version 1.0"]))
    assert {("1/7", "1", "yes"), ("1/8", "1", "yes"), ("1/7", "2", "no"), ("2/7", "2", "yes")} <= said(annotations)
    assert sum(report.notes.values()) == 4


def test_texts_are_texts(tmp_path: Path) -> None:
    long = [line(n, f"a long answer of somebody, number {n}, " + "and so on " * 9) for n in range(3)]
    annotations, _ = read(lay(tmp_path, "f.zip", {"alice.jsonl": jsonl(long)}))
    assert annotations.items.kinds == ("text",)


def test_classes_beside_slots(tmp_path: Path) -> None:
    both = [{"id": 1, "text": "t", "cats": ["order"], "entities": [[0, 1, "X"]], "Comments": []}]
    annotations, report = read(lay(tmp_path, "f.zip", {"alice.jsonl": jsonl(both)}))
    assert said(annotations) == {("1", "alice", "order")}
    assert sum(report.notes.values()) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [("doccano spans", r"no answer to a whole item \(spans"), ("doccano fastText", "holds fastText lines")],
)
def test_what_is_not_read_is_refused_in_a_sentence(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(lay(tmp_path, *SAMPLES[name]))


def test_a_damaged_zip(tmp_path: Path) -> None:
    whole = lay(tmp_path, "f.zip", MEMBERS).read_bytes()
    for place in range(30, len(whole), 7):
        put(tmp_path, "g.zip", whole[:place] + b"\xff" + whole[place + 1 :])
        try:
            read(tmp_path / "g.zip")
        except InputError:
            continue


@bounded
@given(records=damaged([*ALICE, *BOB[:2], *SPANS]))
def test_damaged_lines_are_read_or_refused_and_nothing_is_lost(records: list[Any]) -> None:
    told = sum(any(name in one for name in ("label", "labels", "cats")) for one in records if isinstance(one, dict))
    keeps_the_contract("doccano", "alice.jsonl", jsonl(records), lambda: told)


@bounded
@given(records=damaged(OLD))
def test_damaged_lines_of_version_1_0(records: list[Any]) -> None:
    keeps_the_contract("doccano", "f.jsonl", jsonl(records))
