"""Oracle: what was put in comes back out of independent readers; a failure leaves the folder as it was."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crowdtune import InputError
from crowdtune.write.tables import check_form, write_bytes, write_json, write_table

COLUMNS = {"name": ["a,b", 'c "d"\n', "é"], "share": [0.1, 1.0, None], "list": [[1.5], [], [2.0, 3.0]]}
ROWS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]


def test_parquet(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", COLUMNS)
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == ROWS


def test_json_lines(tmp_path: Path) -> None:
    write_table(tmp_path / "t.jsonl", COLUMNS)
    assert [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()] == ROWS


def test_csv(tmp_path: Path) -> None:
    """All text in CSV: None is empty, a list is JSON."""
    write_table(tmp_path / "t.csv", COLUMNS)
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == COLUMNS["name"]
    assert [row["share"] for row in rows] == ["0.1", "1.0", ""]
    assert [json.loads(row["list"]) for row in rows] == COLUMNS["list"]


def test_a_lone_carriage_return_stays_in_its_cell(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", {"a": ["x\ry", "z"], "b": ["1", None]})
    with (tmp_path / "t.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], ["x\ry", "1"], ["z", ""]]


def test_columns_of_arrow_and_numpy(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", {"a": pa.array(["x", None]), "b": np.array([1.5, 2])})
    assert (tmp_path / "t.csv").read_text() == "a,b\nx,1.5\n,2.0\n"


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.jsonl"])
def test_no_rows(tmp_path: Path, name: str) -> None:
    write_table(tmp_path / name, {"a": [], "b": []})
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize(
    ("name", "columns", "error"),
    [
        ("t.parquet", {"a": [1, "x"]}, pa.ArrowException),
        ("t.parquet", {"a": [1], "b": [1, 2]}, pa.ArrowException),
        ("t.csv", {"a": [1], "b": [1, 2]}, ValueError),
        ("t.jsonl", {"a": [1, object()]}, TypeError),
        ("t.xlsx", {"a": [1]}, InputError),
    ],
)
def test_a_failure_leaves_nothing_new(
    tmp_path: Path, name: str, columns: dict[str, list[object]], error: type[Exception], old: bytes | None
) -> None:
    if old:
        (tmp_path / name).write_bytes(old)
    with pytest.raises(error):
        write_table(tmp_path / name, columns)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == ({name: old} if old else {})


def test_a_file_is_never_seen_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment of the rename the old file is whole, and the new one is whole beside it."""
    seen = []
    move = Path.replace

    def look(aside: Path, path: Path) -> Path:
        seen.append((aside.parent == path.parent, aside.read_bytes(), path.read_bytes()))
        return move(aside, path)

    monkeypatch.setattr(Path, "replace", look)
    path = tmp_path / "f"
    path.write_bytes(b"old")
    write_bytes(path, b"new")
    assert seen == [(True, b"new", b"old")]
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert path.read_bytes() == b"new"


def test_json(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "f.json", {"a": [1, None]})
    text = (tmp_path / "new" / "f.json").read_text()
    assert json.loads(text) == {"a": [1, None]}
    assert text.endswith("}\n")


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.csv.gz"])
def test_unknown_form(name: str) -> None:
    with pytest.raises(InputError, match=rf"^{name} has an unknown form\. Allowed: \.parquet, \.csv, \.jsonl\.$"):
        check_form(Path(name))
