"""Examples: what training sees. Unique items, each with the labels it was given or a target, and a weight.

A forward pass costs per item, not per label: the labels of one item share its log-probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items


@dataclass(frozen=True, eq=False)
class Examples:
    """Items as training sees them.

    Args:
        items: the I items.
        labels: (I, A) codes of the labels of each item, padded with -1; A is the most labels an item has.
        annotators: (I, A) who gave each of them, padded with -1.
        targets: (I, K) target distribution, rows sum to 1; zeros where an objective needs none.
        weights: (I,) weight of each item, >= 0; training leaves out items of weight 0.
        index: (I,) place of each item in the data it was taken from.
    """

    items: Items
    labels: Ints
    annotators: Ints
    targets: Floats
    weights: Floats
    index: Ints

    def __len__(self) -> int:
        return len(self.items)

    def take(self, index: Ints) -> Examples:
        """The examples at `index`, in that order."""
        return Examples(
            self.items.take(index),
            self.labels[index],
            self.annotators[index],
            self.targets[index],
            self.weights[index],
            self.index[index],
        )


def padded(annotations: Annotations) -> tuple[Ints, Ints]:
    """Labels and annotators as two (I, A) arrays padded with -1.

    Example: items with 2, 0 and 1 labels give rows ``[a, b], [-1, -1], [c, -1]``.
    """
    width = int(annotations.labels_per_item.max(initial=0))
    order = np.argsort(annotations.item, kind="stable")
    item = annotations.item[order]
    starts = np.concatenate([[0], np.cumsum(annotations.labels_per_item)])[:-1]
    column = np.arange(len(annotations)) - starts[item]
    labels = np.full((len(annotations.items), width), -1, dtype=np.int64)
    annotators = labels.copy()
    labels[item, column] = annotations.label[order]
    annotators[item, column] = annotations.annotator[order]
    return labels, annotators


def from_annotations(annotations: Annotations) -> Examples:
    """Examples that carry every label with its annotator; an item without labels has weight 0."""
    labels, annotators = padded(annotations)
    targets = np.zeros((len(annotations.items), annotations.items.max_choices))
    weights = (annotations.labels_per_item > 0).astype(np.float64)
    return Examples(annotations.items, labels, annotators, targets, weights, np.arange(len(annotations.items)))


def from_targets(items: Items, targets: Floats, weights: Floats) -> Examples:
    """Examples that carry a target distribution (I, K) and a weight (I,) each."""
    none = np.full((len(items), 0), -1, dtype=np.int64)
    return Examples(items, none, none, targets, weights, np.arange(len(items)))
