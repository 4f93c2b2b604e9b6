"""Sampled: whenever an item is seen, train on one of its labels, drawn at random. Soft, for trainers of one label."""

from __future__ import annotations

from dataclasses import dataclass

from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Plan, on_shares
from crowdtune.objectives.sampled import Sampled as Drawn


@dataclass(frozen=True)
class Sampled:
    """Cross-entropy with labels drawn from the label distribution."""

    draws_seed: int = 0  # of the labels drawn

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Label distributions to draw from; weight 1 for each item with labels or a soft label."""
        return on_shares(annotations, Drawn(self.draws_seed), "trained on labels drawn anew whenever an item was seen")
