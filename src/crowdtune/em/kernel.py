r"""Confusion kernels: how an annotator errs under each truth, shrunk to how the crowd errs.

.. math:: C_a[k, \cdot] \sim Dirichlet(\kappa \, (s_a I + (1 - s_a) G)[k, \cdot])

s is each annotator's reliability, G (zero diagonal, rows sum to 1) the crowd's shared errors. With G uniform and
kappa infinite this is the one coin, which is where it starts. An annotator with few labels errs like the crowd, one
with many in a way of their own: the weight between shared and own is kappa to their number of labels.

This is the family e I + (1 - e) G_a of CoNAL and of crowd layers with the mixture integrated out: every row stays a
distribution, every update has a closed form, and nothing decides between an e and a G that say the same.

References:
    Chu, Ma and Wang, Learning from crowds by modeling common confusions (CoNAL), 2021.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Floats, Ints
from crowdtune.em.coin import Coin
from crowdtune.em.given import Given

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Kernel:
    """A confusion matrix for each annotator; for tasks whose items share their choices.

    Args:
        confusion: (J, K, K), [j, t, k] = P(annotator j says k | truth t), last axis sums to 1.
        coin: reliability of each annotator, the prior's diagonal.
        errors: (K, K) the crowd's shared errors, zero diagonal, last axis sums to 1.
        strength: kappa, pseudo-labels of each row of the prior.
    """

    confusion: Floats
    coin: Coin
    errors: Floats
    strength: float = 4.0

    def log_likelihood(self, given: Given) -> Floats:
        """(N, K) nats: the column of what was said, under every truth."""
        return np.log(self.confusion[given.annotator, :, given.label] + TINY)

    def evidence(self, given: Given) -> Floats:
        """(I, K) nats."""
        return given.per_pair(np.log(self.confusion + TINY))

    def log_prior(self) -> float:
        """Log Dirichlet density of the rows around shared errors, with the coin's own prior, up to a constant."""
        centre = self._centre()
        return float((self.strength * centre * np.log(self.confusion + TINY)).sum()) + self.coin.log_prior()

    def refit(self, given: Given, posterior: Floats) -> Kernel:
        """Expected counts of truth and label, pooled for the shared errors, shrunk for each annotator."""
        return self._updated(given, given.met(posterior), self.coin.refit(given, posterior))

    def with_prior(self, alpha: float, beta: float) -> Kernel:
        """The same annotators under another Beta prior of their reliability."""
        return replace(self, coin=self.coin.with_prior(alpha, beta))

    def draw(self, given: Given, truth: Ints, rng: np.random.Generator) -> Kernel:
        """Rows drawn from their Dirichlet posterior under known truths."""
        met = given.met(np.eye(given.width)[truth])
        likely = self._updated(given, met, self.coin.draw(given, truth, rng))
        drawn = rng.standard_gamma(met + self.strength * likely._centre() + TINY) + TINY
        return replace(likely, confusion=drawn / drawn.sum(axis=2, keepdims=True))

    def _updated(self, given: Given, met: Floats, coin: Coin) -> Kernel:
        k = given.width
        wrong = met.sum(axis=0) * (1 - np.eye(k)) + self.strength * (1 - np.eye(k)) / max(k - 1, 1)
        made = replace(self, coin=coin, errors=wrong / wrong.sum(axis=1, keepdims=True))
        total = met + self.strength * made._centre()
        return replace(made, confusion=total / total.sum(axis=2, keepdims=True))

    def _centre(self) -> Floats:
        """(J, K, K) mean of the prior: s on the diagonal, the rest as the crowd errs."""
        s = self.coin.reliability[:, None, None]
        return np.asarray(s * np.eye(len(self.errors)) + (1 - s) * self.errors)


def kernel(given: Given, coin: Coin, strength: float = 4.0) -> Kernel:
    """Kernels that say what the one coin says."""
    k = given.width
    errors = (1 - np.eye(k)) / max(k - 1, 1)
    start = Kernel(np.zeros((0, k, k)), coin, errors, strength)
    return replace(start, confusion=start._centre())
