r"""One coin whose reliabilities are running means: each step moves them towards the share of labels believed right.

.. math:: P(l | k, a) = s_a 1[l = k] + \frac{1 - s_a}{K - 1} 1[l \ne k], \qquad
          s_a \leftarrow m \, s_a + (1 - m) \frac{\sum_n \omega_n}{N_a}, \quad
          \omega_n = \frac{s_a p(l_n)}{s_a p(l_n) + (1 - s_a) (1 - p(l_n)) / (K - 1)}

The sum is over the labels of the annotator in a step's batch; omega is the posterior that a label is right. RE-PO's EM.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from crowdtune.annotators.labels import Labels

EDGE = 1e-4  # reliabilities stay so far from 0 and 1: at 1 a label is right whatever the model says, for ever


class Averaged(nn.Module):
    """One reliability per annotator; buffers, no parameters.

    Args:
        n_annotators: J.
        start: reliability before training, in (0, 1).
        momentum: m, what is kept of a reliability at each step, in [0, 1).
    """

    def __init__(self, n_annotators: int, start: float, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.reliability: Tensor
        self.heard: Tensor
        self.register_buffer("reliability", torch.full((n_annotators,), start, dtype=torch.float64))
        self.register_buffer("heard", torch.zeros((2, n_annotators), dtype=torch.float64))

    def forward(self, labels: Labels, width: int) -> Tensor:
        """(N, K) log P(label | truth = k, annotator) in nats; 0 where an item has one choice."""
        s = self.reliability[labels.annotator].float()
        several = labels.n_choices > 1
        right = torch.where(several, s.log(), 0.0)
        wrong = torch.where(several, (1 - s).log() - (labels.n_choices - 1).clamp(min=1).log(), 0.0)
        return torch.where(one_hot(labels.label, width).bool(), right[:, None], wrong[:, None])

    def log_prior(self) -> Tensor:
        """0: none."""
        return self.reliability.new_zeros((), dtype=torch.float32)

    def hear(self, labels: Labels, right: Tensor) -> None:
        """Take notice of (N,) posterior probabilities that labels are right."""
        self.heard[0].index_add_(0, labels.annotator, right.double())
        self.heard[1].index_add_(0, labels.annotator, torch.ones_like(right, dtype=torch.float64))

    def step(self) -> None:
        """Move the reliabilities of those heard, and forget the hearing."""
        total, count = self.heard
        mean = torch.where(count > 0, total / count.clamp(min=1), self.reliability)
        moved = self.momentum * self.reliability + (1 - self.momentum) * mean
        self.reliability.copy_(moved.clamp(EDGE, 1 - EDGE))
        self.heard.zero_()
