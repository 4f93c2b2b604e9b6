"""Cells whose truth is what people said: train, and read distributions off the training in several ways."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Bools, Floats, Items
from crowdtune.bench.data import Paths
from crowdtune.bench.grid import HEAD, Cell, Outcome
from crowdtune.bench.head import head_path
from crowdtune.bench.language import language_path
from crowdtune.bench.people import People, load_people
from crowdtune.bench.readings import Reading, readings
from crowdtune.metrics.disagreement import most

DIGITS = 6  # of a probability that is kept


def run_people(cell: Cell, aside: Path, paths: Paths) -> Outcome:
    """Run a cell of label distributions.

    Args:
        cell: which.
        aside: folder of the cell.
        paths: name -> local file of a data set.
    """
    people = load_people(cell, paths)
    began = time.monotonic()
    if cell.model == HEAD:
        path = head_path(cell, people.train, people.held, people.prompts)
    else:
        path = language_path(cell, people.train, people.held, aside)
    shares, test = people.shares
    won, at = majority(test, people.test.items), len(shares)
    found = readings(path, shares, majority(shares, people.validation.items))
    return Outcome(
        correct=_right(found["last"].q, won),
        zero_shot=float(_right(path[0][1][at:], won).mean()),
        posterior_accuracy=None,
        chance=float((1 / people.test.items.n_choices).mean()),
        verdict="",
        words="",
        curve=[(step, float(_right(log_p[at:], won).mean())) for step, log_p in path],
        annotators=[],
        seconds=round(time.monotonic() - began, 2),
        details=details(people, test, found),
    )


def details(people: People, shares: Floats, found: Mapping[str, Reading]) -> dict[str, Any]:
    """What is kept of each test item: what people said, and what was predicted."""
    test = people.test
    return {
        "items": list(test.items.ids),
        "choices": list(test.items.common_choices),
        "p": shares.round(DIGITS).tolist(),
        "counts": test.all_votes.tolist(),
        "trained": len(people.train.items),
        "readings": {
            name: {
                "step": r.step,
                "temperature": round(r.temperature, 4),
                "validation": round(r.validation, DIGITS),
                "q": r.q.round(DIGITS).tolist(),
            }
            for name, r in found.items()
        },
    }


def majority(shares: Floats, items: Items) -> Floats:
    """(I, K) 1 on the choice most people gave, shared by tied ones."""
    won = most(shares, items)
    return np.asarray(won / won.sum(axis=1, keepdims=True))


def _right(scores: Floats, won: Floats) -> Bools:
    """(T,) True where the likeliest choice is one that most people gave."""
    return np.asarray(won[np.arange(len(won)), scores.argmax(axis=1)] > 0)
