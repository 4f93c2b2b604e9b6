"""Shapley values by random orders in which annotators join."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.credit._asked import over_repeats, trained
from crowdtune.credit._walk import budget_of, walks
from crowdtune.credit.game import Credit, Game, Remembered
from crowdtune.errors import InputError

FEWEST = 4  # pairs of orders before a standard error may end the walk


def permutations(
    game: Game, rng: np.random.Generator, *, trainings: int, truncate: float = 0.0, error: float = 0.0
) -> Credit:
    r"""Shapley values by permutation Monte Carlo, truncated where asked.

    .. math:: \phi_j = E_\pi [ v(\{before\ j\} \cup j) - v(\{before\ j\}) ]

    Orders come in pairs, one the reverse of the other, and are walked side by side. Where `trainings` pay for all
    coalitions of at most 12 annotators, use `exact`.

    Args:
        game: of J annotators.
        rng: draws orders.
        trainings: distinct coalitions at most; 2 J - 1 at least.
        truncate: share of v(all) - v(nobody); an order twice in a row this near to v(all) is walked no further, and
            its rest shares equally what is left. 0 walks all: with noise, or where some do harm, worth near v(all)
            need not stay there.
        error: stops once no standard error is above it, in units of worth; 0 spends all `trainings`.

    Returns:
        Values that sum to v(all) - v(nobody), with standard errors over pairs of orders; NaN with a single pair.
        They say by how much orders differ. A coalition is measured once, however many orders pass it: where few
        annotators make most do, they are too small, and `exact` is no dearer.

    References:
        Ghorbani and Zou, Data Shapley, 2019, https://arxiv.org/abs/1904.02868
    """
    if not 0 <= truncate < 1 or error < 0:
        raise InputError(f"truncate={truncate} must be in [0, 1) and error={error} not below 0.")
    players, known = len(game), Remembered(game.worth)

    def enough(found: Floats) -> bool:
        return found.shape[1] >= FEWEST and bool(over_repeats(found)[1].max() <= error)

    found = walks(known, players, rng, budget_of(trainings, players), truncate=truncate, enough=enough)
    return Credit("permutations", game.players, *over_repeats(found), trained(known, players))
