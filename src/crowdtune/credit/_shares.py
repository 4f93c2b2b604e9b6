"""Shares of a budget between a floor and a cap, and their rounding to whole units that sum to the budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crowdtune.annotations import Bools, Floats

NOTHING = 1e-100  # of the largest weight: nobody would be paid a unit for it, and its inverse is still a number


def between(weight: Floats, floor: float, cap: float) -> Floats:
    r"""Share out in proportion to weights, but nobody less than the floor nor more than the cap.

    .. math:: a_j = \min(\max(\lambda w_j, \mathrm{floor}), \mathrm{cap}), \qquad \sum_j a_j = J

    Whoever is held to a bound is taken out and the rest shared anew: always those of the side that is further off, so
    that nobody is taken out too early. What those with a weight cannot take goes to those without, evenly; where
    nobody has a weight, all get 1.

    Args:
        weight: (D, J) >= 0, finite; in each of D draws.
        floor: in even shares, 0 to 1.
        cap: in even shares, 1 or more.

    Returns:
        (D, J) in even shares; rows sum to J, a larger weight never gets less.

    Example:
        >>> between(np.array([[6.0, 2.0, 1.0, 0.0]]), 0.5, 2.0)
        array([[2. , 1. , 0.5, 0.5]])
    """
    players = weight.shape[1]
    largest = weight.max(axis=1, initial=0.0, keepdims=True)
    weight = np.divide(weight, largest, out=np.zeros_like(weight), where=largest > 0)
    weight = np.where(weight > NOTHING, weight, 0.0)
    free, taken = weight > 0, np.where(weight > 0, 0.0, floor)
    scale = np.zeros((len(weight), 1))
    while free.any():
        rest = players - taken.sum(axis=1, keepdims=True)
        total = np.where(free, weight, 0.0).sum(axis=1, keepdims=True)
        scale = np.divide(rest, total, out=scale, where=free.any(axis=1, keepdims=True))
        share = np.clip(scale * weight, floor, cap)
        off = np.where(free, share - scale * weight, 0.0)
        excess = off.sum(axis=1, keepdims=True)
        end = free & np.where(np.abs(excess) < 1e-12, True, np.where(excess > 0, off > 0, off < 0))
        taken, free = np.where(end, share, taken), free & ~end
    return _left_over(np.where(weight > 0, np.clip(scale * weight, floor, cap), floor), weight > 0)


def _left_over(share: Floats, weighty: Bools) -> Floats:
    """What those with a weight could not take, to those without."""
    rest = share.shape[1] - share.sum(axis=1, keepdims=True)
    without = (~weighty).sum(axis=1, keepdims=True)
    more = np.divide(rest, without, out=np.zeros_like(rest), where=(without > 0) & (rest > 1e-9))
    return np.asarray(share + np.where(weighty, 0.0, more))


def whole_units(share: Floats, units: int, order: Sequence[tuple[float, str]]) -> list[int]:
    """Round shares to whole units that sum to what there is: those with the largest remainders are rounded up.

    Args:
        share: (J,) >= 0.
        units: how many there are in all.
        order: (J,) value and name of each: of equal remainders the higher value is first, then the name.

    Example:
        >>> whole_units(np.array([1.0, 1.0, 1.0]), 100, [(0.0, "ann"), (0.0, "bob"), (0.0, "cleo")])
        [34, 33, 33]
    """
    exact = share * (units / share.sum()) if len(share) else share
    down = np.floor(exact)
    found = [int(unit) for unit in down]
    by_remainder = sorted(range(len(found)), key=lambda j: (down[j] - exact[j], -order[j][0], order[j][1]))
    each, more = divmod(units - sum(found), max(len(found), 1))
    for place, j in enumerate(by_remainder):
        found[j] += each + (place < more)
    return found
