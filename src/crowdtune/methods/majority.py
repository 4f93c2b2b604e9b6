"""Majority: vote, then train on the winner. Ties stay split between the winners."""

from __future__ import annotations

from dataclasses import dataclass

from crowdtune.aggregate.majority import Majority as MajorityVote
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class Majority:
    """Cross-entropy with the majority vote."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Majority-vote targets."""
        weights = (annotations.all_votes.sum(axis=1) > 0).astype(float)
        targets = MajorityVote().fit(annotations).posterior
        return on_targets(annotations, targets, weights, "trained on the majority vote")
