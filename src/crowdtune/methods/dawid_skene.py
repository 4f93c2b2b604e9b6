"""Dawid-Skene: infer truths from the labels alone, then train on that posterior.

Where items of a task have different choices (texts compared, say) a confusion matrix would only model the position of
answers; there a coin per annotator takes its place: right, or any other choice alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from crowdtune.aggregate.dawid_skene import DawidSkene as Aggregator
from crowdtune.aggregate.one_coin import OneCoin
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Conclusion, Plan, on_targets


@dataclass(frozen=True)
class DawidSkene:
    """Cross-entropy with the posterior of Dawid-Skene."""

    prior: float = 2.0  # pseudo-labels on the diagonal of every confusion matrix; the coins learn theirs

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Dawid-Skene targets; they are also what it believes of the items."""
        shared = bool(annotations.items.shared_choices.all())
        posterior = (Aggregator(self.prior) if shared else OneCoin()).fit(annotations).posterior
        weights = (annotations.labels_per_item > 0).astype(float)
        story = "trained on the posterior of Dawid-Skene" + ("" if shared else " with a coin per annotator")
        plan = on_targets(annotations, posterior, weights, story)
        return replace(plan, conclude=lambda log_p: Conclusion(posterior))
