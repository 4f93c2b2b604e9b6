r"""MACE: an annotator knows the truth, or answers from a habit of their own. By variational Bayes.

.. math:: P(l | t, a) = \theta_a 1[l = t] + (1 - \theta_a) \, \xi_a(l), \qquad
          \theta_a \sim Beta(\alpha, \beta), \quad \xi_a \sim Dirichlet(\gamma)

The habit catches who always gives the same answer; it does not depend on the truth, so a liar counts as somebody who
guesses. All truths are alike before anything is seen. EM runs from the vote shares, and from the vote's winners, and
the better bound is kept: no random restarts, so that names and order change nothing.

Differs from the authors' release: deterministic starts in place of random ones; gold items are certain truths, and an
annotator's history is pseudo-labels of knowing (right, less what guesses get right) and guessing.

References:
    Hovy, Berg-Kirkpatrick, Vaswani and Hovy, Learning whom to trust with MACE, 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, gammaln

from crowdtune.aggregate._evidence import Evidence
from crowdtune.aggregate._fit import Fit, vote_shares, winners
from crowdtune.aggregate._parts import Part, conclude, parts
from crowdtune.annotations import Annotations, Floats
from crowdtune.em.given import Given
from crowdtune.em.solve import distributions


@dataclass(frozen=True)
class Mace:
    """Options of MACE.

    Args:
        alpha: of the Beta prior on knowing, pseudo-labels known.
        beta: those guessed.
        habit: pseudo-labels of a habit's prior on each choice.
        max_steps: most steps.
        tolerance: stop when the bound rises by less, in nats per label.
    """

    alpha: float = 0.5
    beta: float = 0.5
    habit: float = 10.0
    max_steps: int = 100
    tolerance: float = 1e-6

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Run it in each task by itself; needs choices that all items of a task share."""
        annotations.items.require_shared_choices("mace", instead="one-coin, or crowdtune train")
        fit = Fit(vote_shares(annotations))
        for part in parts(annotations, fit.posterior, known):
            starts = [part.start] if part.informed else [part.start, winners(part.start, part.mask)]
            found, fit.log_posteriors[part.task] = max((self._run(part, s) for s in starts), key=lambda run: run[1][-1])
            fit.posterior[part.inside, : part.given.width] = found
        conclude(fit.posterior, annotations, known)
        return fit

    def _run(self, part: Part, posterior: Floats) -> tuple[Floats, list[float]]:
        """(I, K) posterior and the bounds after each step."""
        given, prior = part.given, self._prior(part)
        base = part.flat if given.known is None else part.flat + given.known
        ratio, bounds = np.full((given.n_annotators, given.width), float(given.width)), list[float]()
        for _ in range(self.max_steps):
            knew, habit = _counts(given, posterior, ratio)
            knowing = prior + np.stack([knew, given.labels_per_annotator - knew])
            log_known, log_guess = digamma(knowing) - digamma(knowing.sum(axis=0))
            habits = self.habit + habit
            wrong = log_guess[:, None] + digamma(habits) - digamma(habits.sum(axis=1, keepdims=True))
            ratio = np.exp(log_known[:, None] - wrong)
            score = _evidence(given, wrong + np.log1p(ratio), wrong)
            posterior, total = distributions(score + base)
            bounds.append(total - _beta_distance(knowing, prior) - _dirichlet_distance(habits, self.habit))
            if len(bounds) > 1 and bounds[-1] - bounds[-2] < self.tolerance * len(given):
                break
        return posterior, bounds

    def _prior(self, part: Part) -> Floats:
        """(2, J) pseudo-labels known and guessed; of labels right before, as many were guessed as luck would have."""
        right, wrong = part.history
        lucky = np.minimum(wrong / max(part.given.width - 1, 1), right)
        return np.stack([self.alpha + right - lucky, self.beta + wrong + lucky])


def _counts(given: Given, posterior: Floats, ratio: Floats) -> tuple[Floats, Floats]:
    """(J,) expected labels known, and (J, K) expected guesses of each choice; ratio (J, K) is known to guessed."""
    cell = given.annotator * given.width + given.label
    knew = given.at_label(posterior) * (ratio / (1 + ratio)).ravel()[cell]
    guessed = np.bincount(cell, weights=1 - knew, minlength=ratio.size).reshape(ratio.shape)
    return given.per_annotator(knew), np.asarray(guessed, dtype=np.float64)


def _evidence(given: Given, right: Floats, wrong: Floats) -> Floats:
    """(I, K) nats from (J, K) nats of a label under the truth it names and under others."""
    cell = given.annotator * given.width + given.label
    return given.per_choice(right.ravel()[cell], wrong.ravel()[cell])


def _beta_distance(found: Floats, prior: Floats) -> float:
    """Kullback-Leibler divergence of Betas (2, J) from their priors, summed, in nats."""
    more = found - prior
    gained = more * digamma(found)
    return float(
        (betaln(*prior) - betaln(*found) + gained.sum(axis=0) - more.sum(axis=0) * digamma(found.sum(0))).sum()
    )


def _dirichlet_distance(found: Floats, prior: float) -> float:
    """The same of Dirichlets (J, K) from a symmetric one."""
    total, k = found.sum(axis=1), found.shape[1]
    normal = gammaln(total) - gammaln(found).sum(axis=1) - gammaln(k * prior) + k * gammaln(prior)
    return float((normal + ((found - prior) * (digamma(found) - digamma(total)[:, None])).sum(axis=1)).sum())
