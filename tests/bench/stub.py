"""A grid whose cells take a moment and say that they ran; run as a program, it can be killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from crowdtune.bench.grid import HEAD, Cell, Outcome, Store
from crowdtune.bench.run import run_cells

CELLS = [Cell("words", HEAD, "noisy", seed=seed) for seed in range(12)]
RAN = "ran.txt"  # beside the grid's folder: a line for each time a cell was run to its end


def made(cell: Cell, *, right: float = 0.5, **changes: object) -> Outcome:
    """An outcome with a given share of 100 held-out items right, chosen by the cell's seed."""
    order = np.random.default_rng(cell.seed).permutation(100)
    told = {
        "correct": order < round(100 * right),
        "zero_shot": 0.6,
        "posterior_accuracy": 0.7,
        "chance": 0.5,
        "verdict": "resolved",
        "words": "",
        "curve": [(0, 0.6), (10, right)],
        "annotators": [{"annotator": "a1", "labels": 3}],
        "seconds": 0.0,
    }
    return Outcome(**(told | changes))  # type: ignore[arg-type]


def quick(cell: Cell, aside: Path) -> Outcome:
    """A cell that is done at once; seed 3 of another data set fails."""
    if cell.data == "broken" and cell.seed == 3:
        raise ValueError("no such luck")
    return made(cell, right=cell.seed / 20)


def slow(cell: Cell, aside: Path) -> Outcome:
    (aside / "half").write_text("half a cell")
    time.sleep(0.15)
    (aside / "half").unlink()
    with (aside.parents[2] / RAN).open("a") as file:
        file.write(f"{cell.name}\n")
    return made(cell, right=cell.seed / 20)


if __name__ == "__main__":
    folder, engine = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "processes"
    run_cells(CELLS, Store(folder), slow, jobs=2, say=lambda line: print(line, flush=True), engine=engine)
