r"""Crowd layer: a matrix per annotator on the model's answer, and softmax cross-entropy with what they said.

.. math:: -\sum_n \log \operatorname{softmax} \Big( \sum_t p_\theta(t | x_{i_n}) \, W_{a_n}[t, \cdot] \Big)_{l_n}

W is free and a second softmax reads it: a score, no P(label | truth), and so no annotator model of the likelihood.

References:
    Rodrigues and Pereira: Deep learning from crowds, 2018, https://arxiv.org/abs/1709.01779
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crowdtune.annotators.labels import Labels, flatten


class Matrices(nn.Module):
    """(J, M, K, K) weights, [annotator, task, truth, label]; the identity at the start.

    Args:
        n_annotators: J.
        n_tasks: M.
        n_choices: K, the most of any item.
    """

    def __init__(self, n_annotators: int, n_tasks: int, n_choices: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(n_choices).repeat(n_annotators, n_tasks, 1, 1))

    def forward(self, log_p: Tensor, labels: Labels) -> Tensor:
        """(N, K) score of each label the annotator could have given.

        Args:
            log_p: (B, K) log-probabilities; about -1e9 where an item has no such choice, and so is then the score.
            labels: N labels.
        """
        said = log_p[labels.item]
        scores = torch.einsum("nt,ntl->nl", said.exp(), self.weight[labels.annotator, labels.task])
        exists = torch.arange(scores.shape[1], device=scores.device) < labels.n_choices[:, None]
        return torch.where(exists, scores, said)


@dataclass(frozen=True, eq=False)
class CrowdLayer:
    """Cross-entropy of the annotators' scores with the labels of a batch; the loss counts labels.

    Args:
        annotators: the matrices. Prediction leaves them out.
    """

    annotators: Matrices

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar sum over labels, in nats."""
        labels = flatten(dict(batch))
        return cross_entropy(self.annotators(log_p, labels), labels.label, reduction="sum")

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: labels."""
        return (batch["labels"] >= 0).sum()
