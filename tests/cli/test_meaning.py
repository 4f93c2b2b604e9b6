"""Free texts to `crowdtune aggregate`. Oracle: people whose answers and wordings were put into the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdtune.denoise.answers import OFFERED
from tests.cli.test_cli import run

WORDINGS = ("{}", "${}", "The answer is {}.", "{}.0")


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Forty items; ann and bob are right, cat is wrong on two of five; nobody words an answer as others do."""
    path = tmp_path / "numbers.jsonl"
    rows = [
        {"item": f"i{i}", "annotator": who, "gold": str(100 + i),
         "response": WORDINGS[(i + j) % 4].format(100 + i + (who == "cat" and i % 5 < 2))}
        for i in range(40) for j, who in enumerate(("ann", "bob", "cat"))
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def aggregated(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[dict, str]:
    assert run(monkeypatch, "aggregate", *words, "--kind", "text", "--method", "one-coin", "--json") == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def test_numbers_are_told_and_compared(numbers: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out = tmp_path / "labels.jsonl"
    found, _ = aggregated(monkeypatch, capsys, numbers, "--meaning", "auto", "-o", out)
    assert found["notes"] == ["answers to 'default' are compared as numbers: 100% hold one, or mark one; "
                              "120 wordings have 56 meanings"]  # fmt: skip
    assert found["accuracy"] == 1
    trust = {row["annotator"]: row["reliability"] for row in found["annotators"]}
    assert min(trust["ann"], trust["bob"]) > 0.95
    assert trust["cat"] == pytest.approx(0.6, abs=0.02)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [len(row["choices"]) for row in rows[:5]] == [2, 2, 1, 1, 1]
    assert all(0.9 < sum(row["posterior"]) <= 1 + 1e-9 for row in rows)
    assert all(row["label"] in row["choices"] for row in rows)


def test_letter_by_letter_says_what_would_be_better(numbers: Path, monkeypatch, capsys) -> None:
    found, _ = aggregated(monkeypatch, capsys, numbers)
    assert "compared letter by letter; --meaning auto compares what they mean" in found["notes"][0]
    assert found["accuracy"] < 0.6
    assert run(monkeypatch, "aggregate", numbers, "--kind", "text", "--method", "one-coin", "--meaning", "exact") == 0
    assert "compared by exact, as asked; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["NUMBERS", "--kind", "text", "--meaning", "nubers"], "unknown comparison of answers 'nubers'. Did you mean"),
        (["NUMBERS", "--kind", "text", "--meaning", "auto", "--method", "medoid"], "medoid compares texts itself"),
        (["examples/words.csv", "--meaning", "auto"], "answers of kind 'text', and there are none. Say --kind text"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], sentence: str, numbers: Path, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "aggregate", *[str(numbers) if word == "NUMBERS" else word for word in words]) == 2
    assert sentence in capsys.readouterr().err


def test_help_names_every_comparison() -> None:
    from crowdtune.cli.aggregate import MEANINGS

    assert all(name in MEANINGS for name in (*OFFERED, "auto"))


@pytest.mark.slow
def test_embeddings_by_the_encoder(tmp_path: Path, monkeypatch, capsys) -> None:
    path = tmp_path / "texts.jsonl"
    said = (
        "The train leaves at nine o'clock in the morning",
        "In the morning the train leaves at nine",
        "Nobody knows",
    )
    rows = [{"item": "i0", "annotator": f"a{j}", "response": text} for j, text in enumerate(said)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, _ = aggregated(monkeypatch, capsys, path, "--meaning", "embeddings")
    assert "3 wordings have 2 meanings" in found["notes"][0]
