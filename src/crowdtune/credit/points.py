"""Points of a round, as Crowd-SFT gives them, and whether two ways of crediting agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit.game import Credit
from crowdtune.errors import InputError


def shared_points(gains: Floats, member: Bools, *, normalised: bool = False) -> Floats:
    """Points of one round: what each group's candidate gained over the base, shared equally in the group.

    Args:
        gains: (G,) gain of each group's candidate; a loss gives no points.
        member: (G, J) who is in which group.
        normalised: whether the round's points are shares of 1; none where no candidate gained.

    Returns:
        (J,) points, 0 for who is in no group.

    Example:
        >>> shared_points(np.array([0.4, -0.1]), np.array([[True, True, False], [False, False, True]]))
        array([0.2, 0.2, 0. ])
    """
    positive = np.maximum(gains, 0.0)
    if normalised and positive.sum() > 0:
        positive = positive / positive.sum()
    return np.asarray((member / np.maximum(member.sum(axis=1, keepdims=True), 1)).T @ positive)


def points_error(gains: Floats, errors: Floats, member: Bools) -> Floats:
    """(J,) standard errors of one round's points, from those of the gains; 0 where a loss gives none.

    Args:
        gains: (G,) gain of each group's candidate.
        errors: (G,) their standard errors.
        member: (G, J) who is in which group.
    """
    return shared_points(np.where(gains > 0, errors, 0.0), member)


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of two credits of the same annotators, with the ends of its interval; NaN where one is flat."""

    value: float
    low: float
    high: float


def agreement(
    credit: Credit | Floats, other: Credit | Floats, rng: np.random.Generator, *, draws: int = 2000, level: float = 0.95
) -> Agreement:
    """Spearman correlation of two credits, with its bootstrap interval over annotators.

    Annotators are drawn, not values from their errors: those errors are in the values already, and to add them once
    more would make any two credits look less alike than they are.

    Args:
        credit: of J annotators.
        other: of the same annotators.
        rng: draws annotators.
        draws: bootstrap samples.
        level: of the interval.
    """
    one, two = (c.values if isinstance(c, Credit) else np.asarray(c, dtype=np.float64) for c in (credit, other))
    if one.shape != two.shape or len(one) < 3:
        raise InputError(
            f"agreement of {len(one)} with {len(two)} values: both must be of the same 3 or more annotators."
        )
    rows = rng.integers(len(one), size=(draws, len(one)))
    found = _spearman(one[rows], two[rows])
    found = found[np.isfinite(found)]
    value = float(_spearman(one[None], two[None])[0])
    if not len(found) or not np.isfinite(value):
        return Agreement(value, float("nan"), float("nan"))
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2]).tolist()
    return Agreement(value, low, high)


def _spearman(one: Floats, other: Floats) -> Floats:
    """(D,) rank correlations of the rows of two (D, J) tables; NaN where one does not vary."""
    from scipy.stats import rankdata  # slow to import, and a command line that only pays needs none

    a, b = (rankdata(table, axis=1) for table in (one, other))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    below = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.asarray(np.where(below > 0, (a * b).sum(axis=1) / np.where(below > 0, below, 1.0), np.nan))
