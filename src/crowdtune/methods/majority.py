"""Majority: vote, then train on the winner. Ties stay split between the winners.

References:
    Szegedy et al.: Rethinking the inception architecture for computer vision, 2016, https://arxiv.org/abs/1512.00567,
    for label smoothing, there over all choices; of K choices, s there is s (K - 1) / K here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate import label_distribution, winners
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Plan, check_smoothing, on_targets, smoothed


@dataclass(frozen=True)
class Majority:
    """Cross-entropy with the majority vote."""

    smoothing: float = 0.0  # share of every winner that goes to the other choices alike (label smoothing)

    def __post_init__(self) -> None:
        check_smoothing(self.smoothing)

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Majority-vote targets, unnamed labels counted; where there are none, the best choice of a soft label."""
        best = winners(label_distribution(annotations), annotations.items.choice_mask)
        targets = smoothed(best, annotations.items, self.smoothing)
        story = "trained on the majority vote" + (f", smoothed by {self.smoothing:g}" if self.smoothing else "")
        return on_targets(annotations, targets, annotations.answered.astype(np.float64), story)
