r"""One coin: an annotator is right with probability s, else says any other choice alike.

.. math:: P(l | k, a) = s_a 1[l = k] + (1 - s_a) / (K - 1) \, 1[l \ne k], \qquad s_a \sim Beta(\alpha, \beta)

Unlike REALM's uniform guess it can represent a liar (s below 1/K), whose labels then inform by what they exclude.
s is the annotator's reliability itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Floats, Ints
from crowdtune.em.given import Given

EDGE = 1e-6  # nobody is certainly right or wrong


@dataclass(frozen=True, eq=False)
class Coin:
    """Reliability of each annotator.

    Args:
        reliability: (J,) in (0, 1).
        alpha: (J,) or one number, of the Beta prior; pseudo-labels that were right, plus 1.
        beta: the same for wrong ones.
        least: reliability nobody is below; chance, the mean of 1 / K, where nobody is taken for a liar.
    """

    reliability: Floats
    alpha: Floats | float = 2.0
    beta: Floats | float = 2.0
    least: float = EDGE

    def log_likelihood(self, given: Given) -> Floats:
        """(N, K) nats."""
        right, wrong = self._nats(given)
        table = np.repeat(wrong[:, None], given.width, axis=1)
        table[np.arange(len(given)), given.label] = right
        return table

    def evidence(self, given: Given) -> Floats:
        """(I, K) nats, without the table of every label under every truth."""
        return given.per_choice(*self._nats(given))

    def _nats(self, given: Given) -> tuple[Floats, Floats]:
        """(N,) nats of each label where it is right and where it is wrong."""
        s = self.reliability[given.annotator]
        if self.least > EDGE:  # what is above chance is known; the rest is guessed, rightly more often where K is small
            known = (s - self.least) / (1 - self.least)
            s = known + (1 - known) / given.n_choices
        return np.log(s), np.log1p(-s) - np.log(given.n_choices - 1)

    def log_prior(self) -> float:
        """Log Beta density, summed over annotators, up to a constant."""
        s = self.reliability
        return float(((self.alpha - 1) * np.log(s) + (self.beta - 1) * np.log1p(-s)).sum())

    def refit(self, given: Given, posterior: Floats) -> Coin:
        """Most probable reliability: expected right labels, with the prior's, over all."""
        right, count = given.per_annotator(given.at_label(posterior)), given.labels_per_annotator
        total = count + self.alpha + self.beta - 2
        best = np.where(total > 0, (right + self.alpha - 1) / np.maximum(total, EDGE), 0.5)
        return replace(self, reliability=np.clip(best, self.least, 1 - EDGE))

    def with_prior(self, alpha: float, beta: float) -> Coin:
        """The same annotators under another Beta prior."""
        return replace(self, alpha=alpha, beta=beta)

    def draw(self, given: Given, truth: Ints, rng: np.random.Generator) -> Coin:
        """Reliability drawn from its Beta posterior under known truths."""
        right = given.per_annotator((given.label == truth[given.item]).astype(float))
        wrong = given.labels_per_annotator - right
        drawn = rng.beta(right + self.alpha, wrong + self.beta)
        return replace(self, reliability=np.clip(drawn, self.least, 1 - EDGE))


def coin(given: Given, alpha: Floats | float = 2.0, beta: Floats | float = 2.0) -> Coin:
    """Annotators at the mean of their prior, before anything is seen."""
    start = np.broadcast_to(np.asarray(alpha / (np.asarray(alpha) + beta), dtype=float), (given.n_annotators,))
    return Coin(start.copy(), alpha, beta)
