r"""Annotators of a few numbers each, on a grid: who is believed to be where, and how they answer on average.

.. math:: w_a(g) \propto p(g) \prod_{n: a_n = a} \prod_t P_g(l_n | t)^{q_{i_n}(t)}, \qquad
          q_i(t) \propto p_i(t) \exp \sum_{n \in i} \sum_g w_{a_n}(g) \log P_g(l_n | t)

Variational: every annotator keeps a distribution over the grid, so that who gave few labels stays in doubt and is
believed less. The prior p is the one of a list that suits the crowd best. The bound never falls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import log_softmax, logsumexp, softmax

from crowdtune.annotations import Floats, Ints

STEPS, TOLERANCE = 200, 1e-6  # most steps; nats per label

Truths = Callable[[Floats], tuple[Floats, float]]


@dataclass(frozen=True, eq=False)
class Grid:
    """What an annotator may be.

    Args:
        log_rates: (G, K, K) nats, [g, t, k] = log P(says k | truth t) at point g.
        log_priors: (H, G) nats; the priors held possible, rows of probabilities.
    """

    log_rates: Floats
    log_priors: Floats


@dataclass(frozen=True, eq=False)
class Placed:
    """Truths, and annotators on the grid.

    Args:
        posterior: (I, K) P(truth = k), rows sum to 1.
        weights: (J, G) where each annotator is believed to be, rows sum to 1.
        bounds: of the log posterior density in nats after each step; never falls.
    """

    posterior: Floats
    weights: Floats
    bounds: list[float]

    def mean(self, values: Floats) -> Floats:
        """(J, ...) expectation of (G, ...) values."""
        return np.tensordot(self.weights, values, axes=1)


def place(indicator: sp.csr_array, grid: Grid, truths: Truths, start: Floats) -> Placed:
    """Find truths and annotators in turn.

    Args:
        indicator: (I, J * K) 1 where that annotator gave that item that label, as `indicator` makes it.
        grid: what an annotator may be.
        truths: (I, K) posterior -> (I, K) log prior of the truths, in nats, and the log density of its own parameters.
        start: (I, K) posterior to begin with.
    """
    g, k, _ = grid.log_rates.shape
    flat = grid.log_rates.reshape(g, k * k)
    posterior, prior, bounds = start, grid.log_priors[0], list[float]()
    weights = np.zeros((0, g))
    for step in range(STEPS):
        met = (indicator.T @ posterior).reshape(-1, k, k).transpose(0, 2, 1).reshape(-1, k * k)  # [j, t, l]
        if step:
            seen = met.sum(axis=1) > 0
            prior = grid.log_priors[int((grid.log_priors @ weights[seen].sum(axis=0)).argmax())]
        score = met @ flat.T + prior
        weights = softmax(score, axis=1)
        known, density = truths(posterior)
        rates = (weights @ flat).reshape(-1, k, k).transpose(0, 2, 1).reshape(-1, k)
        joint = known + indicator @ rates
        posterior = softmax(joint, axis=1)
        divergence = float((weights * (log_softmax(score, axis=1) - prior)).sum())
        bounds.append(float(logsumexp(joint, axis=1).sum()) - divergence + density)
        if step > 1 and bounds[-1] - bounds[-2] < TOLERANCE * max(indicator.nnz, 1):
            break
    return Placed(posterior, weights, bounds)


def indicator(item: Ints, column: Ints, shape: tuple[int, int]) -> sp.csr_array:
    """(I, J * K) sparse, 1 at each label's item and its annotator's column of what was said."""
    return sp.csr_array((np.ones(len(item)), (item, column)), shape=shape)


def normal(values: Floats, mean: float, deviation: float) -> Floats:
    """(G,) nats of a normal distribution at the points of a grid, up to a constant."""
    return np.asarray(-0.5 * ((values - mean) / deviation) ** 2)
