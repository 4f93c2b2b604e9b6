"""Items with what people said of each, in three parts: to train on, to choose by, to test on.

A seed is a split by item, 60 : 20 : 20, unless the data have parts of these three names themselves; and an order of
batches. Where a cell asks for fewer items than there are, all seeds share the same ones.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdtune.aggregate import label_distribution
from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.bench.data import MADE, Paths
from crowdtune.bench.grid import Cell
from crowdtune.errors import InputError
from crowdtune.read import read

DRAWN = 0  # seed of which items are used, the same for all seeds of a grid
TRAINED, CHOSEN_BY = 0.6, 0.2  # shares of the items
FEWEST = 10  # items of a part
PARTS = (("train", "training"), ("validation", "dev", "val"), ("test",))  # names of the data's own parts


@dataclass(frozen=True, eq=False)
class People:
    """What people said of three sets of items.

    Args:
        train: to train on.
        validation: to choose a step and a temperature by.
        test: to measure on, and nothing else.
        held: items of both of these, validation first.
        prompts: of all items the seeds of a grid share, in an order of their own.
    """

    train: Annotations
    validation: Annotations
    test: Annotations
    held: Items
    prompts: tuple[str, ...]

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """(V, K) and (T, K) label distributions of the validation and the test items, every label counted alike."""
        return label_distribution(self.validation), label_distribution(self.test)


def load_people(cell: Cell, paths: Paths) -> People:
    """The three parts of a cell's data.

    Args:
        cell: its data, seed, trained and held_out decide; as many are held out to choose by as to test on.
        paths: name -> local file of a data set.
    """
    return _parts(cell.data, cell.seed, cell.trained + 2 * cell.held_out, paths.get(cell.data))


@functools.lru_cache(maxsize=4)
def _parts(data: str, seed: int, count: int, path: Path | None) -> People:
    """The same every time, so that what is made of them can be kept."""
    annotations = _used(data, count, path)
    parts = _split(annotations, np.random.default_rng(seed))
    if min(map(len, parts)) < FEWEST:
        raise InputError(
            f"data set '{data}' has {', '.join(str(len(part)) for part in parts)} labelled items to train on, choose "
            f"by and test on; each part needs {FEWEST}."
        )
    train, validation, test = (annotations.take_items(index) for index in parts)
    held = annotations.items.take(np.concatenate(parts[1:]))
    return People(train, validation, test, held, tuple(annotations.items.prompts))


@functools.lru_cache(maxsize=4)
def _used(data: str, count: int, path: Path | None) -> Annotations:
    """`count` labelled items of a data set, the same every time; 0 = all."""
    rng = np.random.default_rng(DRAWN)
    if path is None and data in MADE:
        make, there = MADE[data]
        return make(count or there, rng)
    if path is None:
        raise InputError(f"data set '{data}' is not bundled. Name its file: --data {data}=FILE.")
    annotations = read(path)[0]
    index = np.flatnonzero(annotations.answered)
    if not annotations.items.common_choices:
        raise InputError(f"{path}: the items have different choices, and distributions are compared choice by choice.")
    if not len(index):
        raise InputError(f"{path} tells of no item what people said: no labels, no counts, no distributions.")
    if count > len(index):
        raise InputError(f"{path} has {len(index)} labelled items, {count} were asked for.")
    return annotations.take_items(np.sort(rng.permutation(index)[: count or len(index)]))


def _split(annotations: Annotations, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Places of the three parts: the data's own where it has all three, else drawn."""
    names = np.array(annotations.items.splits)
    own = [np.flatnonzero(np.isin(names, known)) for known in PARTS]
    if all(map(len, own)):
        return own[0], own[1], own[2]
    order = rng.permutation(len(names))
    first, second = round(TRAINED * len(order)), round((TRAINED + CHOSEN_BY) * len(order))
    return order[:first], order[first:second], order[second:]
