"""Noisy: train on every label as if it were true, whoever gave it. What most pipelines do.

Where two texts are compared this is DPO, and with `smoothing` its conservative form (cDPO).

References:
    Rafailov et al.: Direct preference optimization, 2023, https://arxiv.org/abs/2305.18290
    Mitchell: A note on DPO with noisy preferences and relationship to IPO, 2023, for cDPO.
"""

from __future__ import annotations

from dataclasses import dataclass

from crowdtune.aggregate import shares_of
from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor, Plan, check_smoothing, on_targets, smoothed
from crowdtune.methods._responses import imitate


@dataclass(frozen=True)
class Noisy:
    """Cross-entropy with each label: an item's vote shares, weighted by how many labels it has."""

    smoothing: float = 0.0  # share of every label that goes to the other choices alike, as if so many were wrong

    def __post_init__(self) -> None:
        check_smoothing(self.smoothing)

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Vote shares weighted by label counts, which sums to cross-entropy over labels."""
        votes, mask = annotations.all_votes, annotations.items.choice_mask
        if anchor.contrast is not None:
            if self.smoothing:
                raise InputError(f"smoothing={self.smoothing} is of choices; free responses have none. Leave it out.")
            return imitate(annotations, annotations.votes.astype(float), "fine-tuned on every response as it came")
        targets = smoothed(shares_of(votes, mask), annotations.items, self.smoothing)
        story = "trained on every label as it came" + (f", smoothed by {self.smoothing:g}" if self.smoothing else "")
        return on_targets(annotations, targets, votes.sum(axis=1).astype(float), story)
