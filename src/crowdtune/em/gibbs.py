r"""Gibbs sampling around an EM solution: how sure one may be of annotators and truths.

EM gives the most probable annotators and forgets that they are estimates; a posterior read off it is too sure, most of
all where annotators gave few labels. Here truths are drawn given annotators and annotators given truths, in turn, so
that intervals and posteriors carry both doubts: on crowds drawn from the stated prior, intervals cover what they say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax

from crowdtune.annotations import Floats, Ints
from crowdtune.em.coin import Coin, coin
from crowdtune.em.given import Annotators, Given

DRAWS, BURN = 400, 100


@dataclass(frozen=True, eq=False)
class Sample:
    """What sampling found.

    Args:
        posterior: (I, K) P(truth = k) with the doubt about annotators taken in; rows sum to 1.
        reliability: (R, J) draws of each annotator's reliability.
    """

    posterior: Floats
    reliability: Floats

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """(J,) lower and (J,) upper ends of the central interval that holds reliability with probability `level`."""
        low, high = np.quantile(self.reliability, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high


def sample(
    log_p: Floats,
    given: Given,
    annotators: Annotators,
    sharpness: float,
    rng: np.random.Generator,
    *,
    prior: Coin | None = None,
    draws: int = DRAWS,
    burn: int = BURN,
) -> Sample:
    """Draw from the posterior, starting at a solution of EM.

    Args:
        log_p: (I, K) log-probabilities of the model, finite.
        given: N labels.
        annotators: the solution's annotators.
        sharpness: the solution's exponent of the model's probabilities, kept.
        rng: source of randomness.
        prior: one coin whose Beta prior reliabilities have; by default Beta(2, 2).
        draws: how many to keep, R.
        burn: how many to forget first.
    """
    known = log_softmax(sharpness * log_p, axis=1)
    coins = prior or coin(given)
    total, kept = np.zeros_like(log_p), np.empty((draws, given.n_annotators))
    for step in range(burn + draws):
        posterior = softmax(known + given.per_item(annotators.log_likelihood(given)), axis=1)
        truth = _drawn(posterior, rng)
        annotators = annotators.draw(given, truth, rng)
        if step >= burn:
            total += posterior
            kept[step - burn] = coins.draw(given, truth, rng).reliability
    return Sample(total / draws, kept)


def _drawn(posterior: Floats, rng: np.random.Generator) -> Ints:
    """(I,) a truth for each item, drawn from (I, K) rows."""
    return np.asarray((posterior.cumsum(axis=1) < rng.random((len(posterior), 1))).sum(axis=1)).clip(
        max=posterior.shape[1] - 1
    )
