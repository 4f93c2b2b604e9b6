"""Oracle: crowds in files, good, guessing and thin annotators among them; plans that keep to what was allowed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_cli import run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """60 items, labelled by four of 0.9, one who guesses and one with two labels."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=60)
    lines = ["item,annotator,label,prompt"]
    for j, s in enumerate((0.9, 0.9, 0.9, 0.9, 0.5, 1.0)):
        for i in range(60 if j < 5 else 2):
            lines.append(f"i{i},a{j},{('no', 'yes')[truth[i] if rng.random() < s else 1 - truth[i]]},text {i}")
    path = tmp_path / "crowd.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_information(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who guesses is last of those who are ranked, and the thin one after him, whatever he said."""
    prices = tmp_path / "prices.csv"
    prices.write_text("annotator,price\na0,1\na1,0.1\n")
    flags = ["--prices", prices, "-o", tmp_path / "values.csv"]
    assert run(monkeypatch, "value", source, *flags) == 0
    out, err = capsys.readouterr()
    assert "too few to judge" in out
    assert "1 of 6 annotators are not ranked: fewer than 5 labels" in err
    assert "per unit of price: a1" in out
    rows = list(csv.DictReader((tmp_path / "values.csv").read_text().splitlines()))
    assert [row["annotator"] for row in rows][4:] == ["a4", "a5"]
    assert {"annotator", "value", "error", "evidence"} <= set(rows[0])
    assert float(rows[4]["low"]) < 0 < float(rows[4]["high"])
    assert rows[5]["evidence"] == "2"


@pytest.fixture
def free(tmp_path: Path) -> Path:
    """6 items, 5 people, every answer a long one of its own."""
    rows = [f"i{i},tell of {i},{who},{who} has much to say of {i}" for i in range(6) for who in "abcde"]
    (tmp_path / "free.csv").write_text("item,prompt,annotator,response\n" + "\n".join(rows) + "\n")
    return tmp_path / "free.csv"


def test_free_responses_taken_for_choices_are_told(
    free: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "value", free) == 0
    out, err = capsys.readouterr()
    assert err.count("the answers look like free responses: pass --kind text") == 1
    assert "in nats (1 nat = 1.44 yes-or-no answers that are sure)" in out


def test_nobody_left_to_ask_is_said_and_nothing_else(
    free: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "more", free, "--ask", "5") == 0
    out, err = capsys.readouterr()
    assert out == "everybody has answered every item they may be asked about\n"
    assert "fewer than" not in err
    assert "add the answers" not in err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--method", "shapley"], "unknown method of value 'shapley'. Did you mean 'knn-shapley'?"),
        (["--target", "f1"], "unknown target 'f1'"),
        (["--prices", "none.csv"], "none.csv is no file"),
        (["-o", "values.txt"], "unknown form"),
    ],
)
def test_what_cannot_be_done_is_said(
    flags: list[str], said: str, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "value", source, *flags) == 2
    assert said in capsys.readouterr().err


def test_prices_that_are_none(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for price in ("", "nan", "-1", "cheap"):
        (tmp_path / "prices.csv").write_text(f"annotator,price\na0,{price}\n")
        assert run(monkeypatch, "value", source, "--prices", tmp_path / "prices.csv") == 2
        assert "line 2" in capsys.readouterr().err


def test_prices_without_the_column_are_answered_by_the_columns_there_are(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "points.csv").write_text("annotator,value\na0,1\n")
    assert run(monkeypatch, "value", source, "--prices", tmp_path / "points.csv") == 2
    said = capsys.readouterr().err
    assert "points.csv has the columns annotator, value; it needs annotator and price." in said


def test_rounds_too_few_to_judge_are_counted_and_sorted_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four rounds in which bob and cid share what is gained."""
    brought = {name: {"items": 36, "sha256": "0", "kind": ""} for name in ("ann", "bob", "cid")}
    (tmp_path / "contributions.json").write_text(json.dumps(brought))
    for number in range(1, 5):
        save_round(tmp_path, number, [["bob", "cid"], ["ann"]], [])
    assert run(monkeypatch, "value", tmp_path) == 0
    out, err = capsys.readouterr()
    assert out.count("too few to judge: 4 of 5 rounds") == 3
    assert out.index("  bob ") < out.index("  ann ")
    assert "3 of 3 annotators are not ranked: fewer than 5 rounds taken part in" in err


def test_whom_to_ask(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the items a5 has not labelled, as everybody else has labelled all; nobody twice, and no more than allowed."""
    assert run(monkeypatch, "more", source, "--ask", "9", "-o", tmp_path / "plan.csv") == 0
    assert "fewer than 9" in capsys.readouterr().err
    rows = list(csv.DictReader((tmp_path / "plan.csv").read_text().splitlines()))
    assert [row["annotator"] for row in rows] == ["a5", "a5"]
    assert run(monkeypatch, "more", source, "--ask", "9", "--most", "7", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["plan"]) == 7
    assert found["nats"] == pytest.approx(sum(row["nats"] for row in found["plan"]), abs=1e-4)
    assert not {"i0", "i1"} & {row["item"] for row in found["plan"]}


def test_a_run_does_not_say_who_labelled_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text("{}")
    assert run(monkeypatch, "more", tmp_path / "run", "--ask", "5") == 2
    assert "does not say who labelled which item" in capsys.readouterr().err


def test_free_responses_have_no_common_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"item": f"i{i}", "prompt": f"say {i}", "annotator": "a", "response": f"word {i}"} for i in range(6)]
    path = tmp_path / "free.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(monkeypatch, "value", path, "--kind", "text") == 2
    assert "free responses are no labels of a common truth" in capsys.readouterr().err
    assert run(monkeypatch, "more", path, "--kind", "text", "--ask", "3") == 2


def test_a_folder_of_rounds_is_valued_by_attribution_or_by_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six rounds by hand in which only ann's group gains; with probes the values tell it, and without the points do."""
    brought = {name: {"items": 10, "sha256": "0", "kind": ""} for name in ("ann", "bob", "cid")}
    (tmp_path / "contributions.json").write_text(json.dumps(brought))
    assert run(monkeypatch, "value", tmp_path) == 2
    assert "no round in" in capsys.readouterr().err
    for probes in (False, True):
        for number in range(1, 7):
            groups = [["ann", "bob"], ["cid"]] if number % 2 else [["ann", "cid"], ["bob"]]
            save_round(tmp_path, number, groups, [1.0, 0.0] if probes else [])
        assert run(monkeypatch, "value", tmp_path, "--json") == 0
        rows = json.loads(capsys.readouterr().out)["annotators"]
        assert rows[0]["annotator"] == "ann"
        assert rows[0]["evidence"] == 6
        assert (rows[0]["error"] is not None) == probes
    assert run(monkeypatch, "value", tmp_path) == 0
    assert "value by rounds" in capsys.readouterr().out


def save_round(folder: Path, number: int, groups: list[list[str]], probes: list[float]) -> None:
    """A round that is over, in which groups gained 1 and 0 and shared it alike."""
    change = [{"accuracy": {"value": gain, "error": None}} for gain in (1.0, 0.0)]
    told = {
        "number": number, "players": ["ann", "bob", "cid"], "groups": groups, "base": "", "scores": {"accuracy": 0.0},
        "gains": {"group-1": change[0], "group-2": change[1]}, "winner": "group-1", "fresh": {}, "accepted": False,
        "why": "by hand", "then": "", "reached": {"accuracy": 0.0}, "probes": probes,
        "points": {name: 0.5 if name in groups[0] else 0.0 for name in ("ann", "bob", "cid")},
    }  # fmt: skip
    place = folder / "rounds" / f"{number:03d}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "round.json").write_text(json.dumps(told))


@pytest.mark.slow
def test_copies_of_a_model_are_trained_once(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ann is right and mal wrong, always: without ann the model loses, and the same command trains nothing again."""
    lines = ["item,prompt,annotator,label"]
    for j, name in enumerate(("ann", "bob", "mal")):
        lines += [f"i{i},w{i},{name},{('yes', 'no')[(i + (name == 'mal')) % 2]}" for i in range(12 * j, 12 * j + 12)]
    (tmp_path / "crowd.csv").write_text("\n".join(lines) + "\n")
    rows = [
        {"id": f"t{i}", "prompt": f"w{i}", "choices": ["yes", "no"], "gold": ("yes", "no")[i % 2]} for i in range(36)
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {
        "template": "{prompt} Answer :",
        "style": "words",
        "epochs": "8",
        "learning_rate": "3e-3",
        "bf16": "false",
    }
    flags = [part for key, text in settings.items() for part in ("--set", f"{key}={text}")]
    flags += ["--model", tiny_llama, "--test", tmp_path / "test.jsonl", "-o", tmp_path / "values.csv"]
    assert run(monkeypatch, "value", tmp_path / "crowd.csv", "--method", "exact", *flags) == 0
    assert "7 trainings, 0 of them there before" in capsys.readouterr().err
    first = (tmp_path / "values.csv").read_bytes()
    worth = {row["annotator"]: float(row["value"]) for row in csv.DictReader(first.decode().splitlines())}
    assert worth["ann"] > worth["mal"]
    assert run(monkeypatch, "value", tmp_path / "crowd.csv", "--method", "exact", *flags) == 0
    assert "7 trainings, 7 of them there before" in capsys.readouterr().err
    assert (tmp_path / "values.csv").read_bytes() == first
