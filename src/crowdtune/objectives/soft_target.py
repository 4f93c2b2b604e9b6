r"""Cross-entropy with a target distribution per item.

.. math:: -\sum_i w_i \sum_k t_{ik} \log p_\theta(k | x_i)

Oracle, majority vote, Dawid-Skene and the label distribution are this with different targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


def soft_cross_entropy(log_p: Tensor, target: Tensor) -> Tensor:
    """(B,) cross-entropy of each item in nats, >= the target's entropy.

    Args:
        log_p: (B, K) log-probabilities; finite, also where the target is 0.
        target: (B, K) rows sum to 1.
    """
    return -(target * log_p.masked_fill(target == 0, 0.0)).sum(dim=1)


@dataclass(frozen=True, eq=False)
class SoftTarget:
    """Weighted soft-target cross-entropy of a batch; the loss counts weights. No annotator has a parameter."""

    annotators: None = None

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar weighted sum over items, in nats."""
        return (batch["weight"] * soft_cross_entropy(log_p, batch["target"])).sum()

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: sum of weights."""
        return batch["weight"].sum()
