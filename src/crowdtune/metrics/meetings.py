"""Meetings: pairs of labels of one item."""

from __future__ import annotations

from math import isqrt

import numpy as np

from crowdtune.annotations import Annotations, Ints

MOST = 300_000  # meetings that are looked at
WIDEST = isqrt(2 * MOST)  # labels of an item, which have as many


def meetings(annotations: Annotations, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Every pair of labels of an item: the item, both annotators (the lower code first) and what each said.

    Of more than MOST pairs, those of items drawn at random; of an item that alone has more, those of labels drawn.
    """
    if annotations.labels_per_item.max(initial=0) > WIDEST:
        annotations = annotations.thin(WIDEST, rng)
    per_item = annotations.labels_per_item
    order = rng.permutation(len(per_item))
    used = order[: int(np.searchsorted((per_item[order] * (per_item[order] - 1) // 2).cumsum(), MOST)) + 1]
    rows = np.flatnonzero(np.isin(np.arange(len(per_item)), used)[annotations.item] & (per_item[annotations.item] > 1))
    rows = rows[np.lexsort((annotations.annotator[rows], annotations.item[rows]))]
    item, who, label = annotations.item[rows], annotations.annotator[rows], annotations.label[rows]
    left, right = list[Ints](), list[Ints]()
    for step in range(1, int(per_item[used].max(initial=1))):
        here = np.flatnonzero(item[:-step] == item[step:])
        left.append(here)
        right.append(here + step)
    a, b = (np.concatenate(part) if part else np.zeros(0, dtype=np.int64) for part in (left, right))
    return item[a], who[a], who[b], label[a], label[b]
