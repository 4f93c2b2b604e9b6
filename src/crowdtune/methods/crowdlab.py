"""CROWDLAB: weigh the untrained model against the annotators, then train on their weighted mean.

Differs from the paper: the classifier is the language model before training, centred, and so out of sample without
cross-validation; the paper trains one on the majority vote in folds. What is trained on the posterior is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crowdtune.aggregate import crowdlab
from crowdtune.annotations import Annotations
from crowdtune.methods._plan import Anchor, Conclusion, Plan, on_targets


@dataclass(frozen=True)
class Crowdlab:
    """Cross-entropy with the posterior of CROWDLAB."""

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """CROWDLAB targets; they are also what it believes of the items."""
        ensemble = crowdlab(annotations, np.exp(anchor.log_p))
        weights = (annotations.labels_per_item > 0).astype(float)
        story = "trained on CROWDLAB's weighted mean of the labels and the untrained model's answers"
        return replace(
            on_targets(annotations, ensemble.posterior, weights, story),
            conclude=lambda log_p: Conclusion(
                ensemble.posterior, columns={"weight": ensemble.annotator_weights.round(4).tolist()}
            ),
        )
