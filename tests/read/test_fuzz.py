"""Oracle: the contract of `read`; whatever a file holds, it gives Annotations or raises InputError."""

from __future__ import annotations

import contextlib
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdtune import Annotations, InputError, Policy, read
from tests.crowds import put

bounded = settings(deadline=None, max_examples=150, derandomize=True, database=None)

words = st.sampled_from(["item", "id", "task", "question", "annotator", "worker", "label", "gold", "text", "choices"])
names = words | st.sampled_from(["annotations", "responses", "timestamp", "split", "posterior", "x", ""])
cells = st.sampled_from(["1", "2", "A", "B", "yes", "no", "yes|no", "", "null", "nan", "inf", "9" * 5000, "\x00", "²"])
texts = cells | st.text(max_size=6)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
likely = st.fixed_dictionaries(
    {"item": scalars},
    optional={
        "annotations": st.lists(st.fixed_dictionaries({"annotator": texts, "label": scalars}) | values, max_size=3),
        "annotator": texts,
        "label": scalars,
        "choices": st.lists(texts, max_size=3) | values,
        "gold": values,
        "text": values,
        "timestamp": values,
        "posterior": st.lists(scalars, max_size=3) | values,
        "counts": st.lists(st.integers(0, 9), max_size=3)
        | st.dictionaries(texts, st.integers(0, 9), max_size=3)
        | values,
        "soft_label": st.dictionaries(texts, scalars, max_size=3) | values,
    },
)
records = st.lists(likely | st.dictionaries(names, values, max_size=4), max_size=5)
policies = st.sampled_from(
    [
        Policy(),
        Policy(several="counts"),
        Policy(choices=("yes", "no")),
        Policy(labels="code", repeats="majority"),
        Policy(repeats="first"),
    ]
)


def try_reading(name: str, content: bytes, policy: Policy | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(InputError):
        annotations, report = read(put(Path(folder), name, content), policy=policy)
        assert isinstance(annotations, Annotations)
        assert all(isinstance(line, str) for line in report.lines(annotations))


@pytest.mark.parametrize("name", ["f.csv", "f.tsv", "f.jsonl", "f.json", "f.parquet", "f.csv.gz", "f.jsonl.gz"])
@bounded
@given(content=st.binary(max_size=200))
def test_random_bytes(name: str, content: bytes) -> None:
    try_reading(name, content)


@bounded
@given(content=st.binary(max_size=60), place=st.integers(0, 80))
def test_gzip_with_bytes_overwritten(content: bytes, place: int) -> None:
    whole = gzip.compress(b"item,annotator,label\n" + b"1,a,b\n2,b,c\n" * 9, mtime=0)
    try_reading("f.csv.gz", whole[:place] + content + whole[place + len(content) :])


@bounded
@given(
    rows=st.lists(st.lists(texts, min_size=3, max_size=3), max_size=6), header=st.lists(names, min_size=3, max_size=3)
)
def test_random_csv(rows: list[list[str]], header: list[str]) -> None:
    text = "\n".join(",".join(cell for cell in row) for row in [header, *rows])
    try_reading("f.csv", text.encode("utf-8", "surrogatepass"))


@bounded
@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6), policy=policies)
def test_random_answers(rows: list[tuple[str, str, str]], policy: Policy) -> None:
    text = "".join(",".join(row) + "\n" for row in [("item", "annotator", "label"), *rows])
    try_reading("f.csv", text.encode(), policy)


@bounded
@given(rows=records, policy=policies)
def test_random_json(rows: list[dict[str, Any]], policy: Policy) -> None:
    try_reading("f.json", json.dumps(rows).encode(), policy)


@bounded
@given(rows=records)
def test_random_json_lines(rows: list[dict[str, Any]]) -> None:
    try_reading("f.jsonl", "\n".join(map(json.dumps, rows)).encode())
