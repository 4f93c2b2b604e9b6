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
