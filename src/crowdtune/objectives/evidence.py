r"""Joint likelihood where the labels of an item are evidence fitted by EM, not parameters.

.. math:: -\sum_i \log \sum_k p_\theta(k | x_i) \exp E_{ik}, \qquad E_{ik} = \sum_{n \in i} \log P(l_n | k, a_n)

Its gradient in theta is that of cross-entropy with the posterior over truths. The evidence is kept up to date by
whoever hears what the model says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Believer(Protocol):
    """Holds the evidence of all items and hears what the model says of some."""

    @property
    def evidence(self) -> Any:
        """(I, K) array, log-likelihood in nats of the labels of each item under each truth."""
        ...

    def hear(self, index: Any, log_p: Any) -> None:
        """Take notice of (B, K) log-probabilities of the items at (B,) `index`, both arrays."""
        ...


@dataclass(frozen=True, eq=False)
class Evidence:
    """Negative log-likelihood of the labels of a batch; the loss counts items of some weight.

    Args:
        annotators: what is believed of them.
    """

    annotators: Believer

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar sum over items, in nats; where gradients flow, the belief hears what the model says of those."""
        index, some = batch["index"].cpu().numpy(), (batch["weight"] > 0).cpu().numpy()
        if log_p.requires_grad:
            self.annotators.hear(index[some], log_p.detach().double().cpu().numpy()[some])
        evidence = torch.from_numpy(self.annotators.evidence[index]).to(log_p)
        return -torch.logsumexp(log_p + evidence, dim=1)[batch["weight"] > 0].sum()

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: items of some weight."""
        return (batch["weight"] > 0).sum()
