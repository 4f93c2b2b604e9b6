"""Oracle: the house rule for errors; one sentence or two with file, row, value, what is allowed and what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crowdtune import InputError, read
from tests.crowds import put

HEAD = "item,annotator,label\n"
ZIPPED = gzip.compress((HEAD + "1,a,b\n" * 500).encode(), mtime=0)
BROKEN = ZIPPED[:20] + bytes(b ^ 0x55 for b in ZIPPED[20:40]) + ZIPPED[40:]

CASES = {
    "suffix": ("f.xlsx", "x", r"f\.xlsx has a name of unknown form\. Allowed: \.csv, .*; text also with \.gz\.$"),
    "empty csv": ("f.csv", "", r"f\.csv is empty\. It needs a header row and at least one row\.$"),
    "empty jsonl": ("f.jsonl", "", r"f\.jsonl has no rows\. It needs at least one\.$"),
    "empty json": ("f.json", "", r"f\.json has no rows\. It needs at least one\.$"),
    "empty list": ("f.json", "[]", r"f\.json has no rows\. It needs at least one\.$"),
    "header only": ("f.csv", HEAD, r"f\.csv has no rows\. It needs at least one\.$"),
    "long row": (
        "f.csv", HEAD + "1,a,b\n2,a,b,c\n",
        r"f\.csv line 3: 4 fields where the header has 3\. Quote fields that hold ',' or mend the row\.$",
    ),
    "short row": ("f.tsv", HEAD.replace(",", "\t") + "1\ta\n", r"f\.tsv line 2: 2 fields where the header has 3\."),
    "column twice": ("f.csv", "item,label,label\n1,a,b\n", r"f\.csv: column 'label' is there twice\. Rename one"),
    "jsonl": (
        "f.jsonl", '{"item": 1, "annotator": 2, "label": 3}\n{"item": 1,\n',
        r"f\.jsonl line 2: not valid JSON \(.+\)\. Mend it, or remove the cut-off end\.$",
    ),
    "jsonl of lists": ("f.jsonl", "[1]\n", r"f\.jsonl line 1: a list, not an object with named fields\.$"),
    "json": ("f.json", "[{", r"f\.json entry 1: not valid JSON \(.+\)\. Mend it, or remove the cut-off end\.$"),
    "json object": ("f.json", "{}", r"f\.json has no rows\. It needs at least one\.$"),
    "json object of values": ("f.json", '{"a": 1}', r"f\.json holds one JSON object, not a list of objects\.$"),
    "json number": ("f.json", "17", r"f\.json holds neither a JSON list nor an object\. It needs a list of objects\.$"),
    "json with a tail": ("f.json", "[{}] {", r"f\.json entry 1: not valid JSON \(more text after the end\)\."),
    "json without a comma": ("f.json", "[{} {}]", r"f\.json entry 1: not valid JSON \(',' expected, '\{' found\)\."),
    "json of lists": ("f.json", "[[1]]", r"f\.json entry 1: a list, not an object with named fields\.$"),
    "deep json": ("f.json", "[" * 100_000, r"f\.json entry 1: not valid JSON \(nested too deeply\)\."),
    "no gzip": ("f.csv.gz", HEAD, r"f\.csv\.gz is not a whole gzip file \(.+\)\. Fetch or write it again\.$"),
    "cut gzip": ("f.csv.gz", ZIPPED[:-9], r"f\.csv\.gz is not a whole gzip file \(.+\)\. Fetch or write it again\.$"),
    "broken gzip": ("f.csv.gz", BROKEN, r"f\.csv\.gz is not a whole gzip file \(.+\)\. Fetch or write it again\.$"),
    "latin-1": (
        "f.csv", (HEAD + "1,René,b\n").encode("latin-1"), r"f\.csv is not UTF-8 text\. Save it as UTF-8\.$",
    ),
    "half a utf-16": ("f.csv", (HEAD + "1,é").encode("utf-16")[:-1], r"f\.csv is not UTF-8 text\. Save it as UTF-8\.$"),
    "no parquet": ("f.parquet", "PAR1", r"f\.parquet is not a readable Parquet file \((.|\n)+\)\. Write it again\.$"),
    "no item": (
        "f.csv", "thing,annotator,label\n1,a,b\n",
        r"f\.csv: no column names the item\. Columns: thing, annotator, label\. Pass --item COLUMN\.$",
    ),
    "empty item": (
        "f.csv", HEAD + "1,a,b\n ,a,b\n",
        r"f\.csv row 3: the item is empty\. Give every row its item's id\.$",
    ),
    "nested number": (
        "f.jsonl", '{"id": 1, "annotations": []}\n{"id": 2, "annotations": 3}',
        r"f\.jsonl row 2: annotations must be a list of answers, not '3'\.$",
    ),
    "nested strings": (
        "f.jsonl", '{"id": 1, "annotations": []}\n{"id": 2, "annotations": ["yes"]}',
        r"f\.jsonl row 2: annotations must hold objects with annotator and label, not 'yes'\.$",
    ),
    "two texts": (
        "f.csv", "item,text,annotator,label\n1,one,a,b\n1,two,c,b\n",
        r"f\.csv row 3: item '1' has another prompt than in .*f\.csv row 2 \('two' and 'one'\)\. "
        r"Give different items different ids\.$",
    ),
    "two golds": ("f.csv", "item,gold\n1,x\n1,y\n", r"row 3: item '1' has another gold than in .* \('y' and 'x'\)\."),
    "one choice": (
        "f.csv", "item,choices\n1,yes\n",
        r"f\.csv row 2: choices \['yes'\] must be two texts at least, none empty\. Mend them\.$",
    ),
    "empty choice": ("f.csv", "item,choices\n1,yes|\n", r"choices \['yes', ''\] must be two texts at least, none"),
    "choices of a number": (
        "f.jsonl", '{"id": 1, "choices": 3}', r"row 1: choices must be a list, or texts with \| between, not '3'\.$",
    ),
    "gold that is no choice": (
        "f.csv", "item,choices,gold\n1,yes|no,maybe\n",
        r"row 2 \(gold\): label 'maybe' is not one of the choices \(yes, no\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), CASES.values(), ids=CASES.keys())
def test_message(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(put(tmp_path, name, content))


def test_answers_of_nobody_are_left_out_and_counted(tmp_path: Path) -> None:
    annotations, report = read(put(tmp_path, "f.csv", HEAD + "1,,x\n1,ann,y\n2, ,x\n"))
    assert (len(annotations), len(annotations.items), report.nameless) == (1, 2, 2)
    assert "2 answers left out: nobody is named as their annotator" in report.lines(annotations)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv does not exist\. Check the path\.$"):
        read(tmp_path / "none.csv")


def test_missing_second_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv does not exist\. Check the path\.$"):
        read(put(tmp_path, "f.csv", HEAD + "1,a,b\n"), items=tmp_path / "none.csv")


def test_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder without items\.parquet\. Name a file, a folder crowdtune wrote"):
        read(tmp_path)


def test_folder_with_a_broken_origin(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"]}), tmp_path / "items.parquet")
    pq.write_table(pa.table({"item": ["1"], "worker": ["w"], "answer": ["B"]}), tmp_path / "annotations.parquet")
    put(tmp_path, "origin.json", "[")
    with pytest.raises(InputError, match=r"origin\.json is not what crowdtune writes \(.+\)\. Remove it or write"):
        read(tmp_path)


def test_wide_column_that_is_not_there(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "item,ann,bob\n1,x,y\n")
    with pytest.raises(InputError, match=r"no column 'eve' for an annotator\. Columns: item, ann, bob\.$"):
        read(path, wide=["ann", "eve"])


def test_the_item_cannot_be_an_annotator(tmp_path: Path) -> None:
    path = put(tmp_path, "f.csv", "item,ann,bob\n1,x,y\n")
    with pytest.raises(InputError, match=r"no column names the item\. Columns: item, ann, bob\. Pass --item COLUMN\.$"):
        read(path, wide=["item", "bob"])


@pytest.mark.parametrize("start", [4, 40, -60])
def test_parquet_with_bytes_overwritten(tmp_path: Path, start: int) -> None:
    """Broken pages and footers raise various errors inside pyarrow; all of them must come out as ours."""
    pq.write_table(pa.table({"item": ["1", "2"], "annotator": ["a", "b"], "label": ["x", "y"]}), tmp_path / "f.parquet")
    data = bytearray((tmp_path / "f.parquet").read_bytes())
    data[start : start + 40] = b"\xff" * 40
    with pytest.raises(InputError, match=r"f\.parquet is not a readable Parquet file"):
        read(put(tmp_path, "f.parquet", bytes(data)))


def test_columns_that_mean_nothing_are_named_and_without_labels_it_says_what_to_pass(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("item,who,verdict\n1,ann,yes\n2,bob,no\n")
    annotations, report = read(path)
    assert "columns without a meaning here: who, verdict" in report.lines(annotations)
    with pytest.raises(InputError, match=r"no label by an annotator\. .* say --annotator COLUMN and --label COLUMN"):
        annotations.require_labels()


def test_an_annotator_without_a_label_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("item,worker,verdict\n1,ann,yes\n")
    with pytest.raises(InputError, match=r"annotator = worker, but no column is the label\. Columns: .* Pass --label"):
        read(path)


def test_the_first_row_without_item_and_task(tmp_path: Path) -> None:
    end = '"annotator": "a", "label": "x"}\n'
    rows = f'{{"item": null, "task": null, {end}{{"item": 1, "task": "t", {end}'
    with pytest.raises(InputError, match=r"row 1: the item is empty"):
        read(put(tmp_path, "f.jsonl", rows))
