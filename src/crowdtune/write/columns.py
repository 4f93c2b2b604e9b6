"""Annotations as columns of Arrow: made from codes and vocabularies at once, not label by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from crowdtune.annotations import Ints, Items
from crowdtune.ragged import Texts


def texts(vocabulary: Sequence[str], codes: Ints) -> Any:
    """Text of each code, null where it is -1; texts that are mapped stay so, as all have one."""
    if isinstance(vocabulary, Texts):
        return vocabulary.take(codes)
    import pyarrow as pa

    return pa.array(vocabulary, pa.string()).take(pa.array(codes, mask=codes < 0))


def coded(items: Items) -> bool:
    """True where an item has the same text twice, so that a label must be written as its code."""
    return any(len(set(choices)) < len(choices) for choices in items.choice_sets)


def answers(items: Items, item: Ints, codes: Ints) -> Any:
    """Text of answer `codes` of `item`, or the code as text where the data is `coded`; null where it is -1."""
    if coded(items):
        return texts([str(code) for code in range(items.max_choices)], codes)
    every = [choice for choices in items.choice_sets for choice in choices]
    starts = np.cumsum([0, *map(len, items.choice_sets)])
    return texts(every, np.where(codes < 0, -1, starts[items.choice_set[item]] + codes))


def choices(items: Items, *, at_least: int = 1) -> Any:
    """List of choices of each item, null where there are fewer than `at_least`."""
    import pyarrow as pa

    lists = [list(c) if len(c) >= at_least else None for c in items.choice_sets]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(items.choice_set))
