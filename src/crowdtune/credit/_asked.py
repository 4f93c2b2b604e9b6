"""What estimators share: which coalitions there are, how many were trained, standard errors of few repeats."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit.game import Remembered

POOLED = 8.0  # repeats that the mean variance of all annotators counts as, beside an annotator's own


def every(players: int) -> Bools:
    """(2^J, J) all coalitions; row c holds the binary digits of c, so that row 0 is the empty one."""
    return np.asarray((np.arange(2**players)[:, None] >> np.arange(players)) & 1, dtype=np.bool_)


def trained(known: Remembered, players: int) -> int:
    """Distinct coalitions asked for but the empty one, which is the base itself."""
    return len(known) - (np.packbits(np.zeros(players, dtype=np.bool_)).tobytes() in known.known)


def over_repeats(values: Floats) -> tuple[Floats, Floats]:
    """(J,) means and (J,) standard errors of values (J, R) that were found R times; NaN where R is 1.

    A variance of few repeats says little, so the mean variance of all J counts as `POOLED` repeats beside it.
    """
    repeats = values.shape[1]
    if repeats < 2:
        return values[:, 0], np.full(len(values), np.nan)
    own = values.var(axis=1, ddof=1)
    variance = (POOLED * own.mean() + (repeats - 1) * own) / (POOLED + repeats - 1)
    return values.mean(axis=1), np.sqrt(variance / repeats)
