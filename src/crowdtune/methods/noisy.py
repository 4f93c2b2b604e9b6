"""Noisy: train on every label as if it were true, whoever gave it. What most pipelines do.

Where two texts are compared this is DPO, and with `smoothing` its conservative form (cDPO).

References:
    Rafailov et al.: Direct preference optimization, 2023, https://arxiv.org/abs/2305.18290
    Mitchell: A note on DPO with noisy preferences and relationship to IPO, 2023, for cDPO.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate import shares_of
from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor, Plan, on_targets
from crowdtune.methods._responses import imitate


@dataclass(frozen=True)
class Noisy:
    """Cross-entropy with each label: an item's vote shares, weighted by how many labels it has."""

    smoothing: float = 0.0  # share of every label that goes to the other choices alike, as if so many were wrong

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise InputError(f"smoothing={self.smoothing} must be a share from 0 to below 1.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Vote shares weighted by label counts, which sums to cross-entropy over labels."""
        items, votes = annotations.items, annotations.all_votes
        shares = shares_of(votes, items.choice_mask)
        if anchor.contrast is not None:
            if self.smoothing:
                raise InputError(f"smoothing={self.smoothing} is of choices; free responses have none. Leave it out.")
            return imitate(annotations, annotations.votes.astype(float), "fine-tuned on every response as it came")
        others = np.where(items.choice_mask, (1 - shares) / np.maximum(items.n_choices - 1, 1)[:, None], 0.0)
        targets = (1 - self.smoothing) * shares + self.smoothing * others
        story = "trained on every label as it came" + (f", smoothed by {self.smoothing:g}" if self.smoothing else "")
        return on_targets(annotations, targets, votes.sum(axis=1).astype(float), story)
