r"""Likelihood of the observed labels, where the model's answer meets the annotators.

.. math::
    \text{per-label:} \quad \sum_n \log \sum_k p_\theta(k | x_{i_n}) \, P(l_n | k, a_n)

    \text{joint:} \quad \sum_i \log \sum_k p_\theta(k | x_i) \prod_{n \in i} P(l_n | k, a_n)

Per-label is REALM's objective: each label on its own. Joint lets the labels of an item share one truth.
Padding stays finite: log-probabilities of choices an item lacks are about -1e9, never -inf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from crowdtune.annotators.labels import AnnotatorModel, Labels, flatten


def per_label(log_p: Tensor, log_lik: Tensor, item: Tensor) -> Tensor:
    """(N,) log-likelihood of each label on its own, in nats, <= 0.

    Args:
        log_p: (B, K) log p(k | x).
        log_lik: (N, K) log P(label | truth = k).
        item: (N,) row of each label.
    """
    return torch.logsumexp(log_p[item] + log_lik, dim=1)


def joint_scores(log_p: Tensor, log_lik: Tensor, item: Tensor) -> Tensor:
    """(B, K) log p(k | x) + log-likelihood of all labels of the item under truth k: the unnormalised posterior."""
    return log_p.index_add(0, item, log_lik)


def posterior(log_p: Tensor, log_lik: Tensor, item: Tensor) -> Tensor:
    """(B, K) P(truth = k | labels, model); rows sum to 1."""
    return joint_scores(log_p, log_lik, item).softmax(dim=1)


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Negative log-likelihood of the labels of a batch.

    Args:
        annotators: the annotator model.
        n_labels: labels in the whole training set; each label carries its share of the annotators' log prior.
        kind: "per-label" (the loss counts labels) or "joint" (it counts items).
    """

    annotators: AnnotatorModel
    n_labels: int
    kind: Literal["per-label", "joint"] = "per-label"

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar sum over labels, or items, in nats."""
        labels = flatten(dict(batch))
        log_lik = self.annotators(labels, log_p.shape[1])
        share = len(labels.item) / self.n_labels
        return -self._log_likelihood(log_p, log_lik, labels) - share * self.annotators.log_prior()

    def _log_likelihood(self, log_p: Tensor, log_lik: Tensor, labels: Labels) -> Tensor:
        if self.kind == "per-label":
            return per_label(log_p, log_lik, labels.item).sum()
        return torch.logsumexp(joint_scores(log_p, log_lik, labels.item), dim=1).sum()

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: labels, or items with labels."""
        given = batch["labels"] >= 0
        return given.sum() if self.kind == "per-label" else given.any(dim=1).sum()
