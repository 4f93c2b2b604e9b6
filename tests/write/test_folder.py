"""Oracle: the tables as pyarrow reads them, written out by hand. The round trip is in tests/read/test_shapes.py."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from crowdtune.write.folder import write_folder
from tests.crowds import crowd, make_items


def test_tables(tmp_path: Path) -> None:
    items = make_items([1, -1], ("no", "yes"), [0, 1])
    write_folder(crowd(items, [(0, 1, 1), (1, 0, 0)]), tmp_path, {"seed": 3})
    assert pq.read_table(tmp_path / "items.parquet").to_pylist() == [
        {
            "item": "i0",
            "task": "t0",
            "kind": "choice",
            "prompt": "text 0",
            "choices": ["no", "yes"],
            "gold": "yes",
            "split": "",
        },
        {
            "item": "i1",
            "task": "t1",
            "kind": "choice",
            "prompt": "text 1",
            "choices": ["no", "yes"],
            "gold": None,
            "split": "",
        },
    ]
    assert pq.read_table(tmp_path / "annotations.parquet").to_pylist() == [
        {"item": "i0", "annotator": "a1", "label": "yes"},
        {"item": "i1", "annotator": "a0", "label": "no"},
    ]
    assert json.loads((tmp_path / "origin.json").read_text()) == {"seed": 3, "labels": "text"}


def test_codes_where_a_text_comes_twice(tmp_path: Path) -> None:
    write_folder(crowd(make_items([2], ("x", "x", "y")), [(0, 0, 1)]), tmp_path, {})
    assert pq.read_table(tmp_path / "annotations.parquet")["label"].to_pylist() == ["1"]
    assert pq.read_table(tmp_path / "items.parquet")["gold"].to_pylist() == ["2"]
