"""Soft: train on the label distribution of each item, every item alike. Keeps disagreement, trusts all equally."""

from __future__ import annotations

from dataclasses import dataclass

from crowdtune.aggregate import vote_shares
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class Soft:
    """Cross-entropy with the label distribution."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Vote shares, weight 1 for each item with a label."""
        weights = (annotations.labels_per_item > 0).astype(float)
        return on_targets(annotations, vote_shares(annotations), weights, "trained on the share of each label")
