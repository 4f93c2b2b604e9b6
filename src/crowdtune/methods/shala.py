r"""SHALA: the model's distribution over the choices learns the distribution people gave, most where they disagree.

Here it is read off the logits of the choices, so what the paper's rollouts estimate is computed (`objectives`).

| paper | here |
|---|---|
| p(x), shares of annotators | label distribution, without annotators who guess (`aggregate.answering`) |
| reward 1 - JS distance of a distribution the model writes | minus the distance of the one read off its logits |
| lambda, weight of ambiguity | `ambiguity_weight`, on the loss |
| "dynamic" | weight also follows the gap that is left |

`reliability` in the table of annotators is the mean share that their labels have in these targets.

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
from crowdtune.methods._plan import Anchor, Conclusion, Plan, rounded
from crowdtune.metrics.crowd import reliability
from crowdtune.metrics.distances import ambiguity
from crowdtune.objectives.distribution import LOSSES, Distribution

DOWN = 0.5  # weight below which an annotator is told of as left out


@dataclass(frozen=True)
class Shala:
    """Options of the shala method."""

    loss: str = "js-divergence"  # or js-distance, kl, cross-entropy, policy
    ambiguity_weight: float = 1.0  # lambda: weight an item gains by normalised ambiguity 1; 0 weights all alike
    dynamic: bool = True  # that gain times the js_distance of the moment
    smoothing: float = 0.0  # labels added to each choice of an item; 0.1 to 0.5 flatten targets made of few labels
    weighting: Literal["reliability", "even"] = "reliability"  # leave out who guesses; even counts all labels alike

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise unknown_name("loss", self.loss, LOSSES)
        if self.weighting not in ("reliability", "even"):
            raise unknown_name("weighting", self.weighting, ("reliability", "even"))
        for name in ("ambiguity_weight", "smoothing"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"{name}={getattr(self, name)} must be 0 or more.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Label distributions as targets; an item counts less than 1 where it is doubtful that anybody answered."""
        told = answering(annotations) if self.weighting == "reliability" and len(annotations) else None
        each = np.ones(len(annotations)) if told is None else told.weight[annotations.annotator]
        targets = label_distribution(annotations, smoothing=self.smoothing, weights=each)
        columns: dict[str, list[Any]] = {"reliability": reliability(annotations, targets).tolist()}
        columns |= {} if told is None else {"weight": rounded(told.weight)}
        results = _told(annotations, targets, each) | {"left_out": _left_out(annotations, told)}
        how = "everybody's alike" if told is None else "without annotators who guess"
        return Plan(
            from_targets(annotations.items, targets, _heard(annotations, each)),
            Distribution(self.loss, self.ambiguity_weight, self.dynamic),
            f"trained on the distribution of the labels ({how}), most where people disagree",
            conclude=lambda after: Conclusion(np.asarray(np.exp(after)), columns, results),
        )


def _heard(annotations: Annotations, each: Floats) -> Floats:
    """(I,) how much is known of an item, at most 1: its labels by their weights, or a soft label."""
    unnamed = annotations.all_votes.sum(axis=1) - annotations.labels_per_item
    heard = np.bincount(annotations.item, weights=each, minlength=len(annotations.items)) + unnamed
    soft = annotations.answered & (annotations.all_votes.sum(axis=1) == 0)
    return np.minimum(np.where(soft, 1.0, heard), 1.0)


def _told(annotations: Annotations, targets: Floats, each: Floats) -> dict[str, Any]:
    """Items with a distribution, their mean normalised ambiguity as labelled and as trained on, labels left out."""
    used, mask = annotations.answered, annotations.items.choice_mask
    raw = label_distribution(annotations)
    return {
        "items_with_distribution": int(used.sum()),
        "ambiguity": _mean(ambiguity(raw, mask)[used]),
        "ambiguity_of_targets": _mean(ambiguity(targets, mask)[used]),
        "guesses": _mean(1 - each),
    }


def _left_out(annotations: Annotations, told: Answering | None) -> int:
    """How many annotators with labels count less than half."""
    return 0 if told is None else int((told.weight[annotations.labels_per_annotator > 0] < DOWN).sum())


def _mean(values: Floats) -> float:
    return round(float(values.mean()), 4) if len(values) else 0.0
