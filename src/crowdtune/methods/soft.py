"""Soft: train on the label distribution of each item, every item alike. Keeps disagreement, trusts all equally.

Where the data have a soft label for an item (column `posterior`), that is its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate import label_distribution
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class Soft:
    """Cross-entropy with the label distribution."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Soft labels, else label distributions; weight 1 for each item with either."""
        weights, shares = annotations.answered.astype(np.float64), label_distribution(annotations)
        if annotations.soft is None:
            return on_targets(annotations, shares, weights, "trained on the share of each label")
        own = annotations.soft.sum(axis=1) > 0
        targets = np.where(own[:, None], annotations.soft, shares)
        story = "trained on soft labels where there are some, else on the share of each label"
        return on_targets(annotations, targets, weights, story)
