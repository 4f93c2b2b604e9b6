"""What an aggregator returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from crowdtune.aggregate._evidence import Evidence
from crowdtune.annotations import Annotations, Bools, Floats, Ints


@dataclass(frozen=True)
class Fit:
    """Posterior over truths.

    Args:
        posterior: (I, K) P(truth = k), rows sum to 1; uniform where an item has no label.
        confusion: task -> (J, K, K), [j, t, k] = P(annotator j says k | truth t), where the model has one.
        intervals: columns reliability_low and reliability_high, J values each, where the model gives them.
        log_posteriors: task -> log posterior density, or its bound, in nats after every step of EM; never falls.
        difficulty: (I,) how hard each item is, above 0, where the model says; NaN without labels.
        columns: further columns of annotators, J values each, None where nothing is known of one.
        scores: thing compared -> score in nats, for pairs: the difference of two is the log-odds that one is better.
        chosen: task -> name of the aggregator that answered it, where that was a choice.
        compared: rows of what was weighed in choosing.
        notes: what a reader of the result must know, a sentence each.
    """

    posterior: Floats
    confusion: dict[str, Floats] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    log_posteriors: dict[str, list[float]] = field(default_factory=dict)
    difficulty: Floats | None = None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    compared: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Aggregator(Protocol):
    """Infers truths from annotations."""

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Posterior over the truth of every item; refuses evidence it cannot use."""
        ...


def vote_shares(annotations: Annotations) -> Floats:
    """(I, K) share of an item's labels by named annotators on each choice; uniform where it has none."""
    return shares_of(annotations.votes, annotations.items.choice_mask)


def shares_of(counts: Ints, mask: Bools) -> Floats:
    """(I, K) counts as shares of each row; uniform over the choices marked where all are 0."""
    votes = counts.astype(np.float64)
    empty = votes.sum(axis=1, keepdims=True) == 0
    votes = np.where(empty, mask, votes)
    shares: Floats = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return shares


def winners(scores: Floats, among: Bools) -> Floats:
    """(I, K) all weight on the highest score of each row `among` the choices marked; tied ones share it."""
    top = np.where(among, scores, -np.inf)
    won = np.isclose(top, top.max(axis=1, keepdims=True, initial=-np.inf)) & among
    return np.asarray(won / won.sum(axis=1, keepdims=True))


def met_only(values: Floats, annotations: Annotations) -> list[float | None]:
    """(J,) values as a column of annotators, None for those without labels."""
    seen = annotations.labels_per_annotator > 0
    return [round(float(v), 4) if s else None for v, s in zip(values, seen, strict=True)]


def ranking(scores: dict[str, float]) -> dict[str, list[str] | list[float]]:
    """Columns thing and score, the best first."""
    order = sorted(scores, key=lambda thing: -scores[thing])
    return {"thing": order, "score": [scores[thing] for thing in order]}
