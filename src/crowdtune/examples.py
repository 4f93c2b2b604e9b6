"""Examples: what training sees. Unique items, each with the labels it was given or a target, and a weight.

A forward pass costs per item, not per label: the labels of one item share its log-probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.ragged import Ragged, grouped


@dataclass(frozen=True, eq=False)
class Examples:
    """Items as training sees them.

    Args:
        items: the I items.
        labels: I rows, codes of the labels of each item.
        annotators: I rows, who gave each of them.
        targets: (I, K) target distribution, rows sum to 1; zeros where an objective needs none.
        weights: (I,) weight of each item, >= 0; training leaves out items of weight 0.
        index: (I,) place of each item in the data it was taken from.
    """

    items: Items
    labels: Ragged
    annotators: Ragged
    targets: Floats
    weights: Floats
    index: Ints

    def __len__(self) -> int:
        return len(self.items)

    def take(self, index: Ints) -> Examples:
        """The examples at `index`, in that order."""
        return Examples(
            self.items.take(index),
            self.labels.take(index),
            self.annotators.take(index),
            self.targets[index],
            self.weights[index],
            self.index[index],
        )


def rows(annotations: Annotations) -> tuple[Ragged, Ragged]:
    """Labels and annotators of each item, I rows each.

    Example: items with 2, 0 and 1 labels give rows ``[a, b], [], [c]``.
    """
    n = len(annotations.items)
    return grouped(annotations.label, annotations.item, n), grouped(annotations.annotator, annotations.item, n)


def from_annotations(annotations: Annotations) -> Examples:
    """Examples that carry every label with its annotator; an item without labels has weight 0."""
    labels, annotators = rows(annotations)
    targets = np.zeros((len(annotations.items), annotations.items.max_choices))
    weights = (annotations.labels_per_item > 0).astype(np.float64)
    return Examples(annotations.items, labels, annotators, targets, weights, np.arange(len(annotations.items)))


def from_targets(items: Items, targets: Floats, weights: Floats) -> Examples:
    """Examples that carry a target distribution (I, K) and a weight (I,) each."""
    none = grouped(np.zeros(0, np.int64), np.zeros(0, np.int64), len(items))
    return Examples(items, none, none, targets, weights, np.arange(len(items)))
