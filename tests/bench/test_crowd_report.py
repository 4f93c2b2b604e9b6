"""Crowd-SFT's bench around its experiments. Oracle: counted words, planted quality, and what is asked only once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from crowdtune.bench import crowd_report
from crowdtune.bench.contributors import NEAREST, labellers, writers
from crowdtune.bench.crowd_real import SETTINGS, all_coalitions
from crowdtune.bench.crowd_report import Plan, run_crowd_sft, table_of
from crowdtune.errors import InputError


def by_length(texts: Sequence[str]) -> np.ndarray:
    """(S, 2) a cheap encoder; no two words are equally near by chance alone."""
    return np.array([[len(text), i / len(texts)] for i, text in enumerate(texts)])


def test_writers_write_as_much_from_near_the_target_as_they_are_good() -> None:
    quality = np.array([1.0, 0.75, 0.25, 0.0])
    made = writers(quality, 24, np.random.default_rng(0), encoder=by_length)
    given, near = made.annotations, set(made.near)
    said = [given.items.text(i, k) for i, k in zip(given.item, given.label, strict=True)]
    assert len(near) == NEAREST
    assert len(set(said)) == len(said) == 96
    for j, share in enumerate(quality):
        own = [text in near for text, who in zip(said, given.annotator, strict=True) if who == j]
        assert np.mean(own) == share


def test_labellers_are_right_as_often_as_they_are_good_on_words_of_their_own() -> None:
    quality = np.array([1.0, 0.5, 0.25])
    made = labellers(quality, 20, 30, np.random.default_rng(0))
    given = made.annotations
    right = given.label == given.items.gold[given.item]
    np.testing.assert_array_equal([right[given.annotator == j].mean() for j in range(3)], quality)
    assert made.test is not None
    assert not set(given.items.prompts) & set(made.test.prompts)
    assert len(given.items) == 60
    assert len(made.test) == 30


def test_more_held_out_words_leave_the_crowd_as_it_is() -> None:
    """So that coalitions, rounds and the end are judged by different words of one world."""
    few, many = (labellers(np.array([1.0, 0.5]), 20, n, np.random.default_rng(3)) for n in (10, 30))
    assert few.annotations.items.prompts == many.annotations.items.prompts
    np.testing.assert_array_equal(few.annotations.label, many.annotations.label)
    assert few.test is not None
    assert many.test is not None
    assert few.test.prompts == many.test.prompts[:10]


def test_coalitions_are_all_different() -> None:
    table = all_coalitions(5)
    assert len({tuple(row) for row in table.tolist()}) == 32


@pytest.mark.parametrize("name", SETTINGS)
def test_everybody_takes_part_in_five_rounds(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.rounds.rounds >= 5
    assert setting.rounds.patience >= setting.rounds.rounds


def test_experiments_that_are_over_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def make() -> list[dict[str, object]]:
        asked.append("made")
        return [{"setting": "x", "spearman": 0.5, "spearman_low": 0.25, "spearman_high": 0.75, "none": None}]

    monkeypatch.setattr(crowd_report, "_surrogate", lambda plan: {"attack: one": make})
    monkeypatch.setattr(crowd_report, "PLANS", {"tiny": Plan({}, seeds=1)})
    first = run_crowd_sft("tiny", tmp_path, 1, print)
    assert run_crowd_sft("tiny", tmp_path, 1, print) == first
    assert asked == ["made"]
    page = (tmp_path / "results.md").read_text()
    assert "| setting | spearman | none |" in page
    assert "| x | 0.500 (0.250 to 0.750) | - |" in page
    assert "## Attack: one" in page


def test_few_seeds_are_called_a_smoke_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "seeds: a smoke test, its intervals mean little"
    monkeypatch.setattr(crowd_report, "_surrogate", lambda plan: {"one": lambda: [{"setting": "x"}]})
    for seeds in (2, 5):
        monkeypatch.setattr(crowd_report, "PLANS", {"tiny": Plan({}, seeds=seeds)})
        run_crowd_sft("tiny", tmp_path, 1, print)
        page, screen = (tmp_path / "results.md").read_text(), capsys.readouterr().out
        assert page.count(said) == screen.count(said) == (seeds < 5)


def test_an_unknown_preset_is_answered() -> None:
    with pytest.raises(InputError, match="Did you mean 'minilm'"):
        run_crowd_sft("minilmm", Path("nowhere"), 1, print)


def test_a_table_shows_intervals_where_they_belong() -> None:
    head, body = table_of([{"a": 1, "b": 0.5}, {"a": 2, "b": 0.25, "b_low": 0.0, "b_high": 1.0}])
    assert head == ["a", "b"]
    assert body == [["1", "0.500"], ["2", "0.250 (0.000 to 1.000)"]]
