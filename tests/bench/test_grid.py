"""Cells and their folders. Oracle: names counted, and a digest worked out in another process."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from crowdtune.bench.grid import Cell, Store, keep
from tests.bench.stub import made

CELL = Cell("words", "minilm-head", "realm", trained=10, held_out=100)
OTHER = Cell(
    "grades", "embedded", "joint", "dist2", "systematic", "exclusive", 0.1, 1, (("a", "1"),), (("b", "2"),), 11, 12, "x"
)


def test_every_axis_makes_another_cell() -> None:
    changed = [replace(CELL, **{f.name: getattr(OTHER, f.name)}) for f in fields(Cell)]
    assert len({cell.name for cell in [CELL, *changed]}) == len(fields(Cell)) + 1


def test_a_name_is_the_same_in_another_process_and_a_fit_name_of_a_folder() -> None:
    assert CELL.name == "words-dist1-uniform-shared-realm-0-58f859ae91"
    assert "/" not in replace(CELL, distribution="linspace:0.9:0.1:5", data="a/b").name


def test_what_a_row_compares() -> None:
    assert CELL.variant == "realm"
    chosen = replace(CELL, expertise_learning_rate=0.01, options=(("frozen_steps", "0"),))
    assert chosen.variant == "realm (rate 0.01, frozen_steps=0)"
    assert chosen.method_settings == {"frozen_steps": "0", "expertise_learning_rate": "0.01"}
    assert replace(CELL, distribution="linspace:0.9:0.1:5").annotators == 5


def test_an_outcome_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = made(CELL, right=0.37)
    store.place(CELL).mkdir(parents=True)
    keep(CELL, kept, store.place(CELL))
    found = store.load(CELL)
    assert (found.correct == kept.correct).all()
    assert found.accuracy == 0.37
    assert list(map(tuple, found.curve)) == kept.curve
    assert {k: v for k, v in vars(found).items() if k not in ("correct", "curve")} == {
        k: v for k, v in vars(kept).items() if k not in ("correct", "curve")
    }
