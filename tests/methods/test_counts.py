"""Methods on labels nobody is named for. Oracle: the same labels by named annotators, all or some of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods import train
from crowdtune.methods._plan import Anchor
from crowdtune.methods._train import TRUSTING, options
from crowdtune.runs import Run
from crowdtune.simulate import reliability, simulate
from tests.crowds import lopsided
from tests.tiny import word_items

TINY = {"template": "{prompt} Answer :", "style": "words", "epochs": "8", "learning_rate": "3e-3", "bf16": "false"}


def unnamed(annotations: Annotations, rows: int = 0) -> Annotations:
    """The same labels, all but the first `rows` as counts."""
    kept, rest = (annotations.take_labels(part) for part in np.split(np.arange(len(annotations)), [rows]))
    return replace(kept, counts=rest.votes)


@pytest.mark.parametrize("method", TRUSTING)
@pytest.mark.parametrize("rows", [0, 57])
def test_targets_and_weights_are_those_of_named_labels(method: str, rows: int) -> None:
    named = lopsided(40, np.random.default_rng(0), missing=0.5)
    anchor = Anchor(np.zeros((40, 3)), np.zeros((40, 0), np.float32))
    plans = [options(method, {})[0].plan(crowd, anchor) for crowd in (named, unnamed(named, rows))]
    np.testing.assert_array_equal(plans[0].examples.targets, plans[1].examples.targets)
    np.testing.assert_array_equal(plans[0].examples.weights, plans[1].examples.weights)


def test_a_run_on_counts_alone(tiny_llama: Path, tmp_path: Path) -> None:
    named = simulate(word_items(80), reliability("0.9,0.9,0.9"), rng=np.random.default_rng(0))
    run = train(unnamed(named), "soft", TINY | {"lm": str(tiny_llama)}, out=tmp_path / "run", test=word_items(40))
    assert run.results["test"]["accuracy"] > 0.9
    assert run.results["verdict"]["status"] == "not sought"
    assert (run.results["warnings"], Run(run.folder).annotators) == ([], [])


@pytest.mark.parametrize("method", ["joint", "realm", "dawid-skene", "crowd-layer"])
def test_who_asks_whom_to_trust_refuses_them(method: str, tmp_path: Path) -> None:
    made = unnamed(lopsided(10, np.random.default_rng(0)))
    with pytest.raises(InputError, match=r"needs to know who gave which label, and no annotator is named. Use soft, "):
        train(made, method, {}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
