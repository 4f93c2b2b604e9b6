"""`crowdtune aggregate` as users meet it. Oracle: crowds whose ranking, grades and answers are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from crowdtune import Annotations
from crowdtune.aggregate import names
from tests.aggregate.test_bradley_terry import comparers
from tests.aggregate.test_ordinal_dawid_skene import graders
from tests.cli.test_cli import run
from tests.crowds import crowd, make_items, with_choices


class _Quiet:
    def lines(self, annotations: Annotations) -> list[str]:
        return []


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Hands annotations to the verb as if they had been read."""

    def put(annotations: Annotations) -> Path:
        monkeypatch.setattr("crowdtune.cli._source.read", lambda *a, **k: (annotations, _Quiet()))
        return tmp_path / "crowd.csv"

    return put


def test_what_was_compared_and_chosen_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "aggregate", Path("examples/words.csv")) == 0
    out, err = capsys.readouterr()
    assert "one-coin is the simplest that foretells held-out labels as well as the best" in err
    for name in ("majority", "one-coin", "dawid-skene"):
        assert f"  {name} " in err
    assert "nats per label; the best" in err
    assert "by one-coin; right against gold: 90.8%" in out


def test_the_comparison_is_in_the_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "aggregate", Path("examples/words.csv"), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["method"], found["chosen"]) == ("auto", {"default": "one-coin"})
    assert [row["aggregator"] for row in found["compared"]] == ["majority", "one-coin", "mace", "dawid-skene"]
    assert sum(row["chosen"] for row in found["compared"]) == 1


def test_pairs_are_ranked_and_the_ranking_written(given, tmp_path: Path, monkeypatch, capsys) -> None:
    rng = np.random.default_rng(0)
    source = given(comparers(np.linspace(-3, 3, 12), 500, 2, np.full(6, 0.85), rng))
    files = ["-o", tmp_path / "labels.parquet", "--scores", tmp_path / "scores.csv"]
    assert run(monkeypatch, "aggregate", source, "--method", "bradley-terry", *files) == 0
    shown = capsys.readouterr().out
    assert "things by score" in shown
    assert "... 2 more ..." in shown
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0] == "thing,score"
    assert lines[1].startswith("m11,")
    assert lines[-1].startswith("m0,")
    table = pq.read_table(tmp_path / "labels.parquet").to_pydict()
    assert all(label in choices for label, choices in zip(table["label"], table["choices"], strict=True))


def test_grades_have_a_bias_and_a_mean(given, tmp_path: Path, monkeypatch, capsys) -> None:
    rng = np.random.default_rng(1)
    source = given(graders(300, 4, np.array([0.7, 0, 0, 0, -0.7]), np.full(5, 0.6), rng))
    assert run(monkeypatch, "aggregate", source, "-o", tmp_path / "labels.parquet") == 0
    out, _ = capsys.readouterr()
    assert "bias" in out
    assert "by ordinal-dawid-skene" in out
    table = pq.read_table(tmp_path / "labels.parquet").to_pydict()
    assert table["provenance"][0] == "ordinal-dawid-skene"
    expected = [float(np.dot(p, range(5))) for p in table["posterior"]]
    np.testing.assert_allclose(table["mean_grade"], expected, atol=1e-3)


def test_scores_of_what_is_no_comparison_are_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    words = ["aggregate", Path("examples/words.csv"), "--method", "majority", "--scores", tmp_path / "s.csv"]
    assert run(monkeypatch, *words) == 2
    assert "--scores: there are none" in capsys.readouterr().err
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("name", [n for n in names() if n not in ("bradley-terry", "ordinal-dawid-skene")])
def test_every_method_answers_the_same_items(name: str, given, tmp_path: Path, monkeypatch) -> None:
    """A clear item, a tie, one whose answers were all abstentions, a clear one: same ids, and why two are open."""
    items = make_items([-1] * 4, ("a", "b"))
    triples = [(i, j, 0 if i == 0 else 1) for i in (0, 3) for j in range(4)] + [(1, 0, 0), (1, 1, 1)]
    source = given(crowd(items, triples))
    assert run(monkeypatch, "aggregate", source, "--method", name, "-o", tmp_path / "labels.parquet") == 0
    table = pq.read_table(tmp_path / "labels.parquet").to_pydict()
    assert table["item"] == ["i0", "i1", "i2", "i3"]
    assert [table["label"][i] for i in (0, 2, 3)] == ["a", None, "b"]
    assert table["reason"][2] == "no label"
    assert table["tied_vote"] == [False, True, False, False]
    if table["label"][1] is None:
        assert table["reason"][1] == "tie"


@pytest.mark.slow
def test_texts_are_answered_by_the_answer_nearest_to_all(given, tmp_path: Path, monkeypatch, capsys) -> None:
    sets = [("a cat sat on the mat", "the cat is sitting on a mat", "stock prices fell sharply")]
    items = with_choices(sets, [-1])
    items = replace(items, kinds=("text",))
    source = given(crowd(items, [(0, 0, 0), (0, 1, 1), (0, 2, 2)]))
    assert run(monkeypatch, "aggregate", source, "--method", "medoid", "-o", tmp_path / "labels.csv") == 0
    assert "cat" in (tmp_path / "labels.csv").read_text().splitlines()[1].split(",")[1]
    assert "closeness" in capsys.readouterr().out
