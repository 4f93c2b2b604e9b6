"""Cells with one given label for each item, a share of them wrong: the data's own noise where it has some, else drawn.

A seed is a split into items to train and to test on, where the data names none, and a draw of the wrong labels. A data
file brings its own noise in columns noisy30, noisy50, ...: then all seeds see the same wrong labels.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Ints, Items
from crowdtune.bench.data import BUNDLED, Paths, load_items, some, split
from crowdtune.bench.grid import Cell
from crowdtune.bench.outcome import Trained
from crowdtune.errors import InputError
from crowdtune.metrics.accuracy import macro_f1
from crowdtune.metrics.noise import detection
from crowdtune.read import read

GIVER = "given"  # the one annotator


def load_given(cell: Cell, paths: Paths) -> tuple[Annotations, Items]:
    """Labelled items to train on and items to test on.

    Args:
        cell: its data, given, seed, trained and held_out decide.
        paths: name -> local file of a data set.
    """
    share = cell.given
    if share is None or "+" in cell.data:
        raise InputError(f"given labels are of one data set, not of '{cell.data}' with '{cell.distribution}'.")
    rng = np.random.default_rng(cell.seed)
    if cell.data in BUNDLED:
        items, own = BUNDLED[cell.data](cell.trained + cell.held_out, rng), None
        index, held_out = np.arange(cell.trained), np.arange(cell.trained, len(items))
    else:
        items, own = _labelled(cell.data, cell.distribution, paths.get(cell.data))
        index, held_out = split(items, rng)
        index, held_out = some(index, cell.trained, rng), some(held_out, cell.held_out, rng)
    train = items.take(index)
    label = wrong(train, share, rng) if own is None else own[index]
    n = len(train)
    return Annotations(train, [GIVER], np.arange(n), np.zeros(n, np.int64), label), items.take(held_out)


def wrong(items: Items, share: float, rng: np.random.Generator) -> Ints:
    """(I,) labels, exactly a `share` of them wrong, each of an item's wrong choices as likely.

    Args:
        items: I items with gold, each with two choices or more.
        share: 0..1.
        rng: draws which and what.
    """
    label = items.gold.copy()
    chosen = rng.permutation(len(items))[: round(share * len(items))]
    label[chosen] = (label[chosen] + 1 + rng.integers(items.n_choices[chosen] - 1)) % items.n_choices[chosen]
    return label


@functools.lru_cache(maxsize=8)
def _labelled(name: str, column: str, path: Path | None) -> tuple[Items, Ints | None]:
    """Items with gold, and (I,) their labels in a column of the file; None where it has no such column."""
    if path is None:
        return load_items(name, {}), None
    items = load_items(name, {name: path})
    if column not in read(path)[1].ignored:
        return plain(items), None
    noisy = read(path, columns={"gold": column})[0].items
    label = dict(zip(noisy.ids, noisy.gold.tolist(), strict=True))
    own = np.array([label[name] for name in items.ids], dtype=np.int64)
    if (own < 0).any():
        missing = items.ids[int(np.flatnonzero(own < 0)[0])]
        raise InputError(f"{path}: item '{missing}' has no label in column {column}. Fill it, or remove the column.")
    return plain(items), own


def plain(items: Items) -> Items:
    """Items without the instruction all prompts begin with, a line of its own; a template asks instead."""
    first = {prompt.partition("\n")[0] for prompt in items.prompts}
    if len(first) > 1 or not all("\n" in prompt for prompt in items.prompts):
        return items
    return replace(items, prompts=[prompt.partition("\n")[2] for prompt in items.prompts])


def details(annotations: Annotations, test: Items, trained: Trained) -> dict[str, Any]:
    """What is told of given labels: macro-F1, how well noise was found, experts, and what intervals need.

    The label of an item is judged noisy where the method says so (`noise_precision` and `noise_recall` among its
    results), else where the likeliest choice of its posterior is another.
    """
    judged = trained.posterior.argmax(axis=1)[annotations.item] != annotations.label
    found = detection(annotations, judged)
    return {
        "macro_f1": macro_f1(trained.answers, test.gold),
        **{name: trained.results.get(name, value) for name, value in found.items()},
        "experts": trained.results.get("experts", _given(trained)),
        "items": list(test.ids),
        "gold": test.gold.tolist(),
        "answers": trained.answers.tolist(),
    }


def _given(trained: Trained) -> list[dict[str, Any]]:
    """Whoever gave the labels, where the method names no experts."""
    return [
        {"expert": row["annotator"], "reliability": row["reliability"], "accuracy": row["accuracy"]}
        for row in trained.annotators
    ]
