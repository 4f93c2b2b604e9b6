"""`crowdtune clean` as typed: what is printed, what is written, and training on what is left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import planted
from tests.backends.server import Server
from tests.cli.test_cli import run
from tests.tiny import WORDS

pytest.importorskip("aiohttp")
N = 40


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("crowdtune.methods._clean.embed", planted.scattered)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Server(planted.Model()) as started:
        yield started


def test_what_was_cleaned_is_shown_and_trained_on(
    server: Server,
    tiny_llama: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    data, out = planted.write(tmp_path / "data.jsonl", N), tmp_path / "out"
    flags = ["--model", f"{server.url}#m", "--store", tmp_path / "store", "--to", "trl-sft,llamafactory"]
    assert run(monkeypatch, "clean", data, "--dry-run", *flags) == 0
    told = capsys.readouterr().out
    assert int(re.findall(r"without --dry-run it takes at least (\d+) calls", told)[0]) >= N
    assert server.log.calls == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl"]
    assert run(monkeypatch, "clean", data, "-o", out, *flags) == 0
    told = capsys.readouterr().out
    assert f"{len(server.log.calls)} calls, " in told
    assert all(f"{out}/{name}: for {name}\n" in told for name in ("trl-sft", "llamafactory"))
    assert f"crowdtune train {out} --method soft -o runs/cleaned" in told
    table = told.split("rules: ")[0].splitlines()
    assert max(map(len, (line.rstrip() for line in table))) <= 100
    assert run(monkeypatch, "clean", data, "-o", out, *flags) == 2
    assert "already holds files. Choose another folder or remove it." in capsys.readouterr().err
    for method in ("soft", "noisy"):
        folder = tmp_path / method
        flags = ["--method", method, "--model", tiny_llama, "--set", "epochs=1", "--set", "max_length=32"]
        assert run(monkeypatch, "train", out, "-o", folder, *flags) == 0
        said = capsys.readouterr()
        assert "there is one annotator, so nothing can be said of whom to trust" in said.err
        assert "warning" not in said.err
        assert json.loads((folder / "results.json").read_text())["warnings"] == []
    assert run(monkeypatch, "report", tmp_path / "soft", "-o", tmp_path / "report.html") == 0


def test_the_result_as_json(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = planted.write(tmp_path / "data.jsonl", 8)
    flags = ["--model", f"{server.url}#m", "--store", tmp_path / "store", "--set", "classifier=false", "--json"]
    assert run(monkeypatch, "clean", data, "-o", tmp_path / "out", *flags) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (told["items"], sum(told["outcomes"].values())) == (8, 8)


def test_nobody_says_where_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "clean", planted.write(tmp_path / "data.jsonl", 4)) == 2
    assert "Give -o FOLDER, new or empty; or --dry-run" in capsys.readouterr().err


def test_a_model_on_this_machine(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several annotators, and items with choices of their own: everybody who labelled is listed."""
    monkeypatch.setattr("crowdtune.methods._clean.embed", planted.scattered)
    rows = [
        {
            "item": f"i{i}",
            "prompt": f"task {WORDS[i]}",
            "choices": WORDS[i : i + 3],
            "annotator": who,
            "label": WORDS[i],
        }
        for i in range(6)
        for who in ("ann", "bob")
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--model", tiny_llama, "--store", tmp_path / "store"]
    assert run(monkeypatch, "clean", data, "-o", tmp_path / "out", *flags) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("direct-texts", "ann", "bob", "all"))
