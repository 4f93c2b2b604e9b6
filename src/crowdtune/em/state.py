r"""State-dependent reliability (REALM Eq. 5): whom to trust depends on the item.

.. math:: s_a(x) = \sigma(\rho_a + \langle \phi(x), w_a \rangle), \qquad
          \sigma(\rho_a) \sim Beta(\alpha, \beta), \quad w_a \sim N(0, I / \lambda)

phi is a low-rank read-out of what the model makes of an item, never trained by this. With w = 0 it is the one coin;
with phi an indicator of tasks it is a coin per task (Eq. 4). The paper proposes Eq. 5 and does not evaluate it.

The M-step is a logistic regression for each annotator, its targets the posterior of the labels given. It is solved in
part, by steps under a fixed quadratic bound, so that EM's log posterior never falls.

References:
    Bohning and Lindsay, Monotonicity of quadratic-approximation algorithms, 1988.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.special import expit, log_expit

from crowdtune.annotations import Floats, Ints, Singles
from crowdtune.em.coin import EDGE, Coin
from crowdtune.em.given import Given

STEPS = 5  # of the bound in an M-step
PIECE = 65536  # hidden states looked at at a time


@dataclass(frozen=True, eq=False)
class StateCoin:
    """Reliability of each annotator on each item.

    Args:
        phi: (I, d) read-out of the items, of mean 0 and about unit variance.
        weight: (J, 1 + d) rho and w.
        alpha: of the Beta prior on sigma(rho).
        beta: see alpha.
        ridge: lambda, precision of the prior on w.
    """

    phi: Floats
    weight: Floats
    alpha: float = 2.0
    beta: float = 2.0
    ridge: float = 1.0

    def reliability(self, item: Ints, annotator: Ints) -> Floats:
        """(N,) P(label = truth) of annotators on items."""
        return np.clip(expit(self._logit(item, annotator)), EDGE, 1 - EDGE)

    def log_likelihood(self, given: Given) -> Floats:
        """(N, K) nats, as of a coin of its own for each label."""
        own = replace(given, annotator=np.arange(len(given)))
        return Coin(self.reliability(given.item, given.annotator)).log_likelihood(own)

    def evidence(self, given: Given) -> Floats:
        """(I, K) nats."""
        own = replace(given, annotator=np.arange(len(given)))
        return Coin(self.reliability(given.item, given.annotator)).evidence(own)

    def log_prior(self) -> float:
        """Log density of rho and w, up to a constant."""
        rho, w = self.weight[:, 0], self.weight[:, 1:]
        coins = (self.alpha - 1) * log_expit(rho) + (self.beta - 1) * log_expit(-rho)
        return float(coins.sum() - self.ridge / 2 * (w**2).sum())

    def refit(self, given: Given, posterior: Floats) -> StateCoin:
        """Better weights under the posterior; never worse ones."""
        return self._ascended(given, given.at_label(posterior))

    def with_prior(self, alpha: float, beta: float) -> StateCoin:
        """The same annotators under another Beta prior of sigma(rho)."""
        return replace(self, alpha=alpha, beta=beta)

    def draw(self, given: Given, truth: Ints, rng: np.random.Generator) -> StateCoin:
        """The weights nearest to known truths; their own doubt is left out."""
        return self._ascended(given, (given.label == truth[given.item]).astype(float))

    def _logit(self, item: Ints, annotator: Ints) -> Floats:
        found = self.weight[:, 0][annotator]
        for w, phi in zip(self.weight.T[1:], self.phi.T, strict=True):
            found += w[annotator] * phi[item]
        return found

    def _ascended(self, given: Given, right: Floats) -> StateCoin:
        bound, columns = self._bound(given), [None, *self.phi.T]
        made = self
        for _ in range(STEPS):
            gap = right - expit(made._logit(given.item, given.annotator))
            slope = np.stack([given.per_annotator(gap if c is None else gap * c[given.item]) for c in columns], axis=1)
            slope[:, 1:] -= self.ridge * made.weight[:, 1:]
            s = expit(made.weight[:, 0])
            slope[:, 0] += (self.alpha - 1) * (1 - s) - (self.beta - 1) * s
            made = replace(made, weight=made.weight + np.einsum("jab,jb->ja", bound, slope))
        return made

    def _bound(self, given: Given) -> Floats:
        """(J, 1 + d, 1 + d) inverse of what the curvature never exceeds; made once for the same labels and prior."""
        prior = (self.alpha, self.beta, self.ridge)
        known = _BOUNDS.get(given)
        if known is not None and known[0] is self.phi and known[1] == prior:
            return known[2]
        bound = np.asarray(np.linalg.inv(self._curve(given)), dtype=np.float64)
        _BOUNDS[given] = self.phi, prior, bound
        return bound

    def _curve(self, given: Given) -> Floats:
        x = [np.ones(len(given)), *(column[given.item] for column in self.phi.T)]
        d = len(x)
        curve = np.empty((given.n_annotators, d, d))
        for a in range(d):
            for b in range(a, d):
                curve[:, a, b] = curve[:, b, a] = given.per_annotator(x[a] * x[b]) / 4
        curve[:, 0, 0] += (self.alpha + self.beta - 2) / 4 + EDGE
        curve[:, np.arange(1, d), np.arange(1, d)] += self.ridge
        return curve


_BOUNDS: WeakKeyDictionary[Given, tuple[Floats, tuple[float, float, float], Floats]] = WeakKeyDictionary()


def state_coin(coin: Coin, phi: Floats, ridge: float = 1.0) -> StateCoin:
    """State-dependent annotators that say what the one coin says."""
    rho = np.log(coin.reliability) - np.log1p(-coin.reliability)
    weight = np.concatenate([rho[:, None], np.zeros((len(rho), phi.shape[1]))], axis=1)
    return StateCoin(phi, weight, float(np.mean(coin.alpha)), float(np.mean(coin.beta)), ridge)


def read_out(hidden: Singles, rank: int) -> Floats:
    """(I, d) the d directions in which hidden states (I, H) differ most, each of mean 0 and variance 1, d <= rank."""
    pieces = [slice(start, start + PIECE) for start in range(0, len(hidden), PIECE)]
    mean = hidden.mean(axis=0, dtype=np.float64)
    curve = np.zeros((len(mean), len(mean)))
    for rows in pieces:  # hidden states may be more than memory
        centred = hidden[rows] - mean
        curve += centred.T @ centred
    spread, directions = np.linalg.eigh(curve / max(len(hidden), 1))
    kept = np.argsort(spread)[::-1][:rank]
    kept = kept[spread[kept] > EDGE * spread.max()]
    turned = directions[:, kept] / np.sqrt(spread[kept])
    made = np.empty((len(hidden), len(kept)), order="F")  # read column by column
    for rows in pieces:
        made[rows] = (hidden[rows] - mean) @ turned
    return made


def clusters(trust: Floats, count: int, rng: np.random.Generator) -> Ints:
    """(I,) group of each item by k-means on the reliabilities (I, J) of annotators on it; at most `count` groups."""
    different = np.unique(trust.round(6), axis=0)
    if len(different) < 2:
        return np.zeros(len(trust), dtype=np.int64)
    return np.asarray(kmeans2(trust, min(count, len(different)), minit="++", rng=rng)[1], dtype=np.int64)
