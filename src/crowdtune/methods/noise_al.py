"""NoiseAL: two small models sort the items, and the large model is asked only where they doubt the label.

| paper | here |
|---|---|
| strong and weak small model (BERT, BiLSTM) | a linear classifier across folds, a vote of nearest items |
| clean set R, purified set P, hard set H | `denoise.co_prediction.divide`; its thresholds are ours |
| large model labels P with demonstrations from R | mean of the untrained model and the k nearest items of R |
| cross-entropy on R | the same |
| reversed cross-entropy on P | cross-entropy with the probabilities themselves, which is soft where they are unsure |
| EmbMix on H | cross-entropy with the small models' mean, at half weight |

Differs from the paper, of which we know the abstract and summaries: it alternates over epochs, here the parts are
worked out once; the large model is the model itself before training, as in RobustFT's comparison.

References:
    Yuan, Chen, Zhang and Jiang, Hide and seek in noise labels, 2025, https://arxiv.org/abs/2504.02901
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.denoise.co_prediction import divide
from crowdtune.denoise.votes import unit, votes_around
from crowdtune.errors import InputError
from crowdtune.methods._given import given_labels, out_of_fold, telling
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class NoiseAl:
    """Options of NoiseAL."""

    neighbours: int = 10  # whose labels the weak model counts
    k: int = 3  # clean items the large model is shown
    hard: float = 0.5  # weight of an item neither small model is sure of, against 1

    def __post_init__(self) -> None:
        if self.neighbours < 1 or self.k < 1:
            raise InputError(f"neighbours={self.neighbours} and k={self.k} must be 1 or more.")
        if not 0 <= self.hard <= 1:
            raise InputError(f"hard={self.hard} must be a weight from 0 to 1.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Labels of clean items, the large model's answers to doubted ones, the small models' to hard ones."""
        index, label = given_labels(annotations)
        strong = out_of_fold(annotations, anchor, "noise-al")[index]
        features, own = unit(anchor.hidden[index]), np.arange(len(index))
        votes = np.eye(strong.shape[1])[label]
        weak = votes_around(features, features, votes, self.neighbours, own)
        parts = divide(label, strong, weak)
        shown = votes_around(features, features, votes * parts.clean[:, None], self.k, own)
        large = (np.exp(anchor.log_p[index]) + shown) / 2
        targets = np.zeros(anchor.log_p.shape)
        targets[index] = np.select([parts.clean[:, None], parts.purified[:, None]], [votes, large], (strong + weak) / 2)
        weights = np.zeros(len(targets))
        weights[index] = np.where(parts.hard, self.hard, 1.0)
        plan = on_targets(annotations, targets, weights, "trained as in NoiseAL: small models sort, a large one labels")
        same = targets.argmax(axis=1)[annotations.item] == annotations.label
        return telling(plan, annotations, same & (weights[annotations.item] > 0))
