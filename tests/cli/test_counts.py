"""Counts without annotators on the command line. Oracle: what was typed, and votes counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdtune import read
from tests.cli.test_cli import run
from tests.crowds import put
from tests.read.formats.test_chaosnli import RECORDS
from tests.read.formats.test_goemotions import MARKS


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return put(tmp_path, "chaosNLI_mnli_m.jsonl", "\n".join(map(json.dumps, RECORDS)))


def test_import_says_what_they_are_good_for(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "import", source, "-o", tmp_path / "data") == 0
    printed, told = capsys.readouterr()
    assert "detected: chaosnli by records with uid, label_counter, example (3 items, 0 labels, 0 annotators)" in printed
    assert "unnamed   300 labels counted on 3 items: nobody's expertise can be estimated" in printed
    assert "3 items have counts of 300 labels, annotators not named" in told
    assert "pseudonyms" not in told
    assert f"next: crowdtune train {tmp_path / 'data'}/ --method shala" in printed
    again, _ = read(tmp_path / "data")
    assert again.counts.tolist() == read(source)[0].counts.tolist()  # type: ignore[union-attr]


def test_shares_alone_are_not_called_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "f.jsonl", '{"id": "1", "text": "t", "soft_label": {"a": 0.5, "b": 0.5}}')
    assert run(monkeypatch, "import", path, "-o", tmp_path / "data") == 0
    assert "unnamed   shares on 1 items: nobody's expertise" in capsys.readouterr().out


def test_the_vote_is_all_that_can_be_inferred(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "aggregate", source, "--method", "majority", "-o", tmp_path / "labels.jsonl", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["items"], found["open"], found["annotators"]) == (3, 0, [])
    rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [(row["label"], row["labels"]) for row in rows] == [
        ("entailment", 100), ("entailment", 100), ("contradiction", 100)
    ]  # fmt: skip
    for verb in (
        ["aggregate", source],
        ["audit", source],
        ["export", source, "--to", "labels", "-o", tmp_path / "x.csv"],
    ):
        assert run(monkeypatch, *verb) == 2
        assert "nobody's expertise can be estimated" in capsys.readouterr().err


def test_several_answers_as_tasks_or_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "goemotions_1.csv", MARKS)
    assert run(monkeypatch, "import", path, "--several", "counts", "-o", tmp_path / "data", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["labels"], found["unnamed_labels"], len(found["questions"])) == (2, 4, 1)
    assert len(found["questions"][0]["choices"]) == 28
    assert run(monkeypatch, "import", path, "-o", tmp_path / "tasks") == 0
    assert "--several counts keeps it one question" in capsys.readouterr().err
    assert run(monkeypatch, "import", path, "--several", "share", "-o", tmp_path / "x") == 2
    assert "Known: counts, tasks" in capsys.readouterr().err
