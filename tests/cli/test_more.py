"""Oracle: a crowd in a file, and the tables of a run written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from crowdtune.runs import Run, annotator_table
from tests.cli.test_cli import run
from tests.crowds import from_table


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """30 items, two labels each by six annotators who agree on two items of three."""
    rows = [f"i{i},a{(i + j) % 6},{'yes' if i % 3 or j else 'no'}" for i in range(30) for j in range(2)]
    path = tmp_path / "crowd.csv"
    path.write_text("item,annotator,label\n" + "\n".join(rows) + "\n")
    return path


def test_a_file(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "more", source, "--accuracy", "0.9", "-o", tmp_path / "items.csv") == 0
    out, err = capsys.readouterr()
    assert "further labels for 90.0%" in out
    assert "no gold answers: right means what a large crowd" in err
    assert (tmp_path / "items.csv").read_text().startswith("item,further_labels,probability\n")
    assert run(monkeypatch, "more", source, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["now_low"] <= found["now"] <= found["now_high"]
    assert set(found["further_labels"]) == {"this crowd as it is", "its better half"}


def test_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    annotations = from_table([[0, 0], [1, 1], [0, 1]])
    posterior = np.array([[0.95, 0.05], [0.05, 0.95], [0.5, 0.5]])
    made = Run.start(tmp_path / "run", {})
    made.write_annotators(annotator_table(annotations, posterior))
    made.write_items(annotations, posterior, "by hand")
    made.finish({})
    assert run(monkeypatch, "more", made.folder, "--json", "--accuracy", "0.9") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["now"] == pytest.approx(0.8, abs=0.05)
    assert found["items"][0] == "i2"


def test_an_accuracy_of_one_is_refused(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "more", source, "--accuracy", "1") == 2
    assert "accuracy=1.0 must be between 0 and 1" in capsys.readouterr().err
