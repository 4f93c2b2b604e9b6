"""The labels of a batch, flat, and what an annotator model says of them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class Labels(NamedTuple):
    """N labels of B items as annotator models and objectives see them.

    Args:
        item: (N,) row of the batch.
        annotator: (N,) code of who labelled.
        label: (N,) code of the choice given.
        task: (N,) code of the item's task.
        n_choices: (N,) K of the item.
    """

    item: Tensor
    annotator: Tensor
    label: Tensor
    task: Tensor
    n_choices: Tensor


class AnnotatorModel(Protocol):
    """How annotators turn a truth into a label."""

    def __call__(self, labels: Labels, width: int) -> Tensor:
        """(N, K) log-likelihood in nats of each observed label under each truth, K = `width`."""
        ...

    def log_prior(self) -> Tensor:
        """Scalar log prior density of the parameters in nats, 0 where there is none."""
        ...


def flatten(batch: dict[str, Tensor]) -> Labels:
    """Flatten the padded labels of a batch.

    Args:
        batch: labels, annotators: (B, A) padded with -1; task: (B,); answers: (B, K) padded with -1.
    """
    item, column = (batch["labels"] >= 0).nonzero(as_tuple=True)
    return Labels(
        item=item,
        annotator=batch["annotators"][item, column],
        label=batch["labels"][item, column],
        task=batch["task"][item],
        n_choices=(batch["answers"] >= 0).sum(dim=1)[item],
    )
