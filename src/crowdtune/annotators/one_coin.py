r"""One coin by gradient: an annotator is right with probability s, else says any other choice alike.

.. math:: P(l | k, a) = s_{a,t} 1[l = k] + (1 - s_{a,t}) / (K - 1) \, 1[l \ne k], \qquad s_{a,t} = \sigma(\rho_{a,t})

The model of `em.Coin`, for training where annotators move by gradient; ILEED's error term.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, one_hot

from crowdtune.annotators.labels import Labels


class OneCoin(nn.Module):
    """One reliability per annotator, or one per annotator and task.

    Args:
        reliability: (J, M) where training starts, in (0, 1).
        alpha: (J, M) of the Beta prior on each.
        beta: (J, M) see alpha.
    """

    def __init__(self, reliability: Tensor, alpha: Tensor, beta: Tensor) -> None:
        super().__init__()
        self.rho = nn.Parameter(reliability.float().logit(eps=1e-6))
        self.right, self.wrong = alpha.float() - 1, beta.float() - 1

    def forward(self, labels: Labels, width: int) -> Tensor:
        """(N, K) log P(label | truth = k, annotator) in nats; 0 where an item has one choice."""
        task = labels.task if self.rho.shape[1] > 1 else torch.zeros_like(labels.task)
        rho = self.rho[labels.annotator, task]
        several = labels.n_choices > 1
        right = torch.where(several, logsigmoid(rho), 0.0)
        wrong = torch.where(several, logsigmoid(-rho) - (labels.n_choices - 1).clamp(min=1).log(), 0.0)
        return torch.where(one_hot(labels.label, width).bool(), right[:, None], wrong[:, None])

    def log_prior(self) -> Tensor:
        """Sum over annotators of the log Beta density, up to a constant."""
        right, wrong = self.right.to(self.rho.device), self.wrong.to(self.rho.device)
        return (right * logsigmoid(self.rho) + wrong * logsigmoid(-self.rho)).sum()

    def reliability(self) -> Tensor:
        """(J, M) s in [0, 1], without gradient."""
        return self.rho.detach().sigmoid()
