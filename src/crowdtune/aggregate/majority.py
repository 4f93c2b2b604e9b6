"""Majority vote, with ties left open."""

from __future__ import annotations

from dataclasses import dataclass

from crowdtune.aggregate._evidence import Evidence, refuse
from crowdtune.aggregate._fit import Fit, shares_of, winners
from crowdtune.annotations import Annotations


@dataclass(frozen=True)
class Majority:
    """All weight on the choice with the most votes, of named annotators and others; tied choices share it."""

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Posterior with 1 on the winner, 1/2 each on two tied winners, uniform without labels."""
        refuse(known, "majority", why="every vote counts the same")
        mask = annotations.items.choice_mask
        return Fit(winners(shares_of(annotations.all_votes, mask), mask))
