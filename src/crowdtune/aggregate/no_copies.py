r"""One coin in which annotators who do not answer on their own count as fewer.

.. math:: q_i(t) \propto \prod_{n \in i} P(l_n | t, a_n)^{w_n}, \qquad w_n = \frac{1}{1 + (m_n - 1) \rho}

m is how many labels of an item come from one block of dependent annotators, rho how dependent they are: m exact copies
weigh as one. Blocks are found before any truth is, so that copies who are the majority cannot vote themselves right,
and once more when the truths are there. Where there is no block this is one-coin.

References:
    Dong, Berti-Equille and Srivastava, Integrating conflicting data: the role of source dependence, 2009.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crowdtune.aggregate._dependence import Block, block_weights, blocks, told
from crowdtune.aggregate._evidence import Evidence
from crowdtune.aggregate._fit import Fit, vote_shares
from crowdtune.aggregate._parts import Part, conclude, parts
from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.em.coin import Coin, coin
from crowdtune.em.given import Given
from crowdtune.em.prior import ROUNDS, above_chance, crowd_prior
from crowdtune.em.solve import Solution, solve


@dataclass(frozen=True)
class NoCopies:
    """Blocks and one coin per annotator, in each task; nothing to set."""

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Find blocks, run EM, find them again by the truths, and run EM once more."""
        fit = Fit(vote_shares(annotations))
        for part in parts(annotations, fit.posterior, known):
            inside = annotations.take_items(part.inside)
            weight = _weights(inside, part, blocks(inside))
            found = _solve(part, weight)
            if (weight < 1).any():
                full = np.zeros((len(part.inside), annotations.items.max_choices))
                full[:, : part.given.width] = found.posterior
                again = blocks(inside, full)
                found = _solve(part, _weights(inside, part, again), found.posterior)
                fit.notes.extend(f"{told(annotations.annotators, block)} and count as so many" for block in again)
            fit.posterior[part.inside, : part.given.width] = found.posterior
            fit.log_posteriors[part.task] = found.log_posteriors
        conclude(fit.posterior, annotations, known)
        return fit


@dataclass(frozen=True, eq=False)
class Weighed:
    """One coin per annotator, each label of which counts as much as its weight.

    Args:
        coins: the annotators.
        weight: (N,) of each label, in (0, 1].
    """

    coins: Coin
    weight: Floats

    def log_likelihood(self, given: Given) -> Floats:
        """(N, K) nats."""
        return self.coins.log_likelihood(given) * self.weight[:, None]

    def evidence(self, given: Given) -> Floats:
        """(I, K) nats."""
        return given.per_item(self.log_likelihood(given))

    def log_prior(self) -> float:
        """Of the coins."""
        return self.coins.log_prior()

    def refit(self, given: Given, posterior: Floats) -> Weighed:
        """Of the coins: how right somebody is does not depend on how many copy them."""
        return replace(self, coins=self.coins.refit(given, posterior))

    def with_prior(self, alpha: float, beta: float) -> Weighed:
        """The same under another Beta prior."""
        return replace(self, coins=self.coins.with_prior(alpha, beta))

    def draw(self, given: Given, truth: Ints, rng: np.random.Generator) -> Weighed:
        """Coins drawn given known truths."""
        return replace(self, coins=self.coins.draw(given, truth, rng))


def _weights(inside: Annotations, part: Part, found: list[Block]) -> Floats:
    """(N,) of the labels of a part, in its order."""
    weight = block_weights(inside, found)
    kept = inside.items.n_choices[inside.item] > 1
    order = np.lexsort((inside.annotator[kept], inside.item[kept]))
    back = np.lexsort((part.given.annotator, part.given.item))
    placed = np.empty(len(order))
    placed[back] = weight[kept][order]
    return placed


def _solve(part: Part, weight: Floats, start: Floats | None = None) -> Solution[Weighed]:
    """EM and the crowd's prior in turn, from weighed votes."""
    given = part.given
    lowest = 0.0 if part.informed else above_chance(given)
    posterior = start if start is not None else part.start if part.informed else _votes(part, weight)
    possible, before = crowd_prior(lowest), None
    for _ in range(ROUNDS):
        prior = possible.fitted(given, posterior)
        if prior == before:
            break
        right, wrong = part.history
        ready = Weighed(coin(given, prior[0] + 1 + right, prior[1] + 1 + wrong), weight)
        found = solve(part.flat, given, ready, start=posterior, sharpness=1.0)
        posterior, before = found.posterior, prior
    return found


def _votes(part: Part, weight: Floats) -> Floats:
    """(I, K) weighed shares of the labels, uniform where there is none."""
    said = part.given.per_choice(weight, np.zeros(len(weight)))
    total = said.sum(axis=1, keepdims=True)
    return np.where(total > 0, said / np.where(total > 0, total, 1.0), np.exp(part.flat))
