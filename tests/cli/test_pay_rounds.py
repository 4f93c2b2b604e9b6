"""crowdtune pay of a folder of rounds. Oracle: what was there before somebody changed a file of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crowdtune.rounds.ledger import Ledger
from crowdtune.rounds.record import Contribution, enter, save_contributions
from crowdtune.rounds.summary import annotator_rows
from crowdtune.write.tables import write_table
from tests.cli.test_cli import run
from tests.rounds.test_rounds import WHO, play

ROUNDS = 5
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of rounds that are over."""
    folder = tmp_path_factory.mktemp("played") / "rounds"
    done = play(folder, rounds=ROUNDS)
    brought = {name: Contribution(9, "0" * 64) for name in WHO}
    save_contributions(folder, brought)
    book = Ledger.open(folder / "ledger.sqlite")
    enter(book, done, brought)
    rows = annotator_rows(done, brought)
    write_table(folder / "annotators.csv", {name: [row[name] for row in rows] for name in rows[0]})
    config = {"method": "crowd-sft", "targets": ["distance"], "rounds": {"rounds": ROUNDS}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "results.json").write_text(json.dumps({"stopped": "over"}))
    return {at.relative_to(folder).as_posix(): at.read_bytes() for at in folder.rglob("*") if at.is_file()}


@pytest.fixture
def rounds(whole: dict[str, bytes], tmp_path: Path) -> Path:
    for name, data in whole.items():
        (tmp_path / "rounds" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "rounds" / name).write_bytes(data)
    return tmp_path / "rounds"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Exit code, what was printed and what was told."""

    def type_(*words: Any) -> tuple[int, str, str]:
        return run(monkeypatch, *words), *capsys.readouterr()

    return type_


def amounts(out: str) -> dict[str, str]:
    return {row["annotator"]: row["amount"] for row in json.loads(out)["payments"]}


def change(file: Path, key: str, name: str | int, number: float) -> None:
    found = json.loads(file.read_bytes())
    found[key][name] = number
    file.write_text(json.dumps(found))


def test_rounds_are_paid_by_rounds_and_not_by_a_table_that_was_edited(rounds: Path, typed: Typed) -> None:
    code, before, told = typed("pay", rounds, "--budget", "500", "--json")
    assert (code, "warning" in told) == (0, False)
    table = rounds / "annotators.csv"
    lines = table.read_text().splitlines()
    at = lines[0].split(",").index("attribution")
    changed = [line.split(",") for line in lines]
    for cells in changed:
        if cells[0] == "b1":
            cells[at : at + 3] = ["9", "8.9", "9.1"]
    table.write_text("\n".join(map(",".join, changed)) + "\n")
    code, after, told = typed("pay", rounds, "--budget", "500", "--json")
    assert code == 0
    assert amounts(after) == amounts(before)
    assert f"{table} differs from the rounds: b1; paid by the rounds" in told
    table.unlink()
    assert amounts(typed("pay", rounds, "--budget", "500", "--json")[1]) == amounts(before)


@pytest.mark.parametrize(("key", "name"), [("points", "b1"), ("probes", 0)])
def test_a_round_that_was_changed_is_told_and_not_paid(
    key: str, name: str | int, rounds: Path, tmp_path: Path, typed: Typed
) -> None:
    assert typed("rounds", "check", rounds)[0] == 0
    change(rounds / "rounds/002/round.json", key, name, 9.0)
    told = f"002/round.json is not as it was entered in the ledger: {key}"
    code, out, _ = typed("rounds", "check", rounds)
    assert code == 1
    assert told in out
    assert told in typed("rounds", "status", rounds)[2]
    code, _, err = typed("pay", rounds, "--budget", "500")
    assert code == 0
    assert told in err
    assert typed("pay", rounds, "--budget", "500", "-o", tmp_path / "pay.csv")[0] == 2
    assert not (tmp_path / "pay.csv").exists()
    assert not Ledger.open(rounds / "ledger.sqlite").entries("pay")


def test_a_round_that_was_removed_or_invented_is_told(rounds: Path, typed: Typed) -> None:
    last, more = rounds / f"rounds/{ROUNDS:03d}/round.json", rounds / f"rounds/{ROUNDS + 1:03d}"
    more.mkdir()
    invented = json.loads(last.read_bytes()) | {"number": ROUNDS + 1}
    (more / "round.json").write_text(json.dumps(invented))
    assert "has what is not in the ledger: round" in typed("rounds", "check", rounds)[1]
    (more / "round.json").write_bytes(last.read_bytes())  # counted twice
    assert f"round.json is of round {ROUNDS}" in typed("rounds", "check", rounds)[1]
    (more / "round.json").unlink()
    assert typed("rounds", "check", rounds)[0] == 0
    last.unlink()
    assert "1 of the rounds in the ledger are not in" in typed("rounds", "check", rounds)[1]


def test_somebody_added_and_a_ledger_removed_are_told(rounds: Path, typed: Typed) -> None:
    brought = json.loads((rounds / "contributions.json").read_bytes())
    brought["mal"] = {"items": 9, "sha256": "1" * 64, "kind": ""}
    (rounds / "contributions.json").write_text(json.dumps(brought))
    told = "contributions.json has what is not in the ledger: contribution of 'mal'"
    assert told in typed("rounds", "check", rounds)[1]
    assert told in typed("pay", rounds, "--budget", "500")[2]
    (rounds / "ledger.sqlite").unlink()
    assert "ledger.sqlite is missing: nothing vouches" in typed("pay", rounds, "--budget", "500")[2]


def test_a_changed_ledger_is_told_where_it_is_only_read(rounds: Path, typed: Typed) -> None:
    file = sqlite3.connect(rounds / "ledger.sqlite")
    file.execute("DROP TRIGGER ledger_no_update")
    file.execute("UPDATE ledger SET content = '{}' WHERE number = 2")
    file.commit()
    file.close()
    for words in (("pay", rounds, "--budget", "500"), ("rounds", "status", rounds)):
        code, _, told = typed(*words)
        assert code == 0
        assert "was changed after it was written" in told


def test_nothing_is_entered_where_the_table_cannot_be_written(rounds: Path, tmp_path: Path, typed: Typed) -> None:
    (tmp_path / "afile").write_text("mine")
    code, _, told = typed("pay", rounds, "--budget", "500", "-o", tmp_path / "afile" / "x.csv")
    assert code == 2
    assert "x.csv cannot be written" in told
    assert not Ledger.open(rounds / "ledger.sqlite").entries("pay")


def test_payments_before_this_one_are_told(rounds: Path, tmp_path: Path, typed: Typed) -> None:
    out = ("-o", tmp_path / "pay.csv")
    assert "earlier payment" not in typed("pay", rounds, "--budget", "300", *out)[2]
    assert "earlier payment" not in typed("pay", rounds, "--budget", "300", *out)[2]
    told = typed("pay", rounds, "--budget", "200", "--floor", "0", *out)[2]
    assert (
        "1 earlier payment of these rounds stands in the ledger, 300.00 EUR in all; it counts beside this one" in told
    )
    told = typed("pay", rounds, "--budget", "1", *out)[2]
    assert "2 earlier payments of these rounds stand in the ledger, 500.00 EUR in all; they count beside" in told
    assert len(Ledger.open(rounds / "ledger.sqlite").entries("pay")) == 3


def test_whoever_has_too_little_evidence_is_told_the_way_out(rounds: Path, tmp_path: Path, typed: Typed) -> None:
    told = typed("pay", rounds, "--budget", "500", "--min-evidence", "7")[2]
    assert told.splitlines()[-1] == (
        f"too little evidence for some: --min-evidence {ROUNDS} judges them as well, or play more: crowdtune rounds "
        f"resume {rounds} --rounds 7"
    )
    assert "too little" not in typed("pay", rounds, "--budget", "500")[2]
    (tmp_path / "v.csv").write_text("annotator,value,evidence\nann,1,9\nbob,2,4\n")
    told = typed("pay", tmp_path / "v.csv", "--budget", "500")[2]
    assert "too little evidence for some: --min-evidence 4 judges all" in told.splitlines()[-1]


def test_json_has_six_digits(rounds: Path, typed: Typed) -> None:
    found = json.loads(typed("pay", rounds, "--budget", "500", "--json")[1])
    for row in found["payments"]:
        assert all(one == float(f"{one:.6g}") for one in row.values() if isinstance(one, float))
