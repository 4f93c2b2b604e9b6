r"""Distance of the model's distribution to the one people gave, for items on which they may honestly disagree.

.. math:: \sum_i w_i \, (1 + \lambda \, \tilde H(p_i) \, g_i) \; d(p_i, q_i), \qquad
          \tilde H(p) = -\frac{1}{\log K} \sum_k p_k \log p_k

p is the label distribution, q the model's, read off the logits of the choices, so that what reinforcement learning
estimates from rollouts is a finite sum here. lambda puts effort where people disagree; the gap g is 1, or the current
distance, so that what is learned stops counting.

The policy gradient in expectation: a label c drawn from q earns r_c = -1/2 log2(q_c / m_c), m = (p + q) / 2. As r is
what d(-js_divergence) / dq_c is, sum_c q_c r_c with r held fixed has the gradient of -js_divergence. The reward that
looks natural, p_c, has its maximum where q is all on the mode.

References:
    Wu et al.: SHALA-LLM, 2026, https://arxiv.org/abs/2606.05376
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from crowdtune.objectives.soft_target import soft_cross_entropy

ABSENT = -1e8  # log-probabilities below it are of choices an item lacks
NEAR = 1e-10  # bits; a smaller js_divergence is rounding, and its square root has no gradient
BITS = log(2.0)


def js_divergence(log_p: Tensor, target: Tensor) -> Tensor:
    """(B,) Jensen-Shannon divergence in bits, in [0, 1].

    Args:
        log_p: (B, K) log-probabilities of the model; finite, about -1e9 where an item has no such choice.
        target: (B, K) rows sum to 1.
    """
    log_m = _log_mean(log_p, target)
    nats = _weighted(target, target.clamp(min=torch.finfo(target.dtype).tiny).log() - log_m)
    nats = nats + (log_p.exp() * (log_p - log_m)).sum(dim=1)
    return nats.clamp(min=0) / (2 * BITS)


def js_distance(log_p: Tensor, target: Tensor) -> Tensor:
    """(B,) square root of js_divergence, in [0, 1]; where both are the same the gradient is 0, not infinite."""
    bits = js_divergence(log_p, target)
    far = bits > NEAR
    return torch.where(far, torch.where(far, bits, 1.0).sqrt(), 0.0)


def kl_divergence(log_p: Tensor, target: Tensor) -> Tensor:
    """(B,) Kullback-Leibler divergence of the model's distribution from the target, in nats."""
    return soft_cross_entropy(log_p, target) - entropy(target)


def policy_loss(log_p: Tensor, target: Tensor) -> Tensor:
    """(B,) minus the expected reward, in bits, rewards held fixed; its gradient is that of js_divergence.

    Rewards are taken against their mean, which changes no gradient, so the value is 0.
    """
    q = log_p.exp()
    with torch.no_grad():
        reward = -(log_p - _log_mean(log_p, target)) / (2 * BITS)
        advantage = reward - (q * reward).sum(dim=1, keepdim=True)
    return -(q * advantage).sum(dim=1)


def entropy(target: Tensor) -> Tensor:
    """(B,) entropy in nats."""
    nats: Tensor = torch.special.xlogy(target, target).sum(dim=1)
    return -nats


def ambiguity(log_p: Tensor, target: Tensor) -> Tensor:
    """(B,) entropy of the targets divided by the log of the item's own K, in [0, 1]; 0 for one choice."""
    choices = (log_p > ABSENT).sum(dim=1).clamp(min=2)
    return entropy(target) / choices.to(target.dtype).log()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "js-distance": js_distance,
    "js-divergence": js_divergence,
    "kl": kl_divergence,
    "cross-entropy": soft_cross_entropy,
    "policy": policy_loss,
}


@dataclass(frozen=True, eq=False)
class Distribution:
    """Weighted distance to the target distributions of a batch; the loss counts the items' own weights.

    So lambda changes the loss and no denominator. No annotator has a parameter.

    Args:
        loss: name of the distance.
        ambiguity_weight: lambda, >= 0.
        dynamic: multiply lambda by the js_distance of the moment.
    """

    loss: str
    ambiguity_weight: float = 0.0
    dynamic: bool = False
    annotators: None = None

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar weighted sum over items, in the unit of the distance."""
        target = batch["target"].to(log_p.dtype)
        return (batch["weight"] * self.weight(log_p, target) * LOSSES[self.loss](log_p, target)).sum()

    def weight(self, log_p: Tensor, target: Tensor) -> Tensor:
        """(B,) 1 + lambda x normalised ambiguity x gap; sends no gradient."""
        with torch.no_grad():
            extra = self.ambiguity_weight * ambiguity(log_p, target)
            return 1 + (extra * js_distance(log_p, target) if self.dynamic else extra)

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: sum of the items' own weights."""
        return batch["weight"].sum()


def _log_mean(log_p: Tensor, target: Tensor) -> Tensor:
    """(B, K) log of the mean of both distributions, as finite as log_p."""
    return torch.logaddexp(log_p, target.log()) - BITS


def _weighted(target: Tensor, values: Tensor) -> Tensor:
    """(B,) sums of the values weighted by the target; where that is 0 a value counts nothing, whatever it is."""
    return (target * values.masked_fill(target == 0, 0.0)).sum(dim=1)
