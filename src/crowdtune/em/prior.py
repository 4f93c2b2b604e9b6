r"""What a crowd says of annotators it has hardly met: the Beta prior of reliabilities, learned from the others.

.. math:: s_a \sim Beta(m \nu, (1 - m) \nu), \qquad m, \log \nu \text{ uniform on a grid}

m is the crowd's mean reliability, nu how alike its members are, in pseudo-labels. Without a model nothing in the labels
tells a crowd from its mirror image, every answer turned round, unless the prior does: there the grid's means begin at
chance, so that a crowd is right more often than a guess. With a model the means may lie anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from crowdtune.annotations import Floats
from crowdtune.em.given import Given

MEANS, STRENGTHS = 24, 12  # points of the grid
WEAKEST, STRONGEST = 2.0, 50.0  # pseudo-labels


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
        """(alpha, beta) most probable given the right labels an (I, K) posterior expects of each annotator."""
        right, count = given.per_annotator(given.at_label(posterior)), given.per_annotator(np.ones(len(given)))
        a, b = self.alpha[:, None], self.beta[:, None]
        return self._at(int((betaln(a + right, b + count - right) - betaln(a, b)).sum(axis=1).argmax()))

    def drawn(self, reliability: Floats, rng: np.random.Generator) -> tuple[float, float]:
        """(alpha, beta) drawn given (J,) reliabilities in (0, 1): a step of Gibbs sampling."""
        total, total_wrong = np.log(reliability).sum(), np.log1p(-reliability).sum()
        score = self.alpha * total + self.beta * total_wrong - len(reliability) * betaln(self.alpha, self.beta)
        return self._at(int((score + rng.gumbel(size=len(score))).argmax()))

    def _at(self, place: int) -> tuple[float, float]:
        return float(self.alpha[place]), float(self.beta[place])


def crowd_prior(lowest: float = 0.0) -> CrowdPrior:
    """Means from `lowest` to 1 with strengths from 2 to 50 pseudo-labels, as far as alpha and beta are 1 or more."""
    steps = (np.arange(MEANS) + 0.5) / MEANS
    mean, strength = np.meshgrid(lowest + (1 - lowest) * steps, np.geomspace(WEAKEST, STRONGEST, STRENGTHS))
    alpha, beta = mean * strength, (1 - mean) * strength
    kept = (alpha >= 1) & (beta >= 1)
    return CrowdPrior(alpha[kept], beta[kept])


def one_prior(alpha: float, beta: float) -> CrowdPrior:
    """A Beta prior that is stated, not learned."""
    return CrowdPrior(np.array([alpha]), np.array([beta]))


def chance(given: Given) -> float:
    """Share of right labels of annotators who guess; where no label is, that of two choices."""
    return float((1 / given.n_choices).mean()) if len(given) else 0.5
