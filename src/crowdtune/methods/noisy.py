"""Noisy: train on every label as if it were true, whoever gave it. What most pipelines do."""

from __future__ import annotations

from dataclasses import dataclass

from crowdtune.aggregate import vote_shares
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Plan, on_targets
from crowdtune.methods._responses import imitate


@dataclass(frozen=True)
class Noisy:
    """Cross-entropy with each label: an item's vote shares, weighted by how many labels it has."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Vote shares weighted by label counts, which sums to cross-entropy over labels."""
        if anchor.contrast is not None:
            return imitate(annotations, annotations.votes.astype(float), "fine-tuned on every response as it came")
        weights = annotations.labels_per_item.astype(float)
        return on_targets(annotations, vote_shares(annotations), weights, "trained on every label as it came")
