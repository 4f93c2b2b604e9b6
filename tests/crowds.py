"""Small crowds for tests, and what was said in one, readable without codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from crowdtune import Annotations, Items

# [j, t, l]: truth 1 is often called 0 and truth 0 never 1, so that a transposed matrix shows.
LOPSIDED = np.array(
    [
        [[0.9, 0.0, 0.1], [0.4, 0.6, 0.0], [0.1, 0.0, 0.9]],
        [[0.8, 0.0, 0.2], [0.3, 0.7, 0.0], [0.0, 0.1, 0.9]],
        [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.2, 0.8]],
        [[0.9, 0.0, 0.1], [0.2, 0.8, 0.0], [0.2, 0.0, 0.8]],
        [[0.7, 0.0, 0.3], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]],
        [[0.9, 0.0, 0.1], [0.3, 0.7, 0.0], [0.1, 0.1, 0.8]],
        [[0.8, 0.0, 0.2], [0.3, 0.6, 0.1], [0.0, 0.1, 0.9]],
    ]
)


def make_items(gold: Sequence[int], choices: Sequence[str] = ("no", "yes"), task: Sequence[int] | None = None) -> Items:
    """Items i0, i1, ... with the same choices, in tasks t0, t1, ..."""
    n = len(gold)
    tasks = np.zeros(n, dtype=np.int64) if task is None else np.asarray(task, dtype=np.int64)
    return Items(
        ids=[f"i{i}" for i in range(n)],
        prompts=[f"text {i}" for i in range(n)],
        choice_sets=[tuple(choices)],
        choice_set=np.zeros(n, dtype=np.int64),
        tasks=[f"t{m}" for m in range(int(tasks.max(initial=0)) + 1)],
        task=tasks,
        gold=np.asarray(gold, dtype=np.int64),
        splits=[""] * n,
    )


def with_choices(choice_sets: Sequence[tuple[str, ...]], gold: Sequence[int]) -> Items:
    """Items i0, i1, ... of one task, each with its own choices."""
    n = len(gold)
    none = np.zeros(n, dtype=np.int64)
    ids = [f"i{i}" for i in range(n)]
    return Items(ids, ids, choice_sets, np.arange(n), ["t0"], none, np.asarray(gold, dtype=np.int64), [""] * n)


def crowd(items: Items, triples: Sequence[tuple[int, int, int]], annotators: int | None = None) -> Annotations:
    """Annotations from (item, annotator, label) codes; annotators are a0, a1, ..."""
    item, who, label = np.array(triples, dtype=np.int64).reshape(-1, 3).T
    count = int(who.max(initial=-1)) + 1 if annotators is None else annotators
    return Annotations(items, [f"a{j}" for j in range(count)], item, who, label)


def from_table(table: Sequence[Sequence[int]], gold: Sequence[int] | None = None, k: int = 2) -> Annotations:
    """Annotations from a table with a row per item and a column per annotator; -1 where nothing was said."""
    triples = [(i, j, label) for i, row in enumerate(table) for j, label in enumerate(row) if label >= 0]
    items = make_items([-1] * len(table) if gold is None else gold, [f"c{c}" for c in range(k)])
    return crowd(items, triples, len(table[0]))


def lopsided(n_items: int, rng: np.random.Generator, missing: float = 0.0) -> Annotations:
    """Every annotator of LOPSIDED on items of known truth; a share of the labels may be missing."""
    truth = rng.integers(3, size=n_items)
    chance = LOPSIDED.cumsum(axis=2)[:, truth].transpose(1, 0, 2)  # (I, J, K)
    labels = (rng.random((n_items, len(LOPSIDED), 1)) > chance).sum(axis=2)
    table: npt.NDArray[np.int64] = np.where(rng.random(labels.shape) < missing, -1, labels)
    return from_table(table.tolist(), truth.tolist(), 3)


def said(annotations: Annotations) -> set[tuple[str, str, str | None]]:
    """(item, annotator, choice) of every label, as text."""
    return {
        (annotations.items.ids[i], annotations.annotators[j], annotations.items.text(int(i), int(label)))
        for i, j, label in zip(annotations.item, annotations.annotator, annotations.label, strict=True)
    }


def gold_texts(items: Items) -> dict[str, str | None]:
    """Item -> text of its gold answer."""
    return {name: items.text(i, int(items.gold[i])) for i, name in enumerate(items.ids)}


def put(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
