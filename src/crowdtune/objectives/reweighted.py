r"""Labels re-weighted by the posterior that they are right: the per-label likelihood under one coin, by EM.

.. math:: -\sum_n \omega_n \log p_\theta(l_n | x_{i_n}) + (1 - \omega_n) \log (1 - p_\theta(l_n | x_{i_n}))

omega is held fixed. The gradient is that of -log(s p(l) + (1 - s) (1 - p(l)) / (K - 1)), the per-label likelihood,
so that is what is computed; with two texts compared p(l) is DPO's sigmoid, and this is RE-PO.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from crowdtune.annotators.averaged import Averaged
from crowdtune.annotators.labels import flatten
from crowdtune.objectives.likelihood import per_label


def right(log_p: Tensor, log_lik: Tensor, item: Tensor, label: Tensor) -> Tensor:
    """(N,) posterior probability that each label is the truth of its item, each label on its own.

    Args:
        log_p: (B, K) log p(k | x).
        log_lik: (N, K) log P(label | truth = k).
        item: (N,) row of each label.
        label: (N,) code of each label.
    """
    return (log_p[item] + log_lik).softmax(dim=1).gather(1, label[:, None])[:, 0]


@dataclass(frozen=True, eq=False)
class Reweighted:
    """Negative log-likelihood of the labels of a batch; the loss counts labels.

    Args:
        annotators: whose reliabilities are running means of what this objective lets them hear.
    """

    annotators: Averaged

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar sum over labels, in nats; where gradients flow, annotators hear which labels are believed."""
        labels = flatten(dict(batch))
        log_lik = self.annotators(labels, log_p.shape[1])
        if log_p.requires_grad:
            self.annotators.hear(labels, right(log_p.detach(), log_lik, labels.item, labels.label))
        return -per_label(log_p, log_lik, labels.item).sum()

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: labels."""
        return (batch["labels"] >= 0).sum()
