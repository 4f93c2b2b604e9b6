"""Run one cell, whatever its model: draw the crowd, judge it, train, test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowdtune.bench.data import Paths, load_split
from crowdtune.bench.grid import HEAD, Cell, Outcome
from crowdtune.bench.head import run_head
from crowdtune.bench.language import run_language_model
from crowdtune.simulate import reliability, simulate


def work(cell: Cell, aside: Path, paths: Paths) -> Outcome:
    """Run a cell.

    Args:
        cell: which.
        aside: folder for what is worth keeping besides the outcome.
        paths: name -> local file of a data set.
    """
    train, test = load_split(cell, paths)
    planted = reliability(cell.distribution)
    rng = np.random.default_rng(cell.seed)
    annotations = simulate(train, planted, noise=cell.noise, overlap=cell.overlap, rng=rng)
    if cell.model == HEAD:
        return run_head(cell, annotations, test)
    return run_language_model(cell, annotations, test, aside)
