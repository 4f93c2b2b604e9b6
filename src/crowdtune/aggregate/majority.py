"""Majority vote, with ties left open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate._fit import Fit, vote_shares
from crowdtune.annotations import Annotations


@dataclass(frozen=True)
class Majority:
    """All weight on the choice with the most votes; tied choices share it."""

    def fit(self, annotations: Annotations) -> Fit:
        """Posterior with 1 on the winner, 1/2 each on two tied winners, uniform without labels."""
        shares = vote_shares(annotations)
        if shares.size == 0:
            return Fit(shares)
        winners = np.isclose(shares, shares.max(axis=1, keepdims=True)) & annotations.items.choice_mask
        return Fit(winners / winners.sum(axis=1, keepdims=True))
