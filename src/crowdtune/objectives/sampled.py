r"""Cross-entropy with one label of each item, drawn anew whenever the item is seen.

.. math:: -\sum_i w_i \log p_\theta(c_i | x_i), \qquad c_i \sim t_i

On average this is soft-target cross-entropy, with the noise of drawing on top: the way to keep disagreement where a
trainer takes one label an item. A draw depends on a seed, the item, and how often it was seen before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from crowdtune.objectives.soft_target import soft_cross_entropy

STEPS = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # of splitmix64


@dataclass(frozen=True, eq=False)
class Sampled:
    """Weighted cross-entropy with drawn labels; the loss counts weights. Without gradients it is the expected one.

    Args:
        seed: of the draws.
        seen: how often each item, by its index, was trained on. A resumed run counts anew.
    """

    seed: int = 0
    annotators: None = None
    seen: Counter[int] = field(default_factory=Counter)

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar weighted sum over items, in nats."""
        target = self._drawn(batch) if log_p.requires_grad else batch["target"]
        return (batch["weight"] * soft_cross_entropy(log_p, target)).sum()

    def count(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Denominator: sum of weights."""
        return batch["weight"].sum()

    def _drawn(self, batch: Mapping[str, Tensor]) -> Tensor:
        """(B, K) the targets, all on one choice drawn from each."""
        target, index = batch["target"], batch["index"].tolist()
        chance = uniform(self.seed, index, [self.seen[i] for i in index])
        self.seen.update(index)
        share = target.cumsum(dim=1) / target.sum(dim=1, keepdim=True)
        last = (target > 0).cumsum(dim=1).argmax(dim=1)  # a rounded share may end below 1
        drawn = (torch.from_numpy(chance).to(target)[:, None] >= share).sum(dim=1).minimum(last)
        return torch.zeros_like(target).scatter_(1, drawn[:, None], 1.0)


def uniform(seed: int, index: list[int], count: list[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(B,) numbers in [0, 1) that are functions of their arguments alone: splitmix64."""
    with np.errstate(over="ignore"):
        mixed = np.full(len(index), seed, dtype=np.uint64)
        for part in (index, count):
            mixed = (mixed + np.array(part, dtype=np.uint64) + np.uint64(1)) * np.uint64(STEPS[0])
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(STEPS[1])
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(STEPS[2])
            mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray((mixed >> np.uint64(11)) / 2.0**53)
