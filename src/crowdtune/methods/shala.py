r"""SHALA: the model's distribution over the choices learns the distribution people gave, most where they disagree.

Here it is read off the logits of the choices, so what the paper's rollouts estimate is computed (`objectives`).

| paper | here |
|---|---|
| p(x), shares of annotators | label distribution, of answers and not of guesses (`aggregate.answering`) |
| reward 1 - JS distance of a distribution the model writes | minus the distance of the one read off its logits |
| lambda, weight of ambiguity | `ambiguity_weight`, on the loss |
| "dynamic" | weight also follows the gap that is left |

Differs from the paper: its text is not public, so formulas are a reconstruction; a weight on the reward would cancel
where rewards are standardised in each group, so it is on the loss; and annotators need not be trusted alike.

References:
    Wu et al.: SHALA-LLM, 2026, https://arxiv.org/abs/2606.05376
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from crowdtune.aggregate import Answering, answering, label_distribution
from crowdtune.annotations import Annotations, Floats
from crowdtune.errors import InputError, unknown_name
from crowdtune.examples import from_targets
from crowdtune.methods._plan import Anchor, Conclusion, Plan, answered, rounded
from crowdtune.metrics.distances import ambiguity
from crowdtune.objectives.distribution import LOSSES, Distribution

FEW, SMOOTHING = 5, 0.25  # labels an item has on average, up to which so many are added to each choice
DOWN = 0.5  # expertise below which an annotator is told of as weighted down


@dataclass(frozen=True)
class Shala:
    """Options of the shala method."""

    loss: str = "cross-entropy"  # or kl, js-distance, js-divergence, policy
    ambiguity_weight: float = 1.0  # lambda: weight an item gains by normalised ambiguity 1; 0 weights all alike
    dynamic: bool = True  # that gain times the js_distance of the moment
    smoothing: float | None = None  # labels added to each choice; None adds 0.25 where items have 5 labels or fewer
    weighting: Literal["reliability", "even"] = "reliability"  # even counts all labels alike, camps' and spammers' too

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise unknown_name("loss", self.loss, LOSSES)
        if self.weighting not in ("reliability", "even"):
            raise unknown_name("weighting", self.weighting, ("reliability", "even"))
        for name in ("ambiguity_weight", "smoothing"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                raise InputError(f"{name}={value} must be 0 or more.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Label distributions as targets, every item with labels or a soft label alike."""
        told = answering(annotations) if self.weighting == "reliability" and len(annotations) else None
        used = answered(annotations)
        smoothing = _usual(annotations) if self.smoothing is None else self.smoothing
        weights = None if told is None else told.weights
        targets = label_distribution(annotations, smoothing=smoothing, weights=weights)
        mask, raw = annotations.items.choice_mask, label_distribution(annotations)
        results: dict[str, Any] = {
            "items_with_distribution": int(used.sum()),
            "ambiguity": _mean(ambiguity(raw, mask)[used]),
            "ambiguity_of_targets": _mean(ambiguity(targets, mask)[used]),
            "smoothing": smoothing,
        } | _weighted_down(annotations, told)
        columns: dict[str, list[Any]] = {} if told is None else {"weight": rounded(told.expertise)}
        how = "everybody's alike" if told is None else "guesses left out by how far others foretell them"
        return Plan(
            from_targets(annotations.items, targets, used.astype(np.float64)),
            Distribution(self.loss, self.ambiguity_weight, self.dynamic),
            f"trained on the distribution of the labels ({how}), most where people disagree",
            conclude=lambda after: Conclusion(np.asarray(np.exp(after)), columns, results),
        )


def _usual(annotations: Annotations) -> float:
    """Labels to add to each choice where none are asked for: some where items have few."""
    count = annotations.all_votes.sum(axis=1)
    return SMOOTHING if (count > 0).any() and count[count > 0].mean() <= FEW else 0.0


def _weighted_down(annotations: Annotations, told: Answering | None) -> dict[str, Any]:
    """How many annotators count less than half, and the share of labels taken for guesses; {} where all count alike."""
    if told is None:
        return {}
    met = annotations.labels_per_annotator > 0
    down = int((told.expertise[met] < DOWN).sum())
    return {"weighted_down": down, "guesses": _mean(1 - told.weights)}


def _mean(values: Floats) -> float:
    return round(float(values.mean()), 4) if len(values) else 0.0
