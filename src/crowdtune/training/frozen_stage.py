"""The stage before training: the model stays frozen, only the annotators learn.

Its log-probabilities are computed once as a table, so that hundreds of steps cost seconds. This anchors whom to trust
in what the model knew before it could absorb the noise.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from crowdtune.annotations import MASKED, Floats, Ints
from crowdtune.annotators.labels import flatten
from crowdtune.examples import Examples
from crowdtune.objectives.likelihood import posterior
from crowdtune.training.trainer import Objective

CELLS = 8_000_000  # of a batch's table of labels, items times the most labels one has


def table_batches(examples: Examples, log_p: Floats) -> Iterator[tuple[Ints, Tensor, dict[str, Tensor]]]:
    """All examples as batches for objectives: one, or where that would be large, items of about as many labels each.

    Yields:
        Places of the items of a batch, (B, K) log-probabilities, finite, and their labels without prompts.
    """
    count = examples.labels.lengths()
    order = np.arange(len(count))
    if len(count) * count.max(initial=0) > CELLS:
        order = np.argsort(-count, kind="stable")
    while len(order):
        size = max(CELLS // max(int(count[order].max()), 1), 1)
        yield order[:size], *_batch(examples, log_p, order[:size])
        order = order[size:]


def _batch(examples: Examples, log_p: Floats, index: Ints) -> tuple[Tensor, dict[str, Tensor]]:
    """The examples at `index` as one batch."""
    mask = torch.from_numpy(examples.items.choice_mask[index])
    return torch.from_numpy(log_p[index]).float().masked_fill(~mask, MASKED), {
        "labels": torch.from_numpy(examples.labels.take(index).padded()),
        "annotators": torch.from_numpy(examples.annotators.take(index).padded()),
        "task": torch.from_numpy(examples.items.task[index]),
        "answers": torch.where(mask, 0, -1),
        "index": torch.from_numpy(examples.index[index]),
    }


def believed(annotators: nn.Module, examples: Examples, log_p: Floats) -> Floats:
    """(I, K) posterior over truths: what a trained model says, times what its annotators said.

    Args:
        annotators: labels as `flatten` makes them, and K -> (N, K) log P(label | truth = k); moved to the CPU.
        examples: I items with labels.
        log_p: (I, K) log-probabilities of the trained model.
    """
    found = np.empty(log_p.shape)
    for index, scores, batch in table_batches(examples, log_p):
        labels = flatten(batch)
        with torch.no_grad():
            log_lik = annotators.cpu()(labels, scores.shape[1])
            found[index] = posterior(scores.double(), log_lik.double(), labels.item).numpy()
    return found


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
    batches = [(scores, batch) for _, scores, batch in table_batches(examples, log_p)]
    count = sum(objective.count(batch) for _, batch in batches)
    optimizer = torch.optim.Adam(objective.annotators.parameters(), lr=rate)
    for _ in range(steps):
        for scores, batch in batches:
            (objective.total(scores, batch) / count).backward()
        optimizer.step()
        optimizer.zero_grad()
