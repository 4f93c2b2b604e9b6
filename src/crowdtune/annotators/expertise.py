r"""Expertise: an annotator knows the answer with probability e, or guesses uniformly (REALM Eq. 1, 3 and 4).

.. math:: P(l | k, a) = e_{a,t} 1[l = k] + (1 - e_{a,t}) / K, \qquad e_{a,t} = \sigma(\rho_{a,t})

Reliability under this model is e + (1 - e)/K, never below chance: it cannot say that somebody lies. What users are
shown is the mean posterior of the labels given, which can.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, one_hot

from crowdtune.annotators.labels import Labels


class Expertise(nn.Module):
    """One weight per annotator, or one per annotator and task.

    Args:
        n_annotators: J.
        n_tasks: M; 1 for one expertise per annotator whatever the task.
        start: expertise before training, in (0, 1); never above 0.5, or training starts as if all were experts.
        prior: (alpha, beta) of a Beta prior on each expertise; (1, 1) is flat.
    """

    def __init__(
        self, n_annotators: int, n_tasks: int = 1, start: float = 0.5, prior: tuple[float, float] = (1.0, 1.0)
    ) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((n_annotators, n_tasks), start).logit())
        self.prior = prior

    def forward(self, labels: Labels, width: int) -> Tensor:
        """(N, K) log P(label | truth = k, annotator) in nats, stable for any rho."""
        task = labels.task if self.rho.shape[1] > 1 else torch.zeros_like(labels.task)
        rho = self.rho[labels.annotator, task]
        guess = logsigmoid(-rho) - labels.n_choices.log()
        right = torch.logaddexp(logsigmoid(rho), guess)
        return torch.where(one_hot(labels.label, width).bool(), right[:, None], guess[:, None])

    def log_prior(self) -> Tensor:
        """Sum over annotators of the log Beta density, up to a constant."""
        alpha, beta = self.prior
        return ((alpha - 1) * logsigmoid(self.rho) + (beta - 1) * logsigmoid(-self.rho)).sum()

    def expertise(self) -> Tensor:
        """(J, M) e in [0, 1], without gradient."""
        return self.rho.detach().sigmoid()
