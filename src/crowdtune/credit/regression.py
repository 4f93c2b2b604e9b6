"""Credit by regression: the worth of probes, all trained from one base, on who was in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit._asked import trained
from crowdtune.credit.game import Credit, Game, Remembered


def ridge(game: Game, member: Bools, *, strength: float | None = None) -> Credit:
    """Attribution by ridge regression of the worth of probes on membership; `probes` designs them.

    Args:
        game: of J annotators; every coalition starts from one base.
        member: (C, J) probes.
        strength: of the penalty; chosen by leave-one-out without it.
    """
    known = Remembered(game.worth)
    credit = ridge_of(game.players, member, known(member), strength=strength)
    return Credit("ridge", game.players, credit.values, credit.error, trained(known, len(game)))


def ridge_of(players: Sequence[str], member: Bools, worth: Floats, *, strength: float | None = None) -> Credit:
    """`ridge` with worths already at hand.

    Args:
        players: J names.
        member: (C, J) probes.
        worth: (C,) or (C, R) worth of each.
        strength: of the penalty; chosen by leave-one-out without it.
    """
    y = worth if worth.ndim == 1 else worth.mean(axis=1)
    x = member - member.mean(axis=0)
    inverse = np.linalg.inv(x.T @ x + (1.0 if strength is None else strength) * np.eye(len(players)))
    values = inverse @ x.T @ (y - y.mean())
    left = y - y.mean() - x @ values
    error = np.sqrt(np.diag(inverse) * left.var())
    return Credit("ridge", tuple(players), values, error, len(np.unique(member, axis=0)))
