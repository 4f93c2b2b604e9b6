r"""What a crowd says of annotators it has hardly met: the Beta prior of reliabilities, learned from the others.

.. math:: s_a \sim Beta(m \nu, (1 - m) \nu), \qquad m, \log \nu \text{ uniform on a grid}

m is the crowd's mean reliability, nu how alike its members are, in pseudo-labels. Without a model nothing in the labels
tells a crowd from its mirror image, every answer turned round, unless the prior does: there the grid's means begin
above chance, so that a crowd is right more often than a guess. With a model the means may lie anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaln

from crowdtune.annotations import Floats
from crowdtune.em.coin import EDGE, Coin, coin
from crowdtune.em.given import Given
from crowdtune.em.solve import Solution, solve

ROUNDS = 10  # of fitting prior and annotators in turn; the prior is a point of the grid and settles in three or four
MARGIN = 0.1  # of the way from chance to 1: a crowd nearer to chance may as well be its own mirror image
MEANS, STRENGTHS = 24, 12  # points of the grid
WEAKEST, STRONGEST = 2.0, 50.0  # pseudo-labels
MOST = 4096  # annotators a prior is learned from; of more, every second, third, ... one


@dataclass(frozen=True, eq=False)
class CrowdPrior:
    """The Beta priors held possible, all alike before anything is seen.

    Args:
        alpha: (G,) of each Beta.
        beta: (G,) of each Beta.
    """

    alpha: Floats
    beta: Floats

    def fitted(self, given: Given, posterior: Floats) -> tuple[float, float]:
        """(alpha, beta) most probable given how many labels of each annotator an (I, K) posterior takes for right.

        That number is in doubt: it is taken at its mean plus and minus its standard deviation. At the mean alone the
        annotators of a thin crowd look alike, are then made so, and the vote decides.
        """
        likely = given.at_label(posterior)
        mean, doubt = given.per_annotator(likely), given.per_annotator(likely * (1 - likely))
        return self.most_probable(given.labels_per_annotator, mean, doubt)

    def most_probable(self, count: Floats, mean: Floats, doubt: Floats) -> tuple[float, float]:
        """(alpha, beta) most probable given (J,) labels and the mean and variance of how many of them are right."""
        step = max(-(-len(count) // MOST), 1)
        count, mean, spread = count[::step], mean[::step], np.sqrt(doubt)[::step]
        a, b = self.alpha[:, None], self.beta[:, None]
        total = np.zeros(len(a))
        for right in (np.maximum(mean - spread, 0), np.minimum(mean + spread, count)):
            total += (betaln(a + right, b + count - right) - betaln(a, b)).sum(axis=1)
        return self._at(int(total.argmax()))

    def drawn(self, reliability: Floats, rng: np.random.Generator) -> tuple[float, float]:
        """(alpha, beta) drawn given (J,) reliabilities in (0, 1): a step of Gibbs sampling."""
        total, total_wrong = np.log(reliability).sum(), np.log1p(-reliability).sum()
        score = self.alpha * total + self.beta * total_wrong - len(reliability) * betaln(self.alpha, self.beta)
        return self._at(int((score + rng.gumbel(size=len(score))).argmax()))

    def _at(self, place: int) -> tuple[float, float]:
        return float(self.alpha[place]), float(self.beta[place])


def crowd_prior(lowest: float = 0.0, strongest: float = STRONGEST) -> CrowdPrior:
    """Means from `lowest` to 1, strengths from 2 to `strongest` pseudo-labels, as far as alpha and beta are >= 1."""
    steps = (np.arange(MEANS) + 0.5) / MEANS
    mean, strength = np.meshgrid(lowest + (1 - lowest) * steps, np.geomspace(WEAKEST, strongest, STRENGTHS))
    alpha, beta = mean * strength, (1 - mean) * strength
    kept = (alpha >= 1) & (beta >= 1)
    return CrowdPrior(alpha[kept], beta[kept])


def above_chance(given: Given) -> float:
    """A tenth of the way from the share of labels that guesses get right to 1; without labels, of two choices."""
    guess = float((1 / given.n_choices).mean()) if len(given) else 0.5
    return guess + MARGIN * (1 - guess)


def solve_coin(
    log_p: Floats,
    given: Given,
    *,
    start: Floats | None = None,
    lowest: float = 0.0,
    sharpness: float | None = None,
    history: Floats | None = None,
    least: float = EDGE,
) -> Solution[Coin]:
    """One coin under the prior its crowd teaches: EM and the prior in turn, until the prior stays.

    The coins are most probable in log-odds, where the mode is what Beta(alpha + 1, beta + 1) has in s, and equals the
    posterior's mean: a thin annotator is taken for as reliable as expected, not as is likeliest.

    Args:
        log_p: (I, K) log-probabilities of the model, finite.
        given: N labels.
        start: (I, K) posterior to begin with; by default the model's own.
        lowest: mean of the least reliable crowd held possible; `above_chance` without a model.
        sharpness: exponent of the model's probabilities; None fits it.
        history: (2, J) pseudo-labels right and wrong of annotators met before.
        least: reliability nobody is below.
    """
    before_right, before_wrong = (0.0, 0.0) if history is None else history
    possible = crowd_prior(lowest)
    posterior = np.exp(log_p) if start is None else start
    before = None
    for _ in range(ROUNDS):
        prior = possible.fitted(given, posterior)
        if prior == before:
            break
        fresh = coin(given, prior[0] + 1 + before_right, prior[1] + 1 + before_wrong)
        ready = replace(fresh, least=least)
        found = solve(log_p, given, ready, start=posterior, sharpness=sharpness)
        posterior, before = found.posterior, prior
    return found
