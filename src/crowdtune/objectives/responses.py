r"""Cross-entropy of free responses: each by its likelihood after the prompt, weighed by whether it is an answer.

.. math:: -\sum_{ik} w_{ik} \log p_\theta(y_{ik} | x_i) \; / \; \sum_{ik} w_{ik} |y_{ik}|

Supervised fine-tuning is this with equal weights. With weights from `em.responses` it is the M-step of REALM for texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Weigher(Protocol):
    """Knows what each response is worth, and may change its mind while a model trains."""

    @property
    def weights(self) -> Any:
        """(I, K) array, >= 0."""
        ...


@dataclass(frozen=True, eq=False)
class Responses:
    """Weighted completion cross-entropy; the loss counts weighted tokens, over micro-batches and ranks.

    Args:
        annotators: what is believed of them; None takes the examples' targets for weights.
    """

    annotators: Weigher | None = None

    def total(self, log_lik: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar sum over responses, in nats; (B, K) log-likelihoods of each."""
        weight = self._weight(batch).to(log_lik)
        return -(weight * log_lik.masked_fill(weight == 0, 0.0)).sum()

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: tokens of responses, each by its weight."""
        tokens = (batch["texts"] >= 0).sum(dim=2)
        return (self._weight(batch).to(tokens.device) * tokens).sum()

    def _weight(self, batch: Mapping[str, Tensor]) -> Tensor:
        own = batch["target"]
        if self.annotators is not None:
            own = torch.from_numpy(self.annotators.weights[batch["index"].cpu().numpy()]).float()
        return own * (batch["weight"].to(own.device) > 0)[:, None]
