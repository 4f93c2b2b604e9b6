"""The grids, tables and pages of `bench robustft`. Oracle: sets of cells, hand arithmetic, the error of a mean."""

from __future__ import annotations

import inspect
import itertools
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from crowdtune.annotations import Bools
from crowdtune.bench.grid import HEAD, Cell, Outcome
from crowdtune.bench.presets import cells
from crowdtune.bench.robustft_presets import OURS, ROBUSTFT, TRAINED
from crowdtune.bench.robustft_report import write_report
from crowdtune.bench.robustft_table import difference, spread, summary
from crowdtune.bench.untrained import UNTRAINED
from crowdtune.cli.bench import robustft
from crowdtune.metrics.accuracy import macro_f1
from tests.bench.stub import made

PAPER = {"mmlu", "arc", "pubmedqa", "drop", "fpb"}
LEVELS = {"noisy0", "noisy30", "noisy50", "noisy70"}


def grid(name: str, **changes: object) -> list[Cell]:
    return cells(name, {}, presets=ROBUSTFT, untrained=UNTRAINED, **changes)  # type: ignore[arg-type]


def told(cell: Cell, right: Bools, **changes: object) -> Outcome:
    """An outcome with two choices, all gold the first but the last item."""
    gold = np.zeros(len(right), dtype=np.int64)
    gold[-1] = 1
    answers = np.where(right, gold, 1 - gold)
    own = {
        "macro_f1": macro_f1(answers, gold),
        "noise_precision": 0.5,
        "noise_recall": None,
        "experts": [{"expert": "given", "reliability": 0.6, "accuracy": 0.5 + cell.seed / 10}],
        "items": [f"i{i}" for i in range(len(right))],
        "gold": gold.tolist(),
        "answers": answers.tolist(),
    }
    return made(cell, correct=right, details=own | changes)


def test_cpu_has_every_method_at_every_level_on_five_splits() -> None:
    made = grid("cpu")
    main = made[0].training
    plain = {(c.distribution, c.method, c.seed) for c in made if not c.options and c.training == main}
    assert plain == set(itertools.product(LEVELS, {OURS, *TRAINED, *UNTRAINED}, range(5)))
    assert {c.data for c in made} == {"fpb"}
    assert {dict(c.options).get("beta") for c in made if c.method == OURS} > {"0.2", "1"}
    assert len({c.training for c in made}) == 3  # two wordings more
    assert len({c.name for c in made}) == len(made)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "gemma-2-9b"])
def test_the_papers_table(name: str) -> None:
    made = grid(name, seeds=1)
    assert {c.data for c in made} == PAPER
    assert {c.distribution for c in made} == LEVELS
    assert {(c.data, c.distribution) for c in made if c.method == OURS and not c.options} == set(
        itertools.product(PAPER, LEVELS)
    )
    assert not {c.data for c in made if c.method in ("confident-learning", "noise-al")} & {"mmlu", "arc", "drop"}
    assert all("8B" in c.model or "9b" in c.model for c in made)


def test_small_presets_need_no_file() -> None:
    assert {c.data for c in grid("tiny")} == {"words"}
    assert {c.data for c in grid("bundled")} == {"words", "grades"}
    assert {(c.model, c.distribution) for c in grid("cpu-lm")} == {("embedded", "noisy50")}


def test_the_help_names_every_preset() -> None:
    assert all(name in str(inspect.signature(robustft).parameters["preset"]) for name in ROBUSTFT)


def test_a_standard_error_by_hand() -> None:
    assert spread([0.7, 0.8, 0.9]) == {"mean": pytest.approx(0.8), "error": pytest.approx(0.1 / np.sqrt(3))}
    assert spread([0.7])["error"] is None


def test_paired_differences_of_accuracy_have_the_error_of_their_mean() -> None:
    """One split, independent items: the interval is that of the mean of per-item differences."""
    rng = np.random.default_rng(0)
    first, second = rng.random(2000) < 0.8, rng.random(2000) < 0.7
    cell = Cell("fpb", HEAD, OURS, "noisy30")
    found = difference({0: told(cell, first)}, {0: told(cell, second)})["accuracy"]
    values = first.astype(float) - second
    error = 1.96 * values.std() / np.sqrt(2000)
    assert found["difference"] == pytest.approx(values.mean())
    assert found["low"] == pytest.approx(values.mean() - error, abs=0.1 * error)
    assert found["high"] == pytest.approx(values.mean() + error, abs=0.1 * error)


def test_the_same_items_in_every_split_count_once() -> None:
    """Five splits with the same items and answers are no more evidence than one."""
    rng = np.random.default_rng(1)
    first, second = rng.random(500) < 0.8, rng.random(500) < 0.7
    cell = Cell("fpb", HEAD, OURS, "noisy30")
    once, often = (
        difference({s: told(cell, first) for s in range(n)}, {s: told(cell, second) for s in range(n)})["accuracy"]
        for n in (1, 5)
    )
    assert often["difference"] == pytest.approx(once["difference"])
    assert often["high"] - often["low"] == pytest.approx(once["high"] - once["low"], rel=0.08)


def test_splits_that_differ_widen_the_interval() -> None:
    """Ours wins everything on one split and nothing on the other: either may be drawn alone."""
    cell, all_right, none = Cell("fpb", HEAD, OURS, "noisy30"), np.ones(200, bool), np.zeros(200, bool)
    found = difference({0: told(cell, all_right), 1: told(cell, none)}, {s: told(cell, none) for s in (0, 1)})
    assert found["accuracy"] == {"difference": 0.5, "low": 0.0, "high": 1.0}


def found_cells() -> dict[Cell, Outcome]:
    """Two methods, two levels, two splits: ours three of four right, noisy half; one of 100 gold answers differs."""
    rows = {}
    for level, method, seed in itertools.product(("noisy0", "noisy50"), (OURS, "noisy"), (0, 1)):
        cell = Cell("fpb", HEAD, method, level, seed=seed, training=(("template", "{prompt}"), ("described", "a|b")))
        right = np.arange(100) % 4 < 3 if method == OURS else np.arange(100) % 2 < 1
        rows[cell] = told(cell, right)
    return rows


def test_numbers_of_a_grid() -> None:
    row = summary(found_cells())["conditions"][1]
    assert (row["place"], row["noise"]) == ("minilm-head fpb, asked by “a|b”", 0.5)
    ours = row["variants"][OURS]
    assert ours["accuracy"] == {"mean": pytest.approx(0.75), "error": pytest.approx(0)}
    assert (ours["noise_precision"], ours["noise_recall"], ours["splits"]) == (0.5, None, 2)
    assert ours["experts"] == [{"expert": "given", "reliability": pytest.approx(0.6), "accuracy": pytest.approx(0.55)}]
    assert [(d["second"], d["accuracy"]["difference"]) for d in row["differences"]] == [("noisy", pytest.approx(0.25))]


def test_the_page_says_it(tmp_path: Path) -> None:
    changed = Cell("fpb", HEAD, OURS, "noisy50", options=(("k", "1"),), training=next(iter(found_cells())).training)
    results = write_report(tmp_path, "stub", found_cells() | {changed: told(changed, np.ones(100, bool))})
    page = (tmp_path / "results.md").read_text()
    assert "| method | 0% | 50% |" in page
    assert "| robustft | 75.0 ± 0.0 | 75.0 ± 0.0 |" in page
    assert "| noisy | 50.0 / - | 50.0 / - |" in page
    assert "| 50% | noisy | +25.0 (" in page
    assert "| 50% | given | 60.0 | 55.0 |" in page
    ET.parse(tmp_path / "charts" / "noise-1.svg")
    assert "| robustft | 75.0, 42.9 | 75.0, 42.9 |\n| robustft (k=1) | - | 100.0, 100.0 |" in page
    assert page.count("k=1") == 1
    assert results["cells"] == 9
