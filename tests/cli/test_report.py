"""crowdtune report as typed. Oracle: files on disk and the sentences promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdtune.runs import Run
from tests.cli.test_cli import run
from tests.report import folders


def test_a_report_lies_in_the_runs_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folders.audit(tmp_path / "run")
    assert run(monkeypatch, "report", folder) == 0
    said = capsys.readouterr().err
    assert f"wrote {folder / 'report.html'}" in said
    assert "annotators by pseudonym (--keep-ids shows names), items with their texts" in said
    assert "worker000" not in (folder / "report.html").read_text()


def test_somewhere_else_and_with_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folders.audit(tmp_path / "run")
    assert run(monkeypatch, "report", folder, "-o", tmp_path / "sub" / "r.html", "--keep-ids") == 0
    assert "worker000@example.org" in (tmp_path / "sub" / "r.html").read_text()
    assert not (folder / "report.html").exists()


def test_what_is_no_run_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished, above, broken, empty = (tmp_path / n for n in ("unfinished", "above", "broken", "empty"))
    Run.start(unfinished, {"method": "joint"})
    Run.start(above / "first", {"method": "joint"}).finish({"method": "joint"})
    broken.mkdir()
    (broken / "results.json").write_text("{")
    empty.mkdir()
    for folder, sentence in (
        (tmp_path / "nowhere", "nowhere is no folder. Name a folder that `crowdtune train` or `crowdtune audit` made."),
        (unfinished, "holds an unfinished run: there is no results.json yet. Finish it with --resume, then report."),
        (empty, "holds no run: there is no results.json."),
        (above, f"(such as {above / 'first'})"),
        (broken, "The run is damaged; run it again."),
    ):
        assert run(monkeypatch, "report", folder) == 2
        said = capsys.readouterr().err
        assert sentence in said, said
    (broken / "results.json").write_text('{"cells": []}')
    assert run(monkeypatch, "report", broken) == 2
    assert "names no method: it is of no single run" in capsys.readouterr().err
