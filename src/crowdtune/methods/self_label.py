"""Self-label: train on the untrained model's own best answers. No label is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.methods._given import require_knowledge, telling
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class SelfLabel:
    """Cross-entropy with the untrained model's likeliest answer to each item.

    References:
        Luo et al., RobustFT, 2024, https://arxiv.org/abs/2412.14922, which has it as a baseline.
    """

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """One-hot targets of the anchor, also for items without labels."""
        require_knowledge(annotations, anchor, "self-label")
        answers = anchor.log_p.argmax(axis=1)
        plan = on_targets(
            annotations,
            np.eye(annotations.items.max_choices)[answers],
            np.ones(len(annotations.items)),
            "trained on the untrained model's own answers; the labels were not used",
        )
        return telling(plan, annotations, answers[annotations.item] == annotations.label)
