"""crowdtune rounds as users meet it. Oracle: what they typed, planted truth, and what the folder held before."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crowdtune.cli._source import settled
from crowdtune.identity import PSEUDONYM
from crowdtune.rounds.ledger import Ledger
from crowdtune.rounds.record import Contribution, save_contributions
from tests.cli.test_cli import run

TINY = {"template": "{prompt} Answer :", "style": "words", "epochs": "4", "learning_rate": "3e-3", "bf16": "false"}
TOLD = (
    "round 2: 1/",
    "pay goes by attribution",
    "over: 2 rounds are played",
    "pay asks for 5 rounds of everybody; 2 are played: crowdtune rounds resume out --rounds 5",
    "crowdtune rounds export out -o points.csv",
)
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Say:
    """Type `crowdtune rounds WORDS`; exit code, what was printed and what was told."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: Any) -> tuple[int, str, str]:
        code = run(monkeypatch, "rounds", *words)
        return code, *capsys.readouterr()

    return typed


def write_crowd(path: Path, names: dict[str, bool], words: range) -> None:
    """Labels of the words by annotators who are right, or wrong, always."""
    rows = ["item,prompt,annotator,label"]
    for name, right in names.items():
        rows += [f"i{i},w{i},{name},{['yes', 'no'][(i + (not right)) % 2]}" for i in words]
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A crowd in which two of four lie, and held-out items."""
    path = tmp_path / "crowd.csv"
    write_crowd(path, {"ann": True, "bob": True, "eve": False, "mal": False}, range(40))
    lines = [
        {"id": f"t{i}", "prompt": f"w{i}", "choices": ["yes", "no"], "gold": ["yes", "no"][i % 2]} for i in range(40)
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.slow
def test_rounds_are_run_seen_resumed_and_exported(
    say: Say, data: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}")]
    shape = ("--groups", 2, "--rounds", 2, "--workers", 0, "--set", "samples=20")
    code, out, err = say("run", data, "-o", "out", "--test", "test.jsonl", "--model", tiny_llama, *shape, *words)
    assert code == 0, err
    assert "annotators by attribution" in out
    for line in TOLD:
        assert line in err
    first = json.loads((tmp_path / "out" / "results.json").read_text())
    Ledger.open(tmp_path / "out" / "ledger.sqlite").check(first["ledger_head"])
    mtimes = {at: at.stat().st_mtime_ns for at in (tmp_path / "out").rglob("measured.npz")}

    code, out, err = say("run", data, "-o", "out", "--test", "test.jsonl", "--model", tiny_llama, *shape, *words)
    assert code == 2
    assert "out holds rounds. crowdtune rounds resume out goes on with them" in err

    write_crowd(tmp_path / "late.csv", {"zoe": True}, range(20))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, err = say("resume", "../out", "--with", "../late.csv", "--rounds", 3, "--workers", 0, "--json")
    assert code == 0, err
    monkeypatch.chdir(tmp_path)
    more = json.loads(out)
    assert (more["rounds"], more["annotators"]) == (3, 5)
    assert {at: at.stat().st_mtime_ns for at in mtimes} == mtimes
    book = Ledger.open(tmp_path / "out" / "ledger.sqlite")
    book.check(first["ledger_head"])  # what others were shown before is still in it
    assert [entry.content["annotator"] for entry in book.entries("contribution")] == ["ann", "bob", "eve", "mal", "zoe"]
    assert {row["annotator"] for row in say_json(say, "status", "out")["annotators"]} >= {"ann", "zoe"}

    code, out, err = say("export", "out", "-o", "points.csv")
    assert code == 0, err
    assert book.head in out
    with (tmp_path / "points.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    assert all(PSEUDONYM.fullmatch(row["annotator"]) for row in rows)
    check_heads(say, first["ledger_head"])
    assert say("export", "out", "-o", "points.jsonl", "--keep-ids")[0] == 0
    assert '"annotator":"zoe"' in (tmp_path / "points.jsonl").read_text()

    assert run(monkeypatch, "evaluate", "out", "test.jsonl") == 0
    card = (tmp_path / "out" / "model" / "README.md").read_text()
    assert "groups of annotators trained copies of the model in 3 rounds" in card


def check_heads(say: Say, head: str) -> None:
    """Of a head in the chain, of one that is not, and of what is none."""
    code, out, err = say("check", "out", "--head", head)
    assert code == 0, err
    assert "whole" in out
    code, out, _ = say("check", "out", "--head", "0" * 64)
    assert code == 1
    assert "is whole, but 000000000000... is not in it" in " ".join(out.split())
    code, _, err = say("check", "out", "--head", "abc")
    assert code == 2
    assert "head 'abc' is no hash: it must be 64 hexadecimal digits" in err


def say_json(say: Say, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(say(*words, "--json")[1])
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "crowd.csv", "-o", "out"], "nothing says where the model shall go. Give --test FILE"),
        (["run", "crowd.csv", "-o", "out", "--target", "los", "--test", "test.jsonl"], "unknown target 'los'. Did you"),
        (["run", "crowd.csv", "-o", "out", "--target", "distance"], "Give --ask TEXT"),
        (["run", "crowd.csv", "-o", "out", "--test", "crowd.csv"], "crowd.csv has no gold answers, which loss"),
        (["run", "crowd.csv", "-o", "out", "--near", "crowd.csv"], "crowd.csv is a table; --near takes plain text"),
        (["run", "crowd.csv", "-o", "out", "--near", "no.txt"], "no.txt cannot be read as texts"),
        (["run", "crowd.csv", "-o", "out", "--test", "test.jsonl", "--groups", "9"], "groups=9 is more than there are"),
        (["run", "crowd.csv", "-o", "out", "--test", "test.jsonl", "--strategy", "rnd"], "unknown strategy 'rnd'"),
        (["run", "crowd.csv", "-o", "out", "--test", "test.jsonl", "--method", "nosy"], "unknown method 'nosy'"),
        (["run", "crowd.csv", "-o", "out", "--test", "test.jsonl", "--set", "patienc=2"], "Did you mean 'patience'?"),
        (
            ["run", "crowd.csv", "-o", "out", "--test", "test.jsonl", "--set", "samples=0"],
            "samples=0 and max_tokens=64",
        ),
        (["run", "crowd.csv", "-o", "out", "--test", "test.jsonl", "--engine", "rays"], "unknown engine 'rays'"),
        (
            ["run", "crowd.csv", "-o", "full", "--test", "test.jsonl"],
            "full already holds files of something else. Choose",
        ),
        (["resume", "full"], "full holds no rounds"),
        (["status", "full"], "full holds no rounds. Name a folder that crowdtune rounds run made"),
        (["export", "full", "-o", "points.xls"], "points.xls has an unknown form"),
    ],
)
def test_what_was_typed_wrong_is_answered_and_writes_nothing(
    words: list[str], said: str, say: Say, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    code, _, err = say(*words)
    assert code == 2
    assert said in err
    assert not (tmp_path / "out").exists()
    assert [at.name for at in (tmp_path / "full").iterdir()] == ["note.txt"]


def test_who_alone_labels_an_item_is_not_sent_elsewhere(say: Say, data: Path, tmp_path: Path) -> None:
    write_crowd(tmp_path / "one.csv", {"ann": True}, range(10))
    _, _, err = say("run", "one.csv", "-o", "out", "--test", "test.jsonl", "--groups", 9)
    assert "10 labels, 10 items" in err
    assert "crowdtune train" not in err


def test_ctrl_c_is_answered_with_the_command_that_goes_on(
    say: Say, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, out: Path, **more: Any) -> None:
        out.mkdir()
        (out / "config.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr("crowdtune.methods.rounds", interrupted)
    code, _, err = say("run", data, "-o", "my out", "--test", "test.jsonl")
    assert code == 130
    assert err.splitlines()[-1] == "stopped; crowdtune rounds resume 'my out' goes on"


def test_before_the_first_round_status_is_a_line(say: Say, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    config = {"method": "crowd-sft", "targets": ["loss"], "rounds": {"rounds": 3}}
    (tmp_path / "out" / "config.json").write_text(json.dumps(config))
    save_contributions(tmp_path / "out", {"ann": Contribution(3, "0" * 64)})
    code, out, err = say("status", "out")
    assert (code, out) == (0, "no round is over yet\n"), err


def test_files_are_kept_by_their_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = tmp_path.resolve()
    typed = {"source": "a.csv", "with": "b.csv 'my c.csv'", "items": "../i.csv", "gold": "key"}
    kept = {"source": f"{here}/a.csv", "items": f"{here.parent}/i.csv", "gold": "key"}
    assert settled(typed) == kept | {"with": f"{here}/b.csv '{here}/my c.csv'"}
    assert settled({"source": "hub:me/words"}) == {"source": "hub:me/words"}


def test_another_folder_than_rounds_is_told_by_what_it_is(say: Say, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"method": "joint"}')
    assert "run holds a run of method joint" in say("status", "run")[2]
    (tmp_path / "run" / "config.json").write_text('{"method": "joi')
    assert "config.json is not as it was written" in say("status", "run")[2]


def test_without_sqlalchemy_the_extra_is_named(
    say: Say, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name == "sqlalchemy" else real(name, *more)
    )
    code, _, err = say("run", data, "-o", "out", "--test", "test.jsonl")
    assert code == 2
    assert "pip install 'crowdtune[crowd]'" in err
    assert not (tmp_path / "out").exists()
