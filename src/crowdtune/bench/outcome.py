"""What every cell reports, worked out the same way for every model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.bench.grid import Outcome
from crowdtune.metrics.accuracy import accuracy
from crowdtune.metrics.guard import verdict


@dataclass(frozen=True, eq=False)
class Trained:
    """What is known after training, whatever the model.

    Args:
        anchor: (I, K) log-probabilities of the untrained model on the training items, centred.
        zero_shot: (T, K) log-probabilities of the untrained model on the test items.
        answers: (T,) codes the trained model gives.
        posterior: (I, K) P(truth = k) of the training items, as the method believes in the end.
        annotators: rows of `runs.annotator_table`.
        curve: (step, share of test items right).
        began: when the training began, by time.monotonic.
        results: what else the method told.
    """

    anchor: Floats
    zero_shot: Floats
    answers: Ints
    posterior: Floats
    annotators: Sequence[dict[str, Any]]
    curve: Sequence[tuple[int, float]]
    began: float
    results: Mapping[str, Any] = field(default_factory=dict)


def outcome(annotations: Annotations, test: Items, trained: Trained) -> Outcome:
    """Compare with the gold of T test items, and judge the crowd as one would have before training."""
    seconds = time.monotonic() - trained.began
    said = verdict(annotations, trained.anchor)
    return Outcome(
        correct=trained.answers == test.gold,
        zero_shot=float((trained.zero_shot.argmax(axis=1) == test.gold).mean()),
        posterior_accuracy=accuracy(trained.posterior, annotations.items.gold),
        chance=float((1 / test.n_choices).mean()),
        verdict=said.status,
        words=said.words,
        curve=trained.curve,
        annotators=trained.annotators,
        seconds=round(seconds, 2),
    )
