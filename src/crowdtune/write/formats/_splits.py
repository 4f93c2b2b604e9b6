"""Items by split, under names every tool can use for a file."""

from __future__ import annotations

import re

import numpy as np

from crowdtune.annotations import Ints, Items
from crowdtune.errors import InputError

UNNAMED = "train"  # items whose source names no split


def by_split(items: Items, index: Ints) -> dict[str, Ints]:
    """Split -> those of `index` in it, in their order; names are letters, digits and underscores, "" is train.

    Example: splits "dev set" and "" become dev_set and train.
    """
    safe: dict[str, str] = {}
    for name in dict.fromkeys(items.splits):
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name) if name else UNNAMED
        twin = next((other for other, known in safe.items() if known == plain and {other, name} != {"", UNNAMED}), None)
        if twin is not None:
            raise InputError(f"splits '{twin}' and '{name}' would both be written as {plain}. Rename one of them.")
        safe[name] = plain
    names = np.array([safe[name] for name in items.splits], dtype=object)[index]
    return {str(name): index[names == name] for name in dict.fromkeys(names)}
