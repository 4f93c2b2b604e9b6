"""Confident learning: train on the labels that a classifier across folds does not call wrong; cleanlab's filter.

Differs from cleanlab: the classifier is a linear one on the untrained model's hidden states; what is left is trained on
with equal weights. Of several labels of an item the one most often given is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.denoise.confident import noisy_labels
from crowdtune.methods._given import given_labels, out_of_fold, telling
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class ConfidentLearning:
    """Cross-entropy with the labels that are left.

    References:
        Northcutt, Jiang and Chuang, Confident learning, 2021, https://arxiv.org/abs/1911.00068
    """

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """The label of every item that is not called noisy."""
        index, label = given_labels(annotations)
        kept = index[~noisy_labels(label, out_of_fold(annotations, anchor, "confident-learning")[index])]
        believed = np.full(len(annotations.items), -1)
        believed[index] = label
        weights = np.zeros(len(believed))
        weights[kept] = 1
        targets = np.eye(annotations.items.max_choices)[np.maximum(believed, 0)]
        plan = on_targets(annotations, targets, weights, "trained on the labels that confident learning left")
        same = believed[annotations.item] == annotations.label
        return telling(plan, annotations, same & (weights[annotations.item] > 0))
