r"""GLAD: annotators have an ability, items a difficulty. By EM, its M-step in guarded Newton steps.

.. math:: P(l = t | a, i) = \sigma(\alpha_a \beta_i), \quad \text{any other choice alike}, \qquad
          \alpha_a \sim N(1, 1), \quad \log \beta_i \sim N(1, 1)

An ability below 0 is a liar's; beta is 1 / difficulty. Choices may differ between the items of a task. The M-step moves
abilities, then difficulties, by Newton steps with the expected curvature; a step that does not make its own annotator's
or item's part better is not taken, so that EM's log posterior never falls.

Differs from the paper: EM begins at the vote shares, all truths alike before anything is seen, as in crowd-kit.
An annotator's history counts as labels of items of the usual difficulty, log beta = 1.

References:
    Whitehill, Ruvolo, Wu, Bergsma and Movellan, Whose vote should count more, 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from crowdtune.aggregate._evidence import Evidence
from crowdtune.aggregate._fit import Fit, vote_shares
from crowdtune.aggregate._parts import Part, conclude, parts
from crowdtune.annotations import Annotations, Floats
from crowdtune.em.given import Given
from crowdtune.em.solve import distributions

MEAN = 1.0  # of the priors of alpha and of log beta; their variance is 1
INNER = 2  # Newton steps of each kind in an M-step
LEAP = 1.0  # longest step
USUAL = float(np.exp(MEAN))  # beta of an item of the usual difficulty


@dataclass(frozen=True)
class Glad:
    """Options of GLAD.

    Args:
        max_steps: most EM steps.
        tolerance: stop when the log posterior rises by less, in nats per label.
    """

    max_steps: int = 100
    tolerance: float = 1e-6

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Run EM in each task by itself."""
        difficulty = np.full(len(annotations.items), np.nan)
        fit = Fit(vote_shares(annotations), difficulty=difficulty)
        for part in parts(annotations, fit.posterior, known):
            found, log_beta, fit.log_posteriors[part.task] = self._run(part)
            fit.posterior[part.inside, : part.given.width] = found
            difficulty[part.inside] = np.exp(-log_beta)
        conclude(fit.posterior, annotations, known)
        return fit

    def _run(self, part: Part) -> tuple[Floats, Floats, list[float]]:
        """(I, K) posterior, (I,) log beta, and log posteriors after each step."""
        given, posterior = part.given, part.start
        base = part.flat if given.known is None else part.flat + given.known
        others = np.log(given.n_choices - 1)
        alpha, log_beta, values = np.full(given.n_annotators, MEAN), np.full(given.n_items, MEAN), list[float]()
        for _ in range(self.max_steps):
            right = given.at_label(posterior)
            for _ in range(INNER):
                alpha = _better_alpha(given, right, alpha, np.exp(log_beta)[given.item], part.history)
                log_beta = _better_log_beta(given, right, alpha[given.annotator], log_beta)
            x = alpha[given.annotator] * np.exp(log_beta)[given.item]
            wrong = -_bend(x)[0]
            posterior, total = distributions(base + given.per_choice(wrong + x, wrong - others))
            prior = _alpha_prior(alpha, part.history).sum() - ((log_beta - MEAN) ** 2).sum() / 2
            values.append(float(total + prior))
            if len(values) > 1 and values[-1] - values[-2] < self.tolerance * len(given):
                break
        return posterior, log_beta, values


def _better_alpha(given: Given, right: Floats, alpha: Floats, beta: Floats, history: Floats) -> Floats:
    """(J,) abilities a Newton step on, where that is better; beta (N,) is each label's item's."""
    before, share = _bend(x := alpha[given.annotator] * beta)
    usual = expit(alpha * USUAL)
    slope = given.per_annotator((right - share) * beta) - (alpha - MEAN)
    slope += USUAL * (history[0] - history.sum(axis=0) * usual)
    curve = given.per_annotator(beta**2 * share * (1 - share)) + 1
    curve += USUAL**2 * history.sum(axis=0) * usual * (1 - usual)
    tried = alpha + np.clip(slope / curve, -LEAP, LEAP)
    after = _bend(y := tried[given.annotator] * beta)[0]
    gain = given.per_annotator(right * (y - x) - (after - before))
    gain += _alpha_prior(tried, history) - _alpha_prior(alpha, history)
    return np.where(gain >= 0, tried, alpha)


def _better_log_beta(given: Given, right: Floats, alpha: Floats, log_beta: Floats) -> Floats:
    """(I,) log betas a step on, where that is better; alpha (N,) is each label's annotator's."""
    before, share = _bend(x := alpha * np.exp(log_beta)[given.item])
    slope = _per_item(given, (right - share) * x) - (log_beta - MEAN)
    curve = _per_item(given, x**2 * share * (1 - share)) + 1
    tried = log_beta + np.clip(slope / curve, -LEAP, LEAP)
    after = _bend(y := alpha * np.exp(tried)[given.item])[0]
    gain = _per_item(given, right * (y - x) - (after - before))
    gain += ((log_beta - MEAN) ** 2 - (tried - MEAN) ** 2) / 2
    return np.where(gain >= 0, tried, log_beta)


def _alpha_prior(alpha: Floats, history: Floats) -> Floats:
    """(J,) log density of abilities in nats, with what history says of them, up to a constant."""
    x = alpha * USUAL
    return np.asarray(history[0] * x - history.sum(axis=0) * np.logaddexp(0, x) - (alpha - MEAN) ** 2 / 2)


def _bend(x: Floats) -> tuple[Floats, Floats]:
    """log(1 + e^x) and its slope, sigma(x), with one exponential for both."""
    small = np.exp(-np.abs(x))
    share = 1 / (1 + small)
    return np.maximum(x, 0) + np.log1p(small), np.where(x >= 0, share, 1 - share)


def _per_item(given: Given, values: Floats) -> Floats:
    """(I,) sums of (N,) values."""
    return np.asarray(np.bincount(given.item, weights=values, minlength=given.n_items), dtype=np.float64)
