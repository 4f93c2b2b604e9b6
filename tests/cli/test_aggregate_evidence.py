"""Evidence as users give it. Oracle: a planted crowd of two honest annotators and three liars."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from crowdtune import cli


@pytest.fixture
def lying(tmp_path: Path) -> Path:
    """60 items of which the first 12 have gold; a and b are always right, x, y and z never."""
    rng = np.random.default_rng(0)
    lines = ["item,annotator,label,gold"]
    for i in range(60):
        truth = int(rng.integers(2))
        gold = "" if i >= 12 else ("no", "yes")[truth]
        lines += [f"i{i},{who},{('no', 'yes')[truth ^ (who in 'xyz')]},{gold}" for who in "abxyz"]
    path = tmp_path / "lying.csv"
    path.write_text("\n".join(lines))
    return path


def trust(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> dict[str, float]:
    """Reliability of each annotator, and under "accuracy" what is measured, as `crowdtune aggregate --json` says."""
    monkeypatch.setattr(sys, "argv", ["crowdtune", "aggregate", *map(str, words), "--json"])
    with contextlib.suppress(SystemExit):
        cli.main()
    found = json.loads(capsys.readouterr().out)
    return {row["annotator"]: row["reliability"] for row in found["annotators"]} | {"accuracy": found["accuracy"]}


def test_gold_evidence(lying: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = trust(capsys, monkeypatch, lying)
    assert before["x"] > 0.8 > 0.2 > before["a"]
    assert before["accuracy"] == 0
    after = trust(capsys, monkeypatch, lying, "--gold-evidence")
    assert after["a"] > 0.8 > 0.2 > after["x"]
    assert after["accuracy"] is None


def test_history(
    lying: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "annotators.csv"
    table.write_text("annotator,labels,reliability\na,90,0.95\nx,90,0.05\ny,90,0.05\nz,90,0.05\n")
    after = trust(capsys, monkeypatch, lying, "--history", table, "--method", "one-coin")
    assert after["b"] > 0.8 > 0.2 > after["x"]
    assert after["accuracy"] == 1


def test_gold_evidence_needs_gold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("item,annotator,label\n1,a,yes\n1,b,no\n")
    monkeypatch.setattr(sys, "argv", ["crowdtune", "aggregate", str(path), "--gold-evidence"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert "--gold-evidence needs items with a gold answer" in capsys.readouterr().err
