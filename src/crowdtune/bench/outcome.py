"""What every cell reports, worked out the same way for every model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.bench.grid import Outcome
from crowdtune.metrics.guard import verdict


@dataclass(frozen=True, eq=False)
class Trained:
    """What is known after training, whatever the model.

    Args:
        anchor: (I, K) log-probabilities of the untrained model on the training items, centred.
        zero_shot: (T, K) log-probabilities of the untrained model on the test items.
        answers: (T,) codes the trained model gives.
        posterior_accuracy: share of the training items whose posterior is right.
        annotators: rows of `runs.annotator_table`.
        curve: (step, share of test items right).
        began: when the training began, by time.monotonic.
    """

    anchor: Floats
    zero_shot: Floats
    answers: Ints
    posterior_accuracy: float
    annotators: Sequence[dict[str, Any]]
    curve: Sequence[tuple[int, float]]
    began: float


def outcome(annotations: Annotations, test: Items, trained: Trained) -> Outcome:
    """Compare with the gold of T test items, and judge the crowd as one would have before training."""
    seconds = time.monotonic() - trained.began
    said = verdict(annotations, trained.anchor)
    return Outcome(
        correct=trained.answers == test.gold,
        zero_shot=float((trained.zero_shot.argmax(axis=1) == test.gold).mean()),
        posterior_accuracy=trained.posterior_accuracy,
        chance=float((1 / test.n_choices).mean()),
        verdict=said.status,
        words=said.words,
        curve=trained.curve,
        annotators=trained.annotators,
        seconds=round(seconds, 2),
    )
