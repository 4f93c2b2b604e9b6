"""Cells on a head and on a language model. Oracle: limits; gold is best, a lying majority turns noisy round."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crowdtune.bench.data import load_split
from crowdtune.bench.grid import HEAD, Cell
from crowdtune.bench.head import HeadTraining, head_start
from crowdtune.bench.presets import cells
from crowdtune.bench.work import work
from crowdtune.errors import InputError
from tests.tiny import word_items

SMALL = (("epochs", "8"), ("points", "4"))
CELL = Cell("words", HEAD, trained=192, held_out=256, training=SMALL)


def test_an_untrained_head_knows_something_and_leans_to_nothing() -> None:
    train, test = load_split(CELL, {})
    start = head_start(train, test, HeadTraining())
    said = np.exp(start.anchor.log_p)
    assert (said.argmax(axis=1) == train.gold).mean() > 0.7
    assert said.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.03)
    assert start.anchor.hidden.shape == (192, 384)


def test_a_lying_majority_turns_noisy_round_and_not_realm(tmp_path: Path) -> None:
    found = {m: work(replace(CELL, method=m), tmp_path, {}) for m in ("noisy", "realm", "oracle")}
    assert found["noisy"].accuracy < 0.5 < 0.75 < found["realm"].accuracy
    assert found["oracle"].accuracy > found["oracle"].zero_shot > 0.75
    assert found["realm"].annotators[0]["annotator"] == "a1"
    steps = [step for step, _ in found["realm"].curve]
    assert steps == [0, 6, 12, 18, 24]
    assert found["realm"].curve[-1][1] == pytest.approx(found["realm"].accuracy)
    assert found["noisy"].chance == 0.5


def test_the_same_cell_comes_out_the_same_and_another_seed_does_not(tmp_path: Path) -> None:
    cell = replace(CELL, method="realm")
    torch.manual_seed(1)
    first = work(cell, tmp_path, {})
    torch.manual_seed(2)
    assert (work(cell, tmp_path, {}).correct == first.correct).all()
    assert (work(replace(cell, seed=1), tmp_path, {}).correct != first.correct).any()


def test_a_head_needs_choices_all_items_share(tmp_path: Path) -> None:
    rows = [{"id": str(i), "prompt": "x", "choices": [f"a{i}", "b"], "answer": "A"} for i in range(10)]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match="the head needs items that all have the same choices"):
        work(Cell("own", HEAD, "noisy"), tmp_path, {"own": path})


def test_a_wrong_option_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown option 'epoch'\. Did you mean 'epochs'"):
        work(replace(CELL, method="noisy", training=(("epoch", "1"),)), tmp_path, {})


def tiny_file(path: Path) -> Path:
    """40 words to train on and 20 to test on, readable for the tiny models."""
    items = word_items(60)
    rows = [
        {
            "id": name,
            "prompt": prompt,
            "choices": ["yes", "no"],
            "answer": "AB"[gold],
            "split": "train" if i < 40 else "test",
        }
        for i, (name, prompt, gold) in enumerate(zip(items.ids, items.prompts, items.gold, strict=True))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("data", "distribution", "method"), [("one", "dist1", "noisy"), ("one+two+three", "multi1", "realm")]
)
def test_a_language_model_cell_keeps_its_run_and_not_its_model(
    data: str, distribution: str, method: str, tiny: Path, tmp_path: Path
) -> None:
    paths = {name: tiny_file(tmp_path / f"{name}.jsonl") for name in data.split("+")}
    training = (("template", "{prompt} Answer :"), ("epochs", "1"), ("bf16", "false"))
    cell = Cell(data, str(tiny), method, distribution, training=training)
    outcome = work(cell, tmp_path, paths)
    assert outcome.correct.shape == (20 * len(paths),)
    assert len(outcome.annotators) == 3
    assert ("reliability:two" in outcome.annotators[0]) == (len(paths) > 1)
    assert (tmp_path / "run" / "results.json").exists()
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.slow
def test_every_method_of_the_cpu_preset_runs(tmp_path: Path) -> None:
    for cell in {
        c.method: c for c in cells("cpu", {}, seeds=1) if c.data == "grades" and c.overlap == "shared"
    }.values():
        small = replace(cell, trained=120, held_out=100, training=SMALL)
        assert 0 <= work(small, tmp_path, {}).accuracy <= 1
