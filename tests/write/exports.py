"""A crowd whose labels are known by hand, for the tests of exports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from crowdtune import Annotations
from crowdtune.write.labelled import Labelled
from tests.crowds import crowd, make_items

# i0: yes 2 of 3; i1: a tie; i2: no, by all; i3: nobody
POSTERIOR = np.array([[1 / 3, 2 / 3], [0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
TRIPLES = [(0, 0, 1), (0, 1, 1), (0, 2, 0), (1, 0, 0), (1, 1, 1), (2, 0, 0), (2, 2, 0)]


def annotations(**changes: Any) -> Annotations:
    """The crowd; `changes` are of its items."""
    items = replace(make_items([1, -1, 0, -1]), **{"splits": ["train", "train", "test", ""]} | changes)
    made = crowd(items, TRIPLES)
    seconds = np.array([1.5, np.nan, 2, 3, 4, 5, 6])
    traits = {"kind": ["person", "model", "person"], "town": ["Rome", "", "Oslo"]}
    return replace(made, annotators=["zebra", "yak", "xerus"], seconds=seconds, traits=traits)


def labelled(**changes: Any) -> Labelled:
    """The crowd with the shares of its votes as posterior."""
    return Labelled(annotations(**changes), POSTERIOR, "majority")


def pairs() -> Labelled:
    """Three comparisons of two texts: the first better, the second better, a tie."""
    sets = [(f"one {i}", f"two {i}", "tie") for i in range(3)]
    items = replace(make_items([-1] * 3), choice_sets=sets, choice_set=np.arange(3), kinds=["pair"])
    posterior = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]])
    return Labelled(crowd(items, [(0, 0, 0), (1, 0, 1), (2, 0, 2)]), posterior, "by hand")


def written(labels: Annotations) -> Labelled:
    """Answers in people's own words: one task of kind text."""
    return Labelled(replace(labels, items=replace(labels.items, kinds=["text"])), POSTERIOR, "majority")


def table(path: Any) -> list[dict[str, Any]]:
    """Rows of a Parquet file."""
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
