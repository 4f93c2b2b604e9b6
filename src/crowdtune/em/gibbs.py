r"""Gibbs sampling around an EM solution: how sure one may be of annotators and truths.

EM gives the most probable annotators and forgets that they are estimates; a posterior read off it is too sure, most of
all where annotators gave few labels. Here truths are drawn given annotators and annotators given truths, in turn, so
that intervals and posteriors carry both doubts: on crowds drawn from the stated prior, intervals cover what they say.
The sharpness of the model's answers is drawn too, log gamma from N(0, 1) before anything is seen: where labels tell
little EM settles on any, and with one too high both model and annotators would be believed too much.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.em.coin import Coin, coin
from crowdtune.em.given import Annotators, Given
from crowdtune.em.grid import OnGrid
from crowdtune.em.prior import CrowdPrior
from crowdtune.em.solve import distributions, normalised

DRAWS, BURN = 400, 100  # kept, and forgotten before
FEW_DRAWS, FEW_BURN = 100, 50  # the same where there are many items and labels
CELLS = 1e9  # most items times choices, and labels, times draws, but for FEW_DRAWS
STRIDE = 3.0  # of the walk of log sharpness: about this over the root of I
TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Sample:
    """What sampling found.

    Args:
        posterior: (I, K) P(truth = k) with the doubt about annotators taken in; rows sum to 1.
        reliability: (R, J) draws of each annotator's reliability.
        numbers: (R, J, C) draws of the numbers that say where annotators on a grid are; of others there are none.
    """

    posterior: Floats
    reliability: Floats
    numbers: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))

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
    learned: CrowdPrior | None = None,
    draws: int = 0,
) -> Sample:
    """Draw from the posterior, starting at a solution of EM.

    Args:
        log_p: (I, K) log-probabilities of the model, finite.
        given: N labels.
        annotators: the solution's annotators.
        sharpness: the solution's exponent of the model's probabilities, where drawing it starts.
        rng: source of randomness.
        prior: one coin whose Beta prior reliabilities have; by default Beta(2, 2).
        learned: Beta priors held possible, drawn too, in place of the coin's; None keeps to the coin's.
        draws: how many to keep, R; 0 for 400, or 100 where that is much work.
    """
    sharpness = max(sharpness, TINY)
    known = normalised(sharpness * log_p)
    much = log_p.size + len(given) > CELLS / DRAWS and not draws
    draws, burn = (FEW_DRAWS, FEW_BURN) if much else (draws or DRAWS, BURN)
    met = np.bincount(given.annotator, minlength=given.n_annotators) > 0
    coins = prior or coin(given)
    total, kept, more = np.zeros_like(log_p), np.empty((draws, given.n_annotators)), list[Floats]()
    for step in range(burn + draws):
        posterior, _ = distributions(known + given.evidence(annotators))
        truth = truths(posterior, rng)
        sharpness, known = _moved(sharpness, known, log_p, truth, rng)
        coins = coins.draw(given, truth, rng)
        if step >= burn:
            total += posterior
            kept[step - burn] = coins.reliability
        if learned is not None:
            alpha, beta = learned.drawn(coins.reliability[met], rng)
            coins, annotators = coins.with_prior(alpha, beta), annotators.with_prior(alpha, beta)
        annotators = annotators.draw(given, truth, rng)
        if step >= burn and isinstance(annotators, OnGrid):
            more.append(annotators.numbers(rng))
    return Sample(total / draws, kept, np.stack(more)) if more else Sample(total / draws, kept)


def per_annotator(drawn: Sample, annotations: Annotations) -> Floats:
    """(R, J) draws of each annotator's reliability; of one per annotator and task, the mean over the labels given."""
    j, m = len(annotations.annotators), len(annotations.items.tasks)
    if drawn.reliability.shape[1] == j:
        return drawn.reliability
    pair = annotations.annotator * m + annotations.items.task[annotations.item]
    count = np.bincount(pair, minlength=j * m).reshape(j, m)
    weight = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    return np.asarray((drawn.reliability.reshape(-1, j, m) * weight).sum(axis=2))


def interval_columns(drawn: Sample, annotations: Annotations, level: float = 0.95) -> dict[str, list[float]]:
    """reliability_low and reliability_high, J values each, as `runs.annotator_table` takes them."""
    low, high = Sample(drawn.posterior, per_annotator(drawn, annotations)).interval(level)
    return {"reliability_low": low.round(4).tolist(), "reliability_high": high.round(4).tolist()}


def _moved(
    sharpness: float, known: Floats, log_p: Floats, truth: Ints, rng: np.random.Generator
) -> tuple[float, Floats]:
    """Sharpness after a step of Metropolis on its logarithm, given truths, and the answers it makes, (I, K) nats."""
    other = float(sharpness * np.exp(rng.normal() / (1 + np.sqrt(len(truth)) / STRIDE)))
    answers = normalised(other * log_p)
    place = np.arange(len(truth))
    gain = (answers[place, truth] - known[place, truth]).sum()
    gain += (np.log(sharpness) ** 2 - np.log(other) ** 2) / 2
    return (other, answers) if np.log(rng.random()) < gain else (sharpness, known)


def truths(posterior: Floats, rng: np.random.Generator) -> Ints:
    """(I,) a truth for each item, drawn from (I, K) rows."""
    return np.asarray((posterior.cumsum(axis=1) < rng.random((len(posterior), 1))).sum(axis=1)).clip(
        max=posterior.shape[1] - 1
    )
