"""Oracle: a run on words a tiny model can read, and the sentence about labels the model has seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.spatial.distance import jensenshannon

from tests.cli.test_cli import run


def test_held_out_annotators(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels without gold: the four models of truth, each with its distance to joint."""
    rows = [
        {"id": f"i{i}", "prompt": f"w{i}", "annotator": f"a{j}", "label": ["yes", "no"][(i + (i + j) % 5 // 4) % 2]}
        for i in range(30)
        for j in range(4)
    ]
    data = tmp_path / "labels.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--method", "majority", "--model", tiny_llama, "--set", "epochs=1"]
    flags += ["--set", "template={prompt} Answer :"]
    assert run(monkeypatch, "train", data, "-o", tmp_path / "run", *flags) == 0
    capsys.readouterr()
    assert run(monkeypatch, "evaluate", tmp_path / "run", data, "--annotators", "--json") == 0
    found = json.loads(capsys.readouterr().out)["held_out_annotators"]
    assert [row["model"] for row in found] == ["majority", "dawid-skene", "realm", "joint"]
    assert found[-1]["more"] == 0
    assert all(row["low"] <= row["more"] <= row["high"] for row in found[:-1])
    assert run(monkeypatch, "evaluate", tmp_path / "run", data, "--annotators") == 0
    assert "trained on these very labels" in capsys.readouterr().err


def test_what_several_people_said_needs_no_gold(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the table the run keeps, from which the distance is computed here; evaluate finds the same again."""
    rows = [
        {"id": f"i{i}", "prompt": f"w{i % 40}", "annotator": f"a{j}", "label": ["yes", "no"][int(j < i % 5)]}
        for i in range(48)
        for j in range(4)
    ]
    data, test = tmp_path / "labels.jsonl", tmp_path / "test.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows[:64]))
    test.write_text("".join(json.dumps(row) + "\n" for row in rows[64:]))
    flags = ["--method", "soft", "--model", tiny_llama, "--set", "epochs=1", "--set", "points=2"]
    flags += ["--set", "template={prompt} Answer :"]
    assert run(monkeypatch, "train", data, "-o", tmp_path / "run", "--test", test, *flags) == 0
    assert "held-out items: js_distance" in capsys.readouterr().out
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    found = results["test"]["disagreement"]
    assert (found["items"], found["labels_per_item"], "accuracy" in results["test"]) == (32, 4.0, False)
    assert "disagreement" not in results, "of the training items only where nothing is held out"
    kept = pq.read_table(tmp_path / "run" / "disagreement.parquet").to_pylist()
    apart = [jensenshannon(row["people"], row["predicted"], base=2) for row in kept]
    assert found["groups"]["all"]["measures"]["js_distance"]["value"] == pytest.approx(np.mean(apart))
    log = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    followed = [json.loads(line)["test_js_distance"] for line in log if "test_js_distance" in line]
    assert followed[-1] == pytest.approx(np.mean(apart), abs=1e-4)
    assert run(monkeypatch, "evaluate", tmp_path / "run", test, "--json") == 0
    again = json.loads(capsys.readouterr().out)["disagreement"]
    assert again["groups"]["all"]["items"] == 32
    assert again["groups"]["all"]["measures"]["js_distance"]["value"] == pytest.approx(np.mean(apart), abs=1e-4)
    assert run(monkeypatch, "evaluate", tmp_path / "run", test) == 0
    said = capsys.readouterr()
    assert "32 items several people answered, 4 labels each" in said.out
    assert "they disagree" in said.out
    assert "a perfect model" in said.err
    single = tmp_path / "single.jsonl"
    single.write_text("".join(json.dumps(row) + "\n" for row in rows[::4]))
    assert run(monkeypatch, "evaluate", tmp_path / "run", single) == 2
    assert "nor labels by several people" in capsys.readouterr().err


def test_grades_are_judged_in_grades(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two grades a mistake is one grade off, so the mean error is what is missing to always right."""
    rows = [
        {"id": f"i{i}", "prompt": f"w{i}", "choices": ["no", "yes"], "gold": ["no", "yes"][i % 2], "kind": "grade"}
        for i in range(30)
    ]
    items, data = tmp_path / "items.jsonl", tmp_path / "data"
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(monkeypatch, "simulate", items, "--bias", "0.3,0,-0.3", "--spread", "0.4", "-o", data) == 0
    flags = ["--model", tiny_llama, "--set", "epochs=1", "--set", "template={prompt} Answer :", "--test", items]
    assert run(monkeypatch, "train", data, "-o", tmp_path / "run", *flags) == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    for who in ("posterior", "model", "zero_shot", "majority"):
        assert found[f"{who}_mean_absolute_error"] == pytest.approx(1 - found[f"{who}_accuracy"])
    assert found["test"]["mean_absolute_error"] == pytest.approx(1 - found["test"]["accuracy"])
    assert f"cleaned labels {found['posterior_mean_absolute_error']:.2f} grades off, weighted kappa" in printed
    assert run(monkeypatch, "evaluate", tmp_path / "run", items) == 0
    assert f"{found['test']['mean_absolute_error']:.2f} grades off" in capsys.readouterr().out


def test_a_lean_is_simulated_and_flags_that_exclude_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"id": f"i{i}", "prompt": "p", "choices": ["a", "b"], "gold": "ab"[i % 2], "kind": "pair"} for i in range(4)
    ]
    items = tmp_path / "items.jsonl"
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--lean", "0.2,0,0", "--reliability", "0.8,0.8,0.8"]
    assert run(monkeypatch, "simulate", items, *flags, "-o", tmp_path / "data") == 0
    assert run(monkeypatch, "simulate", items, "--lean", "0.2", "-o", tmp_path / "no", "--reliability", "multi1") == 2
    assert run(monkeypatch, "simulate", items, "--lean", "0.2", "--bias", "1", "-o", tmp_path / "no") == 2
    assert run(monkeypatch, "simulate", items, "--bias", "1", "--noise", "systematic", "-o", tmp_path / "no") == 2
    said = capsys.readouterr().err
    for part in ("one reliability per annotator", "Leave one of them out", "they say how an annotator errs"):
        assert part in said
