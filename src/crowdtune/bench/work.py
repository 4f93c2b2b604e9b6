"""Run one cell, whatever its model: draw the crowd, judge it, train, test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from crowdtune.annotations import Annotations, Items
from crowdtune.bench.data import Paths, load_split
from crowdtune.bench.distribution import run_people
from crowdtune.bench.given import details, load_given
from crowdtune.bench.grid import HEAD, PEOPLE, Cell, Outcome
from crowdtune.bench.head import run_head
from crowdtune.bench.language import run_language_model
from crowdtune.bench.outcome import outcome
from crowdtune.simulate import reliability, simulate


def work(cell: Cell, aside: Path, paths: Paths) -> Outcome:
    """Run a cell.

    Args:
        cell: which.
        aside: folder for what is worth keeping besides the outcome.
        paths: name -> local file of a data set.
    """
    if cell.distribution == PEOPLE:
        return run_people(cell, aside, paths)
    annotations, test = _crowd(cell, paths) if cell.given is None else load_given(cell, paths)
    if cell.model == HEAD:
        trained = run_head(cell, annotations, test)
    else:
        trained = run_language_model(cell, annotations, test, aside)
    found = outcome(annotations, test, trained)
    return found if cell.given is None else replace(found, details=details(annotations, test, trained))


def _crowd(cell: Cell, paths: Paths) -> tuple[Annotations, Items]:
    """A simulated crowd on the items to train on, and the items to test on."""
    train, test = load_split(cell, paths)
    planted = reliability(cell.distribution)
    rng = np.random.default_rng(cell.seed)
    return simulate(train, planted, noise=cell.noise, overlap=cell.overlap, rng=rng), test
