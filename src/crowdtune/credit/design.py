"""Probes: which coalitions to train, all from one base, so that a regression can tell who did what."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Bools
from crowdtune.errors import InputError


def probes(count: int, players: int, rng: np.random.Generator, *, size: int | None = None) -> Bools:
    """Draw distinct coalitions in which everybody is about equally often, as groups of random partitions.

    Args:
        count: C coalitions.
        players: J annotators.
        rng: draws orders.
        size: annotators of each; half of them without it.

    Returns:
        (C, J) membership.
    """
    size = max(players // 2, 1) if size is None else size
    if not 0 < size <= players:
        raise InputError(f"size={size} of probes must be 1 to {players}, the number of annotators.")
    member = np.zeros((count, players), dtype=np.bool_)
    line = np.concatenate([rng.permutation(players) for _ in range(-(-count * size // players) + 1)])
    for c in range(count):
        member[c, line[c * size : (c + 1) * size]] = True
    return member
