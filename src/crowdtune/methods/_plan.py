"""What a method decides: what to train on, what to minimise, and what it then believes of the items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.examples import Examples, from_targets
from crowdtune.objectives.soft_target import SoftTarget
from crowdtune.training.trainer import Objective


def of_the_model(log_p: Floats) -> Floats:
    """Posterior that is the trained model's opinion alone."""
    return np.asarray(np.exp(log_p))


@dataclass(frozen=True, eq=False)
class Plan:
    """A method, made concrete for some annotations.

    Args:
        examples: what to train on.
        objective: what to minimise.
        annotator_learning_rate: rate of the annotators' parameters, where the objective has some.
        posterior: (I, K) log-probabilities of the trained model -> (I, K) posterior over truths.
        annotator_columns: columns to add to the table of annotators after training, J values each.
        story: one sentence for the model card: how the labels were used.
    """

    examples: Examples
    objective: Objective
    story: str
    annotator_learning_rate: float = 0.0
    posterior: Callable[[Floats], Floats] = of_the_model
    annotator_columns: Callable[[], dict[str, list[Any]]] = field(default=dict)


class Method(Protocol):
    """A frozen dataclass of options."""

    def plan(self, annotations: Annotations, anchor: Floats) -> Plan:
        """Decide.

        Args:
            annotations: N labels.
            anchor: (I, K) log-probabilities of the model before training, centred.
        """
        ...


def on_targets(annotations: Annotations, targets: Floats, weights: Floats, story: str) -> Plan:
    """Plan of a method that trains on a distribution per item: (I, K) targets, (I,) weights; 0 leaves an item out."""
    return Plan(from_targets(annotations.items, targets, weights), SoftTarget(), story)
