r"""EM: annotators and truths together, from a table of what a model says of the items.

.. math:: q_i(k) \propto p_i(k)^\gamma \prod_{n \in i} P(l_n | k, a_n)

It begins with an M-step from the model's own posterior, never with an E-step under annotators nobody has met: with
everybody at the same reliability that would hand the truth to the majority. The sharpness gamma of the model's
answers is fitted, not assumed: what protects against an adversarial majority is not only that the model is right, but
that it is as sure as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.em.given import Annotators, Given

STEPS, TOLERANCE = 200, 1e-6  # most steps; nats per label
BLUNTEST, SHARPEST = 0.0, 20.0  # bounds of the sharpness; never negative: a model is not read backwards
NEWTON = 8  # most steps to the best sharpness, a concave problem in one number
SAME = 1e-9  # share of it by which a step must move it to be followed by another

A = TypeVar("A", bound=Annotators)


@dataclass(frozen=True, eq=False)
class Solution(Generic[A]):
    """Truths and annotators that explain the labels.

    Args:
        posterior: (I, K) P(truth = k), rows sum to 1.
        annotators: fitted.
        sharpness: exponent of the model's probabilities.
        evidence: (I, K) log-likelihood in nats of all labels of an item under each truth.
        log_posteriors: log posterior density in nats after each step; never falls where the prior is fixed, as it is
            not for kernels, which learn theirs from the crowd.
    """

    posterior: Floats
    annotators: A
    sharpness: float
    evidence: Floats
    log_posteriors: list[float]


def solve(
    log_p: Floats,
    given: Given,
    annotators: A,
    *,
    start: Floats | None = None,
    sharpness: float | None = None,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> Solution[A]:
    """Fit annotators and truths to convergence.

    Args:
        log_p: (I, K) log-probabilities of the model, finite.
        given: N labels.
        annotators: the model of annotators; its parameters are where a gradual M-step starts from.
        start: (I, K) posterior of the first M-step; by default the model's own.
        sharpness: exponent of the model's probabilities; None fits it.
        steps: most steps.
        tolerance: stop when the log posterior rises by less, in nats per label.
    """
    posterior = distributions(log_p)[0] if start is None else start
    gamma, values = 1.0 if sharpness is None else sharpness, list[float]()
    evidence = np.zeros_like(log_p)
    for _ in range(steps):
        annotators = annotators.refit(given, posterior)
        gamma = best_sharpness(log_p, posterior, gamma) if sharpness is None else sharpness
        evidence = given.evidence(annotators)
        posterior, total = distributions(normalised(gamma * log_p) + evidence)
        values.append(total + annotators.log_prior())
        if len(values) > 1 and values[-1] - values[-2] < tolerance * max(len(given), 1):
            break
    return Solution(posterior, annotators, gamma, evidence, values)


def distributions(score: Floats) -> tuple[Floats, float]:
    """Rows of (I, K) nats as probabilities, and the sum of their log totals; for many rows of few columns."""
    likely, top, total = _likely(score)
    likely /= total[:, None]
    return likely, float(top.sum() + np.log(total).sum())


def normalised(score: Floats) -> Floats:
    """Rows of (I, K) nats as log-probabilities; for many rows of few columns."""
    _, top, total = _likely(score)
    return np.asarray(score - (top + np.log(total))[:, None])


def _likely(score: Floats) -> tuple[Floats, Floats, Floats]:
    """(I, K) likelihoods against the largest of each row, (I,) that one in nats, (I,) their sum."""
    top = score[:, 0].copy() if score.shape[1] else np.zeros(len(score))
    for column in score.T[1:]:
        np.maximum(top, column, out=top)
    likely = np.exp(score - top[:, None])
    return likely, top, likely @ np.ones(score.shape[1])


def best_sharpness(log_p: Floats, posterior: Floats, start: float) -> float:
    """Exponent gamma that makes p^gamma, normalised, most probable under an (I, K) posterior over truths."""
    gamma = start
    wanted = float(np.vdot(posterior, log_p))
    for _ in range(NEWTON):
        said = distributions(gamma * log_p)[0] * log_p
        mean = said @ np.ones(said.shape[1])
        slope, curve = wanted - float(mean.sum()), float(np.vdot(said, log_p) - mean @ mean)
        if curve <= 0:
            break
        before = gamma
        gamma = float(np.clip(gamma + np.clip(slope / curve, -1, 1), BLUNTEST, SHARPEST))
        if abs(gamma - before) <= SAME * gamma:
            break
    return gamma
