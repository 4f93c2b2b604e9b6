"""Oracle: a run on words a tiny model can read, and the sentence about labels the model has seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
