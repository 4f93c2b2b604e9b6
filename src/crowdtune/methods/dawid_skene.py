"""Dawid-Skene: infer truths from the labels alone, then train on that posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crowdtune.aggregate.dawid_skene import DawidSkene as Aggregator
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Conclusion, Plan, on_targets


@dataclass(frozen=True)
class DawidSkene:
    """Cross-entropy with the posterior of Dawid-Skene."""

    prior: float = 2.0  # pseudo-labels on the diagonal of every confusion matrix

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Dawid-Skene targets; they are also what it believes of the items."""
        posterior = Aggregator(self.prior).fit(annotations).posterior
        weights = (annotations.labels_per_item > 0).astype(float)
        plan = on_targets(annotations, posterior, weights, "trained on the posterior of Dawid-Skene")
        return replace(plan, conclude=lambda log_p: Conclusion(posterior))
