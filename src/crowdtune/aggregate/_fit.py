"""What an aggregator returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from crowdtune.aggregate._evidence import Evidence
from crowdtune.annotations import Annotations, Bools, Floats


@dataclass(frozen=True)
class Fit:
    """Posterior over truths.

    Args:
        posterior: (I, K) P(truth = k), rows sum to 1; uniform where an item has no label.
        confusion: task -> (J, K, K), [j, t, k] = P(annotator j says k | truth t), where the model has one.
        intervals: columns reliability_low and reliability_high, J values each, where the model gives them.
        log_posteriors: task -> log posterior density, or its bound, in nats after every step of EM; never falls.
        difficulty: (I,) how hard each item is, above 0, where the model says; NaN without labels.
    """

    posterior: Floats
    confusion: dict[str, Floats] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    log_posteriors: dict[str, list[float]] = field(default_factory=dict)
    difficulty: Floats | None = None


class Aggregator(Protocol):
    """Infers truths from annotations."""

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Posterior over the truth of every item; refuses evidence it cannot use."""
        ...


def vote_shares(annotations: Annotations) -> Floats:
    """(I, K) share of an item's labels on each choice; uniform over its choices where it has no label."""
    votes = annotations.votes.astype(np.float64)
    mask = annotations.items.choice_mask
    empty = votes.sum(axis=1, keepdims=True) == 0
    votes = np.where(empty, mask, votes)
    shares: Floats = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return shares


def winners(scores: Floats, among: Bools) -> Floats:
    """(I, K) all weight on the highest score of each row `among` the choices marked; tied ones share it."""
    top = np.where(among, scores, -np.inf)
    won = np.isclose(top, top.max(axis=1, keepdims=True, initial=-np.inf)) & among
    return np.asarray(won / won.sum(axis=1, keepdims=True))
