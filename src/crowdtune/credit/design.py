"""Probes: which coalitions to train, all from one base, so that a regression can tell who did what."""

from __future__ import annotations

from math import comb

import numpy as np

from crowdtune.annotations import Bools, Ints
from crowdtune.errors import InputError

SHARE = 1 / 3  # of the annotators in a probe; benchmarks/attribution.py compares others


def probes(count: int, players: int, rng: np.random.Generator, *, size: int | None = None) -> Bools:
    """Draw distinct coalitions in which all annotators are equally often: groups of random partitions.

    Args:
        count: C coalitions; at most 2^J - 2, all but nobody and everybody.
        players: J annotators, 2 or more.
        rng: draws them.
        size: annotators of each, as in rounds of groups; a third of them without it. Where there are no more coalitions
            of that size, the nearest size that has some.

    Returns:
        (C, J) membership.
    """
    if players < 2 or not 0 < count <= 2**players - 2:
        raise InputError(f"{count} probes of {players} annotators: there are 1 to {2**players - 2} (2^J - 2).")
    if size is not None and not 0 < size < players:
        raise InputError(f"size={size} of probes must be 1 to {players - 1}, fewer than the annotators.")
    aim = max(round(players * SHARE), 1) if size is None else size
    left = {s: comb(players, s) for s in range(1, players)}
    seen: set[bytes] = set()
    times = np.zeros(players, dtype=np.int64)
    member = np.zeros((count, players), dtype=np.bool_)
    for row in member:
        of = min((s for s in left if left[s]), key=lambda s: (abs(s - aim), s))
        row[_group(of, times, seen, rng)] = True
        times += row
        left[of] -= 1
    return member


def _group(size: int, times: Ints, seen: set[bytes], rng: np.random.Generator) -> Ints:
    """(size,) the annotators who were in the fewest probes, by chance where equal; not those of an earlier probe."""
    reach = 1.0
    while True:
        group = np.sort(np.argsort(times + reach * rng.random(len(times)), kind="stable")[:size])
        if (key := group.tobytes()) not in seen:
            seen.add(key)
            return group
        reach *= 1.2
