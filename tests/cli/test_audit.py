"""crowdtune audit as users meet it. Oracle: a crowd of which everything is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdtune.cli import audit as verb
from crowdtune.runs import Run
from tests.cli.test_cli import run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """40 items by three who agree and one who always says no."""
    says = {"ann": lambda i: i % 2, "bob": lambda i: i % 2, "eve": lambda i: i % 2, "mute": lambda i: 0}
    rows = [f"i{i},{name},{['no', 'yes'][say(i)]}" for i in range(40) for name, say in says.items()]
    path = tmp_path / "crowd.csv"
    path.write_text("item,annotator,label\n" + "\n".join(rows) + "\n")
    return path


def test_it_says_whom_to_trust(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "audit", source) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Trust ")
    assert "Krippendorff's alpha 0." in out
    assert "raw agreement 0.75 [" in out
    assert "constant" in out
    assert "1 of 4 annotators stands out, with 25% of the labels" in " ".join(out.split())
    assert "(mute)" in out
    assert "next: -o report.html" in err


def test_for_machines(source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "audit", source, "--json", "--aggregator", "one-coin") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["aggregator"] == "one-coin"
    assert {row["annotator"] for row in found["people"]} == {"ann", "bob", "eve", "mute"}
    assert found["errors"] == []


@pytest.mark.parametrize(
    ("limits", "code", "sentence"),
    [
        (["alpha=0.4"], 0, ""),
        (["alpha=0.9"], 1, "alpha is 0.470, below 0.9"),  # 1 - (40 / 160) / (12,000 / (160 159))
        (["raw=0.7", "reliability=0.99"], 1, "mean reliability is 0."),
        (["krippendorff=0.4"], 2, "unknown measure 'krippendorff'"),
        (["alpha=high"], 2, "--fail-below alpha=high is not a number"),
    ],
)
def test_an_exit_code_for_ci(
    limits: list[str], code: int, sentence: str, source: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    flags = [word for limit in limits for word in ("--fail-below", limit)]
    assert run(monkeypatch, "audit", source, *flags) == code
    assert sentence in capsys.readouterr().err


def test_what_cannot_be_measured_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "single.csv"
    path.write_text("item,annotator,label\n" + "".join(f"i{i},a{i % 2},{'yn'[i % 3 > 0]}\n" for i in range(20)))
    assert run(monkeypatch, "audit", path, "--fail-below", "alpha=0") == 1
    assert "alpha is not measurable" in capsys.readouterr().err


def test_a_folder(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "audit", source, "-o", tmp_path / "found", "--seed", "3") == 0
    made = Run(tmp_path / "found")
    assert made.finished
    assert (made.config["seed"], made.config["data"]["source"]) == (3, str(source))
    assert run(monkeypatch, "audit", source, "-o", tmp_path / "found") == 2


def test_a_page(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "audit", source, "-o", tmp_path / "found.html") == 0
    assert Run(tmp_path / "found").finished
    assert "constant" in (tmp_path / "found.html").read_text()  # names may be left out of a page
    assert run(monkeypatch, "audit", source, "-o", tmp_path / "found.html") == 2


def test_a_habit_fits_a_screen() -> None:
    assert verb._brief("says 'neutral' 83% of the time, others 31% on the same items") == "83% neutral"
    assert verb._brief("rte: says 'true (entailed)' 77% of the time, others 5% on the same items") == "rte: 77% true (…"
    assert verb._brief("0.6 grades higher than others on the same items") == "0.6 grades high…"
    assert verb._brief("") == ""


def test_a_report_calls_models_by_name_and_people_by_pseudonym(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    who = {"annelise": "human", "bertrand": "human", "judge-one": "model"}
    rows = [f"i{i},{name},{kind},{'no' if i % 2 else 'yes'}" for i in range(20) for name, kind in who.items()]
    path = tmp_path / "crowd.csv"
    path.write_text("item,annotator,annotator_type,label\n" + "\n".join(rows) + "\n")
    assert run(monkeypatch, "audit", path, "-o", tmp_path / "r.html") == 0
    assert "model" in capsys.readouterr().out
    page = (tmp_path / "r.html").read_text()
    assert "judge-one" in page
    assert "annelise" not in page
