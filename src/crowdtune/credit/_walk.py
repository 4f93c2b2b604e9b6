"""Random orders walked side by side: what each annotator adds to those before them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crowdtune.annotations import Floats, Ints
from crowdtune.credit._asked import trained
from crowdtune.credit.game import Remembered
from crowdtune.errors import InputError

SIDE_BY_SIDE = 16  # pairs of orders walked at a time, so that as many trainings can run at once
IDLE = 1e-9  # share of the weight after which the rest of an order is not walked


def budget_of(trainings: int, players: int) -> int:
    """`trainings`, which must pay for an order and its reverse."""
    least = 2 * players - 1
    if trainings < least:
        raise InputError(
            f"trainings={trainings} must be at least {least}: one order of {players} annotators and its reverse."
        )
    return trainings


def walks(
    known: Remembered,
    players: int,
    rng: np.random.Generator,
    trainings: int,
    *,
    truncate: float = 0.0,
    weights: Floats | None = None,
    enough: Callable[[Floats], bool] = lambda found: False,
) -> Floats:
    """(J, P) what each annotator adds, averaged over an order and its reverse, for P such pairs.

    Args:
        known: worths; what it knows costs nothing.
        players: J.
        rng: draws orders.
        trainings: distinct coalitions at most.
        truncate: share of v(all) - v(nobody): an order twice in a row this near to v(all) is walked no further, and
            what is left is shared equally by the rest of it.
        weights: (J,) of what is added at each place of an order; ones without it.
        enough: whether the pairs so far (J, P) do.
    """
    ends = known(np.array([[False] * players, [True] * players])).mean(axis=1)
    found: list[Floats] = []
    while len(found) < trainings and not (found and enough(np.stack(found, axis=1))):
        pairs = min(SIDE_BY_SIDE, (trainings - trained(known, players)) // max(2 * (players - 1), 1))
        if not pairs:
            break
        orders = rng.permuted(np.tile(np.arange(players), (pairs, 1)), axis=1)
        added = _walk(known, np.concatenate([orders, orders[:, ::-1]]), ends, truncate, weights)
        found += list((added[:pairs] + added[pairs:]) / 2)
    return np.stack(found, axis=1)


def _walk(known: Remembered, orders: Ints, ends: Floats, truncate: float, weights: Floats | None) -> Floats:
    """(P, J) what is added along P orders (P, J)."""
    count, players = orders.shape
    weight = np.ones(players) if weights is None else weights
    last = int(np.flatnonzero(weight > IDLE * weight.sum()).max())
    added, before, row = np.zeros((count, players)), np.full(count, ends[0]), np.arange(count)
    member, near = np.zeros((count, players), dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    for place in range(min(players - 1, last + 1)):
        member[row, orders[row, place]] = True
        worth = known(member[row]).mean(axis=1)
        added[row, orders[row, place]] = weight[place] * (worth - before[row])
        before[row] = worth
        close = np.abs(ends[1] - worth) <= truncate * abs(ends[1] - ends[0])
        flat, near[row] = close & near[row] & (truncate > 0), close
        for r in row[flat]:
            rest = orders[r, place + 1 :]
            added[r, rest] = (ends[1] - before[r]) / len(rest)
        row = row[~flat]
        if not len(row):
            return added
    if last == players - 1:
        added[row, orders[row, -1]] = weight[-1] * (ends[1] - before[row])
    return added
