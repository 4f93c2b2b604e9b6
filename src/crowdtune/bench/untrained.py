"""What a method that trains is held against: answers that need no training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.bench.outcome import Trained
from crowdtune.denoise.votes import votes_around
from crowdtune.errors import InputError
from crowdtune.runs import annotator_table


@dataclass(frozen=True, eq=False)
class Known:
    """What there is before training.

    Args:
        log_p: (I, K) log-probabilities of the untrained model on the training items, centred.
        test_log_p: (T, K) on the test items.
        features: (I, D) embeddings of the training items, of length 1.
        test_features: (T, D) of the test items.
    """

    log_p: Floats
    test_log_p: Floats
    features: Floats
    test_features: Floats


class Told(Protocol):
    """A frozen dataclass of options."""

    def answer(self, annotations: Annotations, known: Known) -> tuple[Floats, Floats]:
        """(I, K) and (T, K) probabilities for the training and the test items."""
        ...


@dataclass(frozen=True)
class ZeroShot:
    """The untrained model's own answers."""

    def answer(self, annotations: Annotations, known: Known) -> tuple[Floats, Floats]:
        """As it is."""
        return np.exp(known.log_p), np.exp(known.test_log_p)


@dataclass(frozen=True)
class Constant:
    """The same answer to everything: the choice most frequent in the gold of the training items.

    It looks at gold, so it is not a method but a bar: what the shares of the choices alone are worth.
    """

    def answer(self, annotations: Annotations, known: Known) -> tuple[Floats, Floats]:
        """That choice, surely; of several the first."""
        gold, k = annotations.items.gold, annotations.items.max_choices
        shares = np.eye(k)[np.bincount(gold[gold >= 0], minlength=k).argmax()]
        return np.tile(shares, (len(known.log_p), 1)), np.tile(shares, (len(known.test_log_p), 1))


@dataclass(frozen=True)
class SelfRag:
    """The untrained model with the nearest training items and their given labels beside it, right or wrong.

    Differs from retrieval into a prompt: the mean of the model's probabilities and the neighbours' votes, since a head
    reads no prompt. On a training item its own label stays out.
    """

    k: int = 3  # nearest training items

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"k={self.k} must be 1 or more neighbours.")

    def answer(self, annotations: Annotations, known: Known) -> tuple[Floats, Floats]:
        """Mean of both."""
        votes, own = annotations.votes.astype(float), np.arange(len(known.features))
        inside = votes_around(known.features, known.features, votes, self.k, own)
        outside = votes_around(known.test_features, known.features, votes, self.k)
        return (np.exp(known.log_p) + inside) / 2, (np.exp(known.test_log_p) + outside) / 2


UNTRAINED: dict[str, type[Told]] = {"zero-shot": ZeroShot, "constant": Constant, "self-rag": SelfRag}


def untrained(told: Told, annotations: Annotations, known: Known, began: float) -> Trained:
    """What a method that trains nothing came to."""
    posterior, answers = told.answer(annotations, known)
    return Trained(
        anchor=known.log_p,
        zero_shot=known.test_log_p,
        answers=answers.argmax(axis=1),
        posterior=posterior,
        annotators=annotator_table(annotations, posterior),
        curve=[],
        began=began,
    )
