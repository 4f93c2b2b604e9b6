"""The stage before training: the model stays frozen, only the annotators learn.

Its log-probabilities are computed once as a table, so that hundreds of steps cost seconds. This anchors whom to trust
in what the model knew before it could absorb the noise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crowdtune.annotations import MASKED, Floats
from crowdtune.annotators.labels import flatten
from crowdtune.examples import Examples
from crowdtune.objectives.likelihood import posterior
from crowdtune.training.trainer import Objective


def table_batch(examples: Examples, log_p: Floats) -> tuple[Tensor, dict[str, Tensor]]:
    """All examples as one batch for objectives: (I, K) log-probabilities, finite, and labels without prompts."""
    mask = torch.from_numpy(examples.items.choice_mask)
    scores = torch.from_numpy(log_p).float().masked_fill(~mask, MASKED)
    return scores, {
        "labels": torch.from_numpy(examples.labels),
        "annotators": torch.from_numpy(examples.annotators),
        "task": torch.from_numpy(examples.items.task),
        "answers": torch.where(mask, 0, -1),
        "index": torch.from_numpy(examples.index),
    }


def believed(annotators: nn.Module, examples: Examples, log_p: Floats) -> Floats:
    """(I, K) posterior over truths: what a trained model says, times what its annotators said.

    Args:
        annotators: labels as `flatten` makes them, and K -> (N, K) log P(label | truth = k); moved to the CPU.
        examples: I items with labels.
        log_p: (I, K) log-probabilities of the trained model.
    """
    scores, batch = table_batch(examples, log_p)
    labels = flatten(batch)
    with torch.no_grad():
        log_lik = annotators.cpu()(labels, scores.shape[1])
        return posterior(scores.double(), log_lik.double(), labels.item).numpy()


def fit_frozen(objective: Objective, examples: Examples, log_p: Floats, *, steps: int, rate: float) -> None:
    """Fit the annotators of `objective` on a frozen model by full-batch Adam, in place.

    Args:
        objective: as in training.
        examples: I items with labels.
        log_p: (I, K) log-probabilities of the frozen model.
        steps: how many; 0 leaves the annotators as they are. Few: where the model is right but unsure, the likelihood
            puts its doubts down to knowledge of the annotators who agree with it, and many steps drive them to 1.
        rate: learning rate.
    """
    scores, batch = table_batch(examples, log_p)
    optimizer = torch.optim.Adam(objective.annotators.parameters(), lr=rate)
    for _ in range(steps):
        (objective.total(scores, batch) / objective.count(batch)).backward()
        optimizer.step()
        optimizer.zero_grad()
