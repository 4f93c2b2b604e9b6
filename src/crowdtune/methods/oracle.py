"""Oracle: train on gold. What could be reached if the truth were known; a bound, not a method for real crowds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor, Plan, on_targets
from crowdtune.methods._responses import imitate


@dataclass(frozen=True)
class Oracle:
    """Cross-entropy with the gold answer of every item that has one."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """One-hot gold targets."""
        items = annotations.items
        if not (items.gold >= 0).any():
            raise InputError("method oracle trains on gold answers, and no item has one. Add a gold column.")
        targets = np.eye(items.max_choices)[np.maximum(items.gold, 0)]
        if anchor.contrast is not None:
            return imitate(annotations, targets * (items.gold >= 0)[:, None], "fine-tuned on gold responses")
        return on_targets(annotations, targets, (items.gold >= 0).astype(float), "trained on gold answers")
