"""Crowd layer: train the model through a matrix of weights per annotator, and leave the matrices out at prediction.

| paper | here |
|---|---|
| R annotators, C classes, W_r (MW variant) | J, K, `objectives.crowd_layer.Matrices` |
| crowd layer on the softmax of the bottleneck | on the model's answer, `objectives.crowd_layer.CrowdLayer` |

Differs from the paper: a matrix for each annotator and task, as choices mean different things in different tasks; the
matrices have a rate of their own. The paper gives none; its code trains all with Adam at one rate.

References:
    Rodrigues and Pereira: Deep learning from crowds, 2018, https://arxiv.org/abs/1709.01779
"""

from __future__ import annotations

from dataclasses import dataclass

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.examples import from_annotations
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.objectives.crowd_layer import CrowdLayer as Objective
from crowdtune.objectives.crowd_layer import Matrices

MOST_CELLS = 100_000_000  # of all matrices
BYTES = 16  # each takes: itself, its gradient and Adam's two means


@dataclass(frozen=True)
class CrowdLayer:
    """Options of the crowd layer."""

    matrix_learning_rate: float = 0.1  # low values let the model absorb the noise before the matrices do

    def __post_init__(self) -> None:
        if self.matrix_learning_rate <= 0:
            raise InputError(f"matrix_learning_rate={self.matrix_learning_rate} must be above 0.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Train model and matrices together; what it believes is the model's answer alone."""
        items = annotations.items
        items.require_shared_choices("crowd-layer", instead="realm")
        cells = len(annotations.annotators) * len(items.tasks) * items.max_choices**2
        if cells > MOST_CELLS:
            raise InputError(
                f"crowd-layer needs a {items.max_choices} x {items.max_choices} matrix for each of "
                f"{len(annotations.annotators)} annotators and {len(items.tasks)} tasks, {cells:.1e} numbers and "
                f"{cells * BYTES / 2**30:.0f} GiB as it trains; at most {MOST_CELLS:.0e} are made. Use joint or realm."
            )
        return Plan(
            from_annotations(annotations),
            Objective(Matrices(len(annotations.annotators), len(items.tasks), items.max_choices)),
            "trained through a crowd layer: a matrix of weights per annotator, left out at prediction",
            annotator_learning_rate=self.matrix_learning_rate,
        )
