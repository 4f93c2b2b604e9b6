"""Free responses from a file to every command. Oracle: what was put into the file."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.test_cli import run
from tests.tiny import WORDS


def said(i: int) -> str:
    return f"{WORDS[i + 1]} {WORDS[i]}"


def lines(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_every_command_takes_a_run_of_free_responses(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two people answer twelve items, one item nobody; what is known of held-out items is nobody's answer."""
    asked = [{"item": f"i{i}", "prompt": f"task {WORDS[i]}"} for i in range(13)]
    people = [row | {"annotator": who, "response": said(i + n)} for i, row in enumerate(asked[:12])
              for n, who in enumerate(("ann", "bob"))]  # fmt: skip
    data = lines(tmp_path / "data.jsonl", [*people, asked[12] | {"annotator": "", "response": ""}])
    test = lines(tmp_path / "test.jsonl", [row | {"gold": said(i)} for i, row in enumerate(asked)])
    folder = tmp_path / "run"
    flags = ["--kind", "text", "--model", tiny_llama, "--test", test, "--set", "epochs=1", "--set", "max_length=12"]
    assert run(monkeypatch, "train", data, "-o", folder, *flags, "--set", "refreshes=2") == 0
    assert "nats per token of 13 gold responses" in capsys.readouterr().out
    table = pq.read_table(folder / "items.parquet").to_pydict()
    assert (table["label"][12], table["reason"][12], table["choices"][12]) == (None, "no label", [])
    assert len(pq.read_table(folder / "responses.parquet")) == 24
    for source, kind in ((test, ()), (test, ("--kind", "text"))):
        assert run(monkeypatch, "evaluate", folder, source, *kind, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["items"], found["tokens"]) == (13, 3 * 13)
        assert found["loss"] == pytest.approx(json.loads((folder / "results.json").read_text())["test"]["loss"])
    assert run(monkeypatch, "evaluate", folder, data, "--annotators", "--kind", "text") != 0
    assert "free responses" in capsys.readouterr().err
    assert run(monkeypatch, "predict", folder, lines(tmp_path / "new.jsonl", asked), "--json") == 0
    assert [row["item"] for row in json.loads(capsys.readouterr().out)] == [row["item"] for row in asked]
    assert run(monkeypatch, "more", folder) != 0
    assert "of further ones nobody knows" in capsys.readouterr().err
    assert run(monkeypatch, "export", folder, "--to", "labels", "-o", tmp_path / "labels.csv") == 0
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == 1 + 13
    assert run(monkeypatch, "report", folder) == 0
    assert (folder / "report.html").exists()
