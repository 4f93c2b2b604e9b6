"""Oracle: payments by hand, and what is in the files afterwards."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from crowdtune.errors import InputError
from crowdtune.read.values import read_identities, read_values
from crowdtune.rounds.ledger import Ledger
from crowdtune.write.tables import write_table
from tests.cli.test_cli import run

Shown = pytest.CaptureFixture[str]
VALUES = "annotator,labels,value,error\nann@example.org,40,3,0.1\nbob,35,1,0.1\ncleo,2,9,0.1\n"


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.csv"
    path.write_text(VALUES)
    return path


@pytest.fixture
def rounds(tmp_path: Path) -> Path:
    """A folder as rounds leave it: attributions with intervals of two standard errors of 0.1, and a ledger."""
    folder = tmp_path / "rounds"
    rows = [("ann", 9, 5.0, 0.3), ("bob", 9, 7.0, 0.1), ("eve", 8, 0.0, None)]
    columns: dict[str, list[Any]] = {"annotator": [], "appearances": [], "points": []}
    columns |= {"attribution": [], "attribution_low": [], "attribution_high": []}
    for name, appearances, points, credit in rows:
        ends = (None, None) if credit is None else (credit - 0.196, credit + 0.196)
        for column, cell in zip(columns.values(), (name, appearances, points, credit, *ends), strict=True):
            column.append(cell)
    write_table(folder / "annotators.csv", columns)
    Ledger.open(folder / "ledger.sqlite").append("round", "001", {"winner": "group-1"})
    return folder


def test_a_table_is_paid_by_name(values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    out = tmp_path / "pay.csv"
    assert run(monkeypatch, "pay", values, "--budget", "500", "--currency", "EUR", "-o", out) == 0
    shown, told = capsys.readouterr()
    assert "value: value; error: error; evidence: labels" in told
    assert "500.00 EUR in all, to 3 annotators" in shown
    assert "too little evidence (2 of 5): paid the even share, not ranked" in shown
    rows = {row["annotator"]: row for row in csv.DictReader(out.open())}
    # cleo has a third; the other 333.33 as 3 to 1 would be 250 and 83.33, which is half of 166.67 to the cent
    assert {name: row["amount"] for name, row in rows.items()} == {
        "ann@example.org": "250.00",
        "bob": "83.33",
        "cleo": "166.67",
    }
    assert [rows[name]["rank"] for name in ("ann@example.org", "bob", "cleo")] == ["1", "2", ""]


def test_others_see_pseudonyms(values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    monkeypatch.setenv("CROWDTUNE_KEY", "secret")
    same = tmp_path / "who.csv"
    same.write_text("annotator,identity\nann@example.org,Ann Smith\nbob,Ann Smith\n")
    for more in ((), ("--json",)):
        out = tmp_path / "pay.jsonl"
        command = ("pay", values, "--budget", "500", "--identities", same, "--hide-ids", "-o", out, *more)
        assert run(monkeypatch, *command) == 0
        seen = "".join(capsys.readouterr()) + out.read_text()
        assert "example.org" not in seen
        assert "Smith" not in seen
        assert "bob" not in seen
        assert "one of 2 accounts paid as one person" in seen


def test_payments_of_rounds_stand_in_their_ledger_once(
    rounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    out = tmp_path / "pay.parquet"
    assert run(monkeypatch, "pay", rounds, "--budget", "90") == 0
    assert "value: attribution; error: attribution_low to attribution_high" in capsys.readouterr().err
    assert [entry.kind for entry in Ledger.open(rounds / "ledger.sqlite").entries()] == ["round"]
    for _ in range(2):
        assert run(monkeypatch, "pay", rounds, "--budget", "90", "-o", out, "--json") == 0
        found = json.loads(capsys.readouterr().out)
    ledger = Ledger.open(rounds / "ledger.sqlite")
    ledger.check(found["ledger_head"])
    (entry,) = ledger.entries("pay")
    paid = {row["annotator"]: row["amount"] for row in entry.content["payments"]}
    assert paid == {"ann": "45.00", "bob": "15.00", "eve": "30.00"}
    assert pq.read_table(out)["amount"].to_pylist() == ["45.00", "30.00", "15.00"]
    assert run(monkeypatch, "pay", rounds, "--budget", "91", "-o", out) == 0
    assert len(ledger.entries("pay")) == 2
    assert run(monkeypatch, "pay", rounds, "--budget", "120", "--value", "points", "--floor", "0", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["annotator"]: row["amount"] for row in found["payments"]} == {
        "ann": "50.00",
        "bob": "70.00",
        "eve": "0.00",
    }
    assert any("no value has a standard error" in note for note in found["notes"])


def test_a_ledger_that_was_changed_is_not_added_to(
    rounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    import sqlite3

    file = sqlite3.connect(rounds / "ledger.sqlite")
    file.execute("DROP TRIGGER ledger_no_update")
    file.execute("UPDATE ledger SET content = '{}'")
    file.commit()
    file.close()
    assert run(monkeypatch, "pay", rounds, "--budget", "90", "-o", tmp_path / "pay.csv") == 2
    assert "was changed after it was written" in capsys.readouterr().err
    assert not (tmp_path / "pay.csv").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--budget", "1.000,50"), "budget=1.000,50 is no amount"),
        (("--budget", "500.005"), "smallest unit of EUR is 0.01"),
        (("--budget", "5", "--floor", "2"), "floor=2 must be from 0 to 1"),
        (("--budget", "5", "--value", "worth"), "has no column 'worth'. It has: annotator, labels, value, error"),
        (("--budget", "5", "-o", "pay.xlsx"), "pay.xlsx has an unknown form"),
    ],
)
def test_what_cannot_be_paid_is_a_sentence(
    flags: tuple[str, ...], told: str, values: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    assert run(monkeypatch, "pay", values, *flags) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("who,value\nann,1\n", "no column of the annotator"),
        ("annotator,reliability\nann,1\n", "no column of the value .*--value COLUMN names it"),
        ("annotator,value\nann,much\n", "row 2: value='much' is no number"),
        ("annotator,value\nann,inf\n", "row 2: value='inf' is no number"),
        ("annotator,value\nann,1\nann,2\n", "row 3: annotator 'ann' is in row 2 already"),
        ("annotator,value\n,1\n", "row 2: no annotator"),
        ("annotator,value\n", "has no rows"),
    ],
)
def test_tables_that_cannot_be_read_are_a_sentence(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        read_values(tmp_path / "v.csv")


def test_columns_are_found_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("annotator,value,low,high,thin\nann,1,0.02,1.98,False\nbob,,,,True\n")
    found = read_values(tmp_path / "v.csv")
    assert found.error[0] == pytest.approx(0.5)
    assert np.isnan(found.value[1])
    assert found.evidence is not None
    assert np.isnan(found.evidence["bob"])
    assert found.evidence["ann"] == np.inf


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("annotator,identity\nzoe,Z\n", "annotator 'zoe' has no value to be paid for"),
        ("annotator,identity\nann,A\nann,B\n", "row 3: annotator 'ann' is of 'A' and of 'B'"),
        ("annotator,who\nann,A\n", "row 2: needs an annotator and an identity"),
    ],
)
def test_identities_that_cannot_be_read_are_a_sentence(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        read_identities(tmp_path / "who.csv", ["ann"])


def test_any_broken_table_is_a_sentence_or_sums_to_the_budget(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    """A fuzz: bytes of a table are flipped or cut off."""
    rng, whole = np.random.default_rng(5), np.frombuffer(VALUES.encode(), dtype=np.uint8)
    for n in range(60):
        broken = whole.copy()
        places = rng.choice(len(whole), size=3, replace=False)
        broken[places] = rng.choice(np.frombuffer(b'0,-."\n e9\xff\x00x', dtype=np.uint8), size=3)
        path = tmp_path / f"{n}.csv"
        path.write_bytes(broken[: rng.integers(1, len(whole) + 1)].tobytes())
        code = run(monkeypatch, "pay", path, "--budget", "100", "--json")
        out, err = capsys.readouterr()
        if code:
            assert code == 2
            assert err.startswith("error: ") or "\nerror: " in err
        else:
            assert sum(Decimal(row["amount"]) for row in json.loads(out)["payments"]) == 100
