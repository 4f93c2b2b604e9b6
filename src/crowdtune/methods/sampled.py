"""Sampled: whenever an item is seen, train on one of its labels, drawn at random. Soft, for trainers of one label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate import label_distribution
from crowdtune.annotations import Annotations
from crowdtune.examples import from_targets
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.objectives.sampled import Sampled as Drawn


@dataclass(frozen=True)
class Sampled:
    """Cross-entropy with labels drawn from the label distribution."""

    draws_seed: int = 0  # of the labels drawn

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Label distributions to draw from; weight 1 for each item with labels or a soft label."""
        shares, weights = label_distribution(annotations), annotations.answered.astype(np.float64)
        examples = from_targets(annotations.items, shares, weights)
        return Plan(examples, Drawn(self.draws_seed), "trained on labels drawn anew whenever an item was seen")
