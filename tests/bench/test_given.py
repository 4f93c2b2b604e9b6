"""One given label an item. Oracle: counts, rows written by hand, the moments of a fair draw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.bench.data import load_split
from crowdtune.bench.given import details, load_given, wrong
from crowdtune.bench.grid import HEAD, Cell
from crowdtune.bench.outcome import Trained
from crowdtune.bench.work import work
from crowdtune.errors import InputError
from tests.crowds import make_items, with_choices

SMALL = (("epochs", "8"), ("points", "4"))
CELL = Cell("words", HEAD, "noisy", "noisy30", trained=100, held_out=60, training=SMALL)


def put(path: Path, noisy: dict[str, str], n: int = 30) -> Path:
    """Sentences under one instruction; a noisy column holds one letter for all."""
    rows = [
        {"id": f"q{i}", "prompt": f"Judge this:\nsentence {i}", "choices": ["bad", "good"], "answer": "AB"[i % 2]}
        | noisy
        for i in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_exactly_so_many_are_wrong_and_each_wrong_choice_as_often(share: float) -> None:
    items = make_items(np.random.default_rng(0).integers(4, size=1000).tolist(), ["a", "b", "c", "d"])
    label = wrong(items, share, np.random.default_rng(1))
    assert (label != items.gold).sum() == 1000 * share
    step = (label - items.gold)[label != items.gold] % 4
    expected = 1000 * share / 3  # a binomial count, five standard deviations
    assert (np.abs(np.bincount(step, minlength=4)[1:] - expected) <= 5 * np.sqrt(expected * 2 / 3)).all()


def test_wrong_choices_are_an_items_own() -> None:
    items = with_choices([("a", "b"), ("a", "b", "c"), ("x", "y", "z", "w")] * 40, [0, 2, 3] * 40)
    label = wrong(items, 1.0, np.random.default_rng(2))
    assert (label != items.gold).all()
    assert (label < items.n_choices).all()
    assert set(label[2::3]) == {0, 1, 2}


def test_a_level_is_part_of_a_cells_name_and_a_crowd_is_none() -> None:
    assert (CELL.given, CELL.annotators, Cell("words", HEAD).given) == (0.3, 1, None)
    assert CELL.condition == "minilm-head words noisy30"


def test_the_columns_of_a_file_are_its_noise(tmp_path: Path) -> None:
    """All rows say B in the column; the instruction is taken off; items keep their own gold."""
    path = put(tmp_path / "news.jsonl", {"noisy50": "B", "noisy70": "A"})
    for level, code in (("noisy50", 1), ("noisy70", 0)):
        annotations, test = load_given(Cell("news", HEAD, "noisy", level), {"news": path})
        assert set(annotations.label) == {code}
        assert annotations.items.prompts[0].startswith("sentence")
        assert (len(annotations), len(test)) == (24, 6)
        assert set(annotations.items.gold) == {0, 1}


def test_without_a_column_noise_is_drawn(tmp_path: Path) -> None:
    path = put(tmp_path / "news.jsonl", {"noisy50": "B"})
    annotations, _ = load_given(Cell("news", HEAD, "noisy", "noisy25"), {"news": path})
    assert (annotations.label != annotations.items.gold).sum() == 6
    clean, _ = load_given(Cell("news", HEAD, "noisy", "noisy0"), {"news": path})
    assert (clean.label == clean.items.gold).all()


def test_a_hole_in_a_column_is_said(tmp_path: Path) -> None:
    path = put(tmp_path / "news.jsonl", {"noisy50": "B"})
    rows = path.read_text().splitlines()
    path.write_text("\n".join([rows[0].replace('"noisy50": "B"', '"noisy50": ""'), *rows[1:]]) + "\n")
    with pytest.raises(InputError, match=r"item 'q0' has no label in column noisy50\. Fill it"):
        load_given(Cell("news", HEAD, "noisy", "noisy50"), {"news": path})


def test_every_seed_is_a_split_and_a_crowd_keeps_one(tmp_path: Path) -> None:
    path = put(tmp_path / "news.jsonl", {})
    tests = [set(load_given(Cell("news", HEAD, "noisy", "noisy30", seed=s), {"news": path})[1].ids) for s in range(5)]
    assert len({frozenset(ids) for ids in tests}) > 1
    same = [set(load_split(Cell("news", HEAD, seed=s), {"news": path})[1].ids) for s in range(3)]
    assert len({frozenset(ids) for ids in same}) == 1
    first, again = (load_given(replace(CELL, seed=3), {})[0] for _ in range(2))
    np.testing.assert_array_equal(first.label, again.label)


def test_several_data_sets_are_refused() -> None:
    with pytest.raises(InputError, match=r"given labels are of one data set, not of 'one\+two'"):
        load_given(Cell("one+two", HEAD, "noisy", "noisy30"), {})


def test_details_by_hand() -> None:
    """Labels 0 1 1, gold 0 0 1; the posterior doubts the second and, wrongly, the third."""
    items = make_items([0, 0, 1])
    none = np.zeros(3, dtype=np.int64)
    annotations = Annotations(items, ["given"], np.arange(3), none, np.array([0, 1, 1]))
    posterior = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    rows = [{"annotator": "given", "reliability": 0.5, "accuracy": 2 / 3}]
    trained = Trained(np.log(posterior), np.log(posterior), np.array([0, 1, 1]), posterior, rows, [], 0.0)
    found = details(annotations, items, trained)
    assert (found["noise_precision"], found["noise_recall"]) == (0.5, 1.0)
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found["experts"] == [{"expert": "given", "reliability": 0.5, "accuracy": 2 / 3}]
    table = [{"expert": "second", "reliability": 0.7, "accuracy": 0.6}]
    own = details(annotations, items, replace(trained, results={"noise_precision": 0.25, "experts": table}))
    assert (own["noise_precision"], own["experts"]) == (0.25, table)


def test_a_cell_tells_what_its_table_needs(tmp_path: Path) -> None:
    found = work(CELL, tmp_path, {})
    assert len(found.details["answers"]) == len(found.details["gold"]) == len(found.details["items"]) == 60
    right = np.array(found.details["answers"]) == np.array(found.details["gold"])
    np.testing.assert_array_equal(right, found.correct)
    assert work(replace(CELL, distribution="dist1"), tmp_path, {}).details == {}
