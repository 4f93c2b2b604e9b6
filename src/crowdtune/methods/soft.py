"""Soft: train on the label distribution of each item, every item alike. Keeps disagreement, trusts all equally.

Where the data have a soft label for an item (column `posterior`), that is its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate import shares_of
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class Soft:
    """Cross-entropy with the label distribution."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Soft labels, else vote shares; weight 1 for each item with either."""
        votes = annotations.all_votes
        shares, labelled = shares_of(votes, annotations.items.choice_mask), votes.sum(axis=1) > 0
        if annotations.soft is None:
            return on_targets(annotations, shares, labelled.astype(float), "trained on the share of each label")
        own = annotations.soft.sum(axis=1) > 0
        targets = np.where(own[:, None], annotations.soft, shares)
        story = "trained on soft labels where there are some, else on the share of each label"
        return on_targets(annotations, targets, (labelled | own).astype(float), story)
