r"""Knows or guesses: REALM's annotator (Eq. 1), by EM instead of by gradient.

.. math:: P(l | k, a) = e_a 1[l = k] + (1 - e_a) / K

Whether an annotator knew is hidden as well; the M-step is the mean of it. Reliability under it is e + (1 - e) / K,
never below chance: a liar counts as somebody who guesses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Floats, Ints
from crowdtune.em.coin import EDGE
from crowdtune.em.given import Given


@dataclass(frozen=True, eq=False)
class Guess:
    """Expertise of each annotator.

    Args:
        expertise: (J,) in (0, 1), weight of the truth against a uniform guess.
        alpha: of the Beta prior on it; 1 is none.
        beta: see alpha.
    """

    expertise: Floats
    alpha: float = 1.0
    beta: float = 1.0

    def log_likelihood(self, given: Given) -> Floats:
        """(N, K) nats."""
        e = self.expertise[given.annotator]
        missed = (1 - e) / given.n_choices
        table = np.repeat(np.log(missed)[:, None], given.width, axis=1)
        table[np.arange(len(given)), given.label] = np.log(e + missed)
        return table

    def evidence(self, given: Given) -> Floats:
        """(I, K) nats."""
        return given.per_item(self.log_likelihood(given))

    def log_prior(self) -> float:
        """Log Beta density, summed over annotators, up to a constant."""
        e = self.expertise
        return float(((self.alpha - 1) * np.log(e) + (self.beta - 1) * np.log1p(-e)).sum())

    def refit(self, given: Given, posterior: Floats) -> Guess:
        """Expected share of labels that were known, where the label may be the truth."""
        e = self.expertise[given.annotator]
        knew = given.per_annotator(given.at_label(posterior) * e / (e + (1 - e) / given.n_choices))
        total = given.labels_per_annotator + self.alpha + self.beta - 2
        best = np.where(total > 0, (knew + self.alpha - 1) / np.maximum(total, EDGE), self.expertise)
        return replace(self, expertise=np.clip(best, EDGE, 1 - EDGE))

    def with_prior(self, alpha: float, beta: float) -> Guess:
        """The same annotators under another Beta prior of their expertise."""
        return replace(self, alpha=alpha, beta=beta)

    def draw(self, given: Given, truth: Ints, rng: np.random.Generator) -> Guess:
        """Expertise drawn given known truths and a draw of who knew."""
        e = self.expertise[given.annotator]
        chance = (given.label == truth[given.item]) * e / (e + (1 - e) / given.n_choices)
        knew = given.per_annotator((rng.random(len(given)) < chance).astype(float))
        rest = given.labels_per_annotator - knew
        return replace(self, expertise=np.clip(rng.beta(knew + self.alpha, rest + self.beta), EDGE, 1 - EDGE))


def guess(given: Given, start: float = 0.5) -> Guess:
    """Annotators who know half of the items."""
    return Guess(np.full(given.n_annotators, start))
