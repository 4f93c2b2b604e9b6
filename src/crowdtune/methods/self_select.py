"""Self-select: train on the labels that the untrained model finds right.

Differs from the paper, which asks the model in words whether a label is noisy and keeps what it answers no to: here a
label is kept where the model's own probability of it is at least `least`. That takes no question a small model cannot
answer, and no more than the table of answers there is already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods._given import require_knowledge, telling
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class SelfSelect:
    """Cross-entropy with each kept label.

    References:
        Luo et al., RobustFT, 2024, https://arxiv.org/abs/2412.14922, which has it as a baseline.
    """

    least: float | None = None  # probability of a label that is kept; None = chance, 1 / K

    def __post_init__(self) -> None:
        if self.least is not None and not 0 <= self.least <= 1:
            raise InputError(f"least={self.least} must be a probability from 0 to 1.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Shares of the kept labels, weighted by how many they are."""
        require_knowledge(annotations, anchor, "self-select")
        items, rows = annotations.items, (annotations.item, annotations.label)
        bar = 1 / items.n_choices[annotations.item] if self.least is None else self.least
        kept = np.exp(anchor.log_p)[rows] >= bar
        if not kept.any():
            least = "chance" if self.least is None else f"least={self.least}"
            raise InputError(f"the untrained model finds no label as likely as {least}. Lower least.")
        votes = annotations.take_labels(np.flatnonzero(kept)).votes.astype(float)
        count = votes.sum(axis=1)
        targets = votes / np.maximum(count, 1)[:, None]
        story = "trained on the labels that the untrained model finds right"
        return telling(on_targets(annotations, targets, count, story), annotations, kept)
