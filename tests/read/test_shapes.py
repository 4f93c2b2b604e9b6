"""Oracle: every file below is written by hand to hold the same crowd, so that every shape must give the same labels."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crowdtune import Annotations, Policy, read
from crowdtune.write.folder import write_folder
from tests.crowds import crowd, gold_texts, make_items, put, said

SAID = {("1", "ann", "yes"), ("1", "bob", "no"), ("2", "ann", "no"), ("2", "bob", "no"), ("3", "ann", "yes")}
LONG = "item,annotator,label\n1,ann,yes\n1,bob,no\n2,ann,no\n2,bob,no\n3,ann,yes\n"
RECORDS = [dict(zip(("item", "annotator", "label"), row.split(","), strict=True)) for row in LONG.split()[1:]]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)
NESTED = [
    {"id": 1, "annotations": [{"annotator": "ann", "label": "yes"}, {"worker": "bob", "value": "no"}]},
    {"id": 2, "annotations": [{"annotator": "ann", "label": "no"}, {"annotator": "bob", "label": "no"}]},
    {"id": 3, "annotations": [{"annotator": "ann", "label": "yes"}]},
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("long.csv", LONG),
        ("long.tsv", LONG.replace(",", "\t")),
        ("tabs.csv", LONG.replace(",", "\t")),
        ("semicolon.csv", LONG.replace(",", ";")),
        ("bom.csv", b"\xef\xbb\xbf" + LONG.encode()),
        ("crlf.csv", LONG.replace("\n", "\r\n")),
        ("UPPER.CSV", LONG),
        ("long.jsonl", LINES),
        ("blank-lines.ndjson", LINES.replace("\n", "\n\n")),
        ("long.json", json.dumps(RECORDS)),
        ("long.csv.gz", gzip.compress(LONG.encode(), mtime=0)),
        ("long.tsv.gz", gzip.compress(LONG.replace(",", "\t").encode(), mtime=0)),
        ("long.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("long.json.gz", gzip.compress(json.dumps(RECORDS).encode(), mtime=0)),
        ("crowd-kit.csv", LONG.replace("item,annotator", "task,worker")),
    ],
)
def test_long(tmp_path: Path, name: str, content: str | bytes) -> None:
    annotations, report = read(put(tmp_path, name, content))
    assert (report.shape, report.rows, said(annotations)) == ("long", 5, SAID)
    assert annotations.items.choices(0) == ("no", "yes")


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "long.parquet")
    assert said(read(tmp_path / "long.parquet")[0]) == SAID


@pytest.mark.parametrize("name", ["nested.jsonl", "nested.json"])
def test_nested(tmp_path: Path, name: str) -> None:
    content = json.dumps(NESTED) if name.endswith(".json") else "\n".join(map(json.dumps, NESTED))
    annotations, report = read(put(tmp_path, name, content))
    assert (report.shape, report.rows, said(annotations)) == ("nested", 5, SAID)


def test_nested_item_without_answers_keeps_its_place(tmp_path: Path) -> None:
    records = [NESTED[0], {"id": 9, "annotations": []}, {"id": 8, "annotations": None}, *NESTED[1:]]
    annotations, _ = read(put(tmp_path, "f.jsonl", "\n".join(map(json.dumps, records))))
    assert annotations.items.ids == ["1", "9", "8", "2", "3"]
    assert annotations.labels_per_item.tolist() == [2, 0, 0, 2, 1]


def test_nested_parquet(tmp_path: Path) -> None:
    plain = [{"id": "1", "annotations": NESTED[1]["annotations"]}, {"id": "2", "annotations": []}]
    pq.write_table(pa.Table.from_pylist(plain), tmp_path / "f.parquet")
    annotations, _ = read(tmp_path / "f.parquet")
    assert said(annotations) == {("1", "ann", "no"), ("1", "bob", "no")}


@pytest.mark.parametrize(
    ("header", "wide"), [("item,ann,bob", ()), ("item,ann,bob", ("ann", "bob")), ("item,text,ann,bob", ())]
)
def test_wide(tmp_path: Path, header: str, wide: tuple[str, ...]) -> None:
    text = "hello," if "text" in header else ""
    rows = f"{header}\n1,{text}yes,no\n2,{text}no,no\n3,{text}yes,\n"
    annotations, report = read(put(tmp_path, "f.csv", rows), wide=wide)
    assert (report.shape, said(annotations)) == ("wide", SAID)
    assert report.columns["annotators"] == "ann, bob"


def test_wide_by_name_leaves_other_columns_alone(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "item,ann,note,bob\n1,yes,see mail,no\n2,no,,no\n3,yes,late,\n")
    annotations, _ = read(path, wide=["ann", "bob"])
    assert said(annotations) == SAID


def test_items_alone(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "id,text,label,split\n1,good film,yes,train\n2,bad film,no,test\n3,no film,,\n")
    annotations, report = read(path)
    assert (report.shape, len(annotations)) == ("items", 0)
    assert annotations.items.prompts == ["good film", "bad film", "no film"]
    assert gold_texts(annotations.items) == {"1": "yes", "2": "no", "3": None}
    assert annotations.items.splits == ["train", "test", ""]


def test_second_file_describes_the_items(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", LONG)
    about = put(
        tmp_path, "items.jsonl", '{"id": 3, "text": "third", "choices": ["yes", "no"], "gold": "no"}\n{"id": 4}\n'
    )
    annotations, _ = read(path, items=about)
    items = annotations.items
    assert said(annotations) == SAID
    assert items.ids == ["3", "4", "1", "2"]
    assert items.prompts[0] == "third"
    assert items.choices(0) == ("yes", "no")
    assert gold_texts(items) == {"3": "no", "4": None, "1": None, "2": None}


def same(a: Annotations, b: Annotations) -> bool:
    def about(x: Annotations) -> list[Any]:
        items = x.items
        chosen = [items.choices(i) for i in range(len(items))]
        families = [items.tasks[m] for m in items.task]
        return [list(items.ids), list(items.prompts), chosen, families, items.gold.tolist(), list(items.splits)]

    labels = [(x.item.tolist(), [x.annotators[j] for j in x.annotator], x.label.tolist()) for x in (a, b)]
    return about(a) == about(b) and labels[0] == labels[1]


ROUND_TRIPS = {
    "words": ("no", "yes"),
    "the same text twice": ("yes", "yes", "no"),
    "letters out of order": ("B", "A"),
    "numbers of which the last never occurs": ("1", "2", "3"),
    "codes out of order": ("1", "0"),
    "a choice called nan": ("nan", "no"),
    "one choice": ("yes",),
}


@pytest.mark.parametrize("choices", ROUND_TRIPS.values(), ids=ROUND_TRIPS.keys())
def test_folder_round_trip(tmp_path: Path, choices: tuple[str, ...]) -> None:
    k = min(len(choices), 2)
    items = make_items([1 % k, -1, 0, 0], choices, [0, 1, 0, 1])
    before = crowd(items, [(0, 1, 0), (0, 0, 1 % k), (1, 0, 0), (3, 1, 1 % k)])
    write_folder(before, tmp_path / "data", {"made": "by hand"})
    after, report = read(tmp_path / "data")
    assert report.shape == "folder"
    assert same(before, after)


def test_folder_made_by_hand(tmp_path: Path) -> None:
    """No origin.json: labels are read as in any file, here as letters."""
    pq.write_table(pa.table({"id": ["1"], "choices": [["good", "bad"]]}), tmp_path / "items.parquet")
    pq.write_table(pa.table({"item": ["1"], "worker": ["w"], "answer": ["B"]}), tmp_path / "annotations.parquet")
    assert said(read(tmp_path)[0]) == {("1", "w", "bad")}


def test_codes_follow_the_file(tmp_path: Path) -> None:
    """Items and annotators are numbered as they first appear, choices in natural order."""
    annotations, _ = read(put(tmp_path, "f.csv", "item,annotator,label\nz,b,10\na,a,9\nz,a,low\n"))
    assert annotations.items.ids == ["z", "a"]
    assert annotations.annotators == ["b", "a"]
    assert annotations.items.choices(0) == ("9", "10", "low")


def test_quoted_newlines_and_separators(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", 'item,text,annotator,label\n1,"a ""b"",\nc; d",ann,yes\n')
    annotations, _ = read(path)
    assert annotations.items.prompts == ['a "b",\nc; d']


def test_a_document_longer_than_the_csv_modules_own_limit(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", f"item,text,annotator,label\n1,{'x' * 200_000},ann,yes\n")
    assert len(read(path)[0].items.prompts[0]) == 200_000


def test_numbers_in_json_are_names(tmp_path: Path) -> None:
    """1, 1.0 and "1" are one item; true is a choice."""
    records = [{"item": i, "annotator": a, "label": True} for i, a in ((1, 7), (1.0, 8.0), ("1", "9"))]
    annotations, _ = read(put(tmp_path, "f.json", json.dumps(records)), policy=Policy(choices=("true", "false")))
    assert said(annotations) == {("1", "7", "true"), ("1", "8", "true"), ("1", "9", "true")}


def test_a_column_that_first_appears_in_a_later_row_counts(tmp_path: Path) -> None:
    lines = ['{"id": 1, "annotator": "a", "label": "x"}', '{"id": 2, "annotator": "a", "label": "y", "gold": "y"}']
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    annotations, _ = read(tmp_path / "f.jsonl")
    assert annotations.items.gold.tolist() == [-1, 1]


def test_new_items_with_columns_of_their_own_are_items(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("id,text,source,length\n1,good,web,4\n2,bad,mail,3\n")
    annotations, report = read(tmp_path / "f.csv", policy=Policy(choices=("yes", "no")))
    assert annotations.items.prompts == ["good", "bad"]
    assert annotations.items.n_choices.tolist() == [2, 2]
    assert report.shape == "items"
    assert report.ignored == ["source", "length"]


def test_a_folder_of_items_nobody_answered_is_read(tmp_path: Path) -> None:
    write_folder(crowd(make_items([0, 1]), []), tmp_path / "data", {})
    annotations, _ = read(tmp_path / "data")
    assert len(annotations) == 0
    assert annotations.items.gold.tolist() == [0, 1]


def test_what_a_second_file_says_is_told(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("task,worker,label\n1,a,x\n")
    (tmp_path / "i.csv").write_text("id,text,topic\n1,hello,sport\n")
    annotations, report = read(tmp_path / "l.csv", items=tmp_path / "i.csv")
    said = report.lines(annotations)
    assert any("i.csv (items; item = id, prompt = text)" in line for line in said)
    assert "columns without a meaning here: topic" in said


def test_texts_without_ids_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("text\nhello there\nbye\n")
    annotations, _ = read(tmp_path / "f.csv", policy=Policy(choices=("yes", "no")))
    assert annotations.items.ids == ["2", "3"]
    assert annotations.items.prompts == ["hello there", "bye"]


def test_remarks_are_no_annotator(tmp_path: Path) -> None:
    text = "item,Anna,Bert,notes\n1,yes,no,hard to say\n2,no,no,\n3,yes,yes,see the other one\n"
    annotations, report = read(put(tmp_path, "f.csv", text))
    assert (report.shape, list(annotations.annotators), report.ignored) == ("wide", ["Anna", "Bert"], ["notes"])
