r"""RGPO: train on what the crowd agrees on, as strongly as it agrees. Reliability-guided preference optimization.

.. math:: w_i = \frac{K_i \max_k q_{ik} - 1}{K_i - 1}, \qquad q_i(k) \propto \sum_{n \in i} r_{a_n} 1[l_n = k]

q are the votes on an item, annotators weighted by their reliability r; the target is their winner. With two choices and
all trusted alike w is \|2 q - 1\|: 1 where all agree, 0, and the item is left out, where they are divided.

We know the paper's abstract alone: it estimates annotators' reliability, infers the truth behind noisy comparisons, and
modulates the training objective by the level of consensus. Ours therefore: the reliability (agreement with the
majority, `aggregate.wawa`), the form of w, and that it multiplies the loss. Works for all choices, not only pairs.

References:
    Huang, Zong, Feng, Ma, Shang and Zhang: Reliability-aware LLM alignment from inconsistent human feedback, 2026,
    https://icml.cc/virtual/2026/poster/66787
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from crowdtune.aggregate import aggregator, vote_shares
from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor, Plan, on_targets


@dataclass(frozen=True)
class Rgpo:
    """Options of RGPO."""

    trust: Literal["agreement", "alike"] = "agreement"  # annotators by how often the majority agrees, or all alike

    def __post_init__(self) -> None:
        if self.trust not in ("agreement", "alike"):
            raise InputError(f"trust '{self.trust}' is unknown. Allowed: agreement, alike.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Targets are the winners of the weighted vote, weights how far it agrees."""
        items = annotations.items
        shares = vote_shares(annotations) if self.trust == "alike" else aggregator("wawa").fit(annotations).posterior
        best = np.isclose(shares, shares.max(axis=1, keepdims=True)) & items.choice_mask
        k = np.maximum(items.n_choices, 2)
        weights = np.clip((k * shares.max(axis=1) - 1) / (k - 1), 0.0, 1.0)
        weights[(annotations.labels_per_item == 0) | (weights < 1e-9)] = 0.0
        if not weights.any():
            raise InputError(
                "method rgpo trains on what annotators agree on, and on no item do more of them agree than not. "
                "Use joint, or noisy."
            )
        story = "trained on the winner of a vote weighted by agreement with the majority"
        story = story if self.trust == "agreement" else "trained on the majority vote"
        return on_targets(
            annotations, best / best.sum(axis=1, keepdims=True), weights, f"{story}, items weighted by their consensus"
        )
