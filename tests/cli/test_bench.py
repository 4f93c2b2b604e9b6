"""crowdtune bench as users meet it. Oracle: what they typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--preset", "tiny", "--data", "fpb=nowhere.jsonl"], "data set 'fpb': nowhere.jsonl is no file"),
        (["--preset", "tinny"], "unknown preset 'tinny'. Did you mean 'tiny'?"),
        (["--preset", "tiny", "--methods", "relm"], "unknown method 'relm'. Did you mean 'realm'?"),
        (["--preset", "tiny", "--seeds", "-1"], "seeds=-1 must be 1 or more"),
        (["--preset", "tiny", "--jobs", "-1"], "jobs=-1 must be 1 or more"),
        (["--preset", "flan-t5-small", "--data", "arc=nowhere.jsonl"], "data set 'arc': nowhere.jsonl is no file"),
        (["--preset", "flan-t5-small", "--data", "nowhere.jsonl"], "is not of the form key=value"),
    ],
)
def test_wrong_flags_are_answered_and_write_nothing(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "bench", "realm", *words, "-o", str(tmp_path / "grid")) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "grid").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--preset", "gema-2-9b"], "unknown preset 'gema-2-9b'. Did you mean 'gemma-2-9b'?"),
        (["--preset", "tiny", "--methods", "self-rak"], "unknown method 'self-rak'. Did you mean 'self-rag'?"),
    ],
)
def test_wrong_flags_of_robustft(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "bench", "robustft", *words, "-o", str(tmp_path / "grid")) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--preset", "tinny"], "unknown preset 'tinny'. Did you mean 'tiny'?"),
        (["--preset", "tiny", "--methods", "shalla"], "unknown method 'shalla'. Did you mean 'shala'?"),
        (["--preset", "tiny", "--methods", "realm"], "preset 'tiny' has no cell with method realm."),
        (
            ["--preset", "cpu"],
            "data sets chaosnli_mnli_m, chaosnli_snli, convabuse, hs_brexit, md_agreement are unknown.",
        ),
        (["--preset", "named"], "preset 'named' runs on files you name. Name one or more: --data goemotions=FILE."),
        (["--preset", "named", "--data", "mine=nowhere.csv"], "data set 'mine': nowhere.csv is no file"),
        (["--preset", "tiny", "--data", f"mine={__file__}"], "unknown data set of preset tiny 'mine'"),
        (["--preset", "tiny", "--jobs", "-1"], "jobs=-1 must be 1 or more"),
    ],
)
def test_wrong_flags_of_shala(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "bench", "shala", *words, "-o", str(tmp_path / "grid")) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "grid").exists()


@pytest.mark.slow
def test_the_tiny_preset_of_robustft(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crowdtune", "bench", "robustft", "--preset", "tiny", "-o", str(tmp_path / "grid")]
    command += ["--methods", "noisy,confident-learning,zero-shot,constant", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    variants = found["conditions"][0]["variants"]
    assert variants["confident-learning"]["accuracy"]["mean"] > variants["constant"]["accuracy"]["mean"] + 0.1
    assert variants["confident-learning"]["noise_precision"] > 0.3  # the share of wrong labels
    assert {"results.md", "results.json", "cells", "lock"} <= {p.name for p in (tmp_path / "grid").iterdir()}


@pytest.mark.slow
def test_the_tiny_preset_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crowdtune", "bench", "realm", "--preset", "tiny", "-o", str(tmp_path / "grid")]
    first, again = (
        json.loads(subprocess.run([*command, "--json"], capture_output=True, check=True).stdout) for _ in range(2)
    )
    assert first == again
    assert first["gap_recovered"]["realm"]["share"] > 0.7
    assert first["conditions"][0]["variants"]["noisy"]["mean"] < 0.5
    assert {"results.md", "results.json", "charts", "cells", "lock"} == {p.name for p in (tmp_path / "grid").iterdir()}
