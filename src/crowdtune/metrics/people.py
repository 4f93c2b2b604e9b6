"""A prediction beside what several people said of each item: the measures, the floor, and the most contested items."""

from __future__ import annotations

from typing import Any

import numpy as np

from crowdtune.aggregate import label_distribution
from crowdtune.annotations import Annotations, Bools, Floats
from crowdtune.metrics.accuracy import entropy
from crowdtune.metrics.disagreement import quality
from crowdtune.metrics.distances import js_distance
from crowdtune.metrics.floor import floor

SEVERAL = 2  # labels from which an item tells whether people disagree


def several(annotations: Annotations) -> Bools:
    """(I,) True where an item has two labels or more, or none but a soft label. Of answers written freely none is:

    their choices are what people wrote.
    """
    count, items = annotations.all_votes.sum(axis=1), annotations.items
    told = count >= SEVERAL
    if annotations.soft is not None:
        told |= (count == 0) & (annotations.soft.sum(axis=1) > 0)
    written = np.array([kind == "text" for kind in items.kinds], dtype=bool)
    return np.asarray(told & ~written[items.task] & (items.n_choices > 1))


def against_people(q: Floats, annotations: Annotations, rng: np.random.Generator) -> dict[str, Any] | None:
    """How near a prediction is to people, None where no item was answered by several.

    Args:
        q: (I, K) predicted, rows sum to 1.
        annotations: what people said of the same items.
        rng: of intervals and of the floor.

    Returns:
        `items` and `labels_per_item`, the mean of those that have labels (None without); `groups`, see
        `disagreement.quality`; `floor`, see `floor.floor`, None where the source gives distributions without labels.
    """
    index = np.flatnonzero(several(annotations))
    if not len(index):
        return None
    asked = annotations.take_items(index)
    q = q[index, : asked.items.max_choices]
    labels = asked.all_votes.sum(axis=1)
    given = labels.any()
    return {
        "items": len(index),
        "labels_per_item": float(labels[labels > 0].mean()) if given else None,
        "groups": quality(q, label_distribution(asked), asked.all_votes if given else None, asked.items, rng),
        "floor": floor(asked.all_votes, asked.items, rng) if given else None,
    }


def contested(q: Floats, annotations: Annotations) -> dict[str, list[Any]]:
    """Columns of disagreement.parquet: the items several people answered, the most ambiguous first.

    Returns:
        item, prompt, choices, people (share of each choice), predicted (probability of each), labels (how many),
        ambiguity and predicted_entropy (nats), js_distance (base 2).
    """
    index = np.flatnonzero(several(annotations))
    asked = annotations.take_items(index)
    items, people = asked.items, label_distribution(asked)
    q = q[index, : items.max_choices]
    heat = entropy(people)
    order = np.argsort(-np.round(heat, 9), kind="stable")
    cut = [(i, int(items.n_choices[i])) for i in order.tolist()]
    return {
        "item": [items.ids[i] for i in order],
        "prompt": [items.prompts[i] for i in order],
        "choices": [list(items.choices(i)) for i in order],
        "people": [people[i, :k].tolist() for i, k in cut],
        "predicted": [q[i, :k].tolist() for i, k in cut],
        "labels": asked.all_votes.sum(axis=1)[order].tolist(),
        "ambiguity": heat[order].tolist(),
        "predicted_entropy": entropy(q)[order].tolist(),
        "js_distance": js_distance(people, q)[order].tolist(),
    }
