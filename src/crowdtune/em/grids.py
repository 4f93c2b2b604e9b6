r"""The grids there are: annotators who grade, and annotators who compare two things.

Grades: a bias b, in grades, and a spread around it; the ends of the scale take all that lies beyond.

.. math:: P(l | t) = \Phi\left(\frac{l + 1/2 - t - b}{\sigma}\right) - \Phi\left(\frac{l - 1/2 - t - b}{\sigma}\right),
          \qquad b \sim N(0, \tau^2), \quad \log \sigma \sim N(\mu, \nu^2)

Pairs: right with probability s, with a lean of beta nats to the first place; a tie, where there is one, is the third.

.. math:: P(l | t) \propto \left(s 1[l = t] + \frac{1 - s}{K - 1} 1[l \neq t]\right)
          e^{\beta (1[l = first] - 1[l = second])}

Lean is told in shares: how much more often than the second the first is said where each is right as often, halved. With
two choices it is by how much the first is said more often than it is right.

References:
    Uebersax and Grove, A latent trait finite mixture model for the analysis of rating agreement, 1993.
    Paun et al., Comparing Bayesian models of annotation, 2018, for why annotators are pooled.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.special import log_softmax, logit, ndtr

from crowdtune.annotations import Floats
from crowdtune.em.grid import Grid, normal

STEP = 0.125  # grades between biases on the grid
FARTHEST = 2.0  # grades of bias, at most
SPREADS = np.geomspace(0.2, 5.0, 14)  # grades; 0.2 is an annotator who is right on 99 % of the items
TAU = (0.05, 0.15, 0.3, 0.6, 1.0)  # grades
NU = (0.15, 0.35, 0.7)  # of the logarithm
SLIP = 1e-4  # probability of hitting a key at random; keeps a far-off grade possible

RIGHT = (np.arange(24) + 0.5) / 24  # reliabilities
TOWARDS = np.linspace(-1.5, 1.5, 13)  # nats to the first place
MEANS = (0.6, 0.7, 0.8, 0.9)  # of the crowd's reliability; above chance, or pairs may as well be turned round
WIDTHS = (0.4, 1.0, 1.8)  # of its log-odds
LEANS, LEAN_WIDTHS = (-0.5, -0.25, 0.0, 0.25, 0.5), (0.1, 0.4)


def grade_grid(k: int) -> Grid:
    """Annotators of K grades in ascending order: `bias` and `spread`, in grades."""
    farthest = min(FARTHEST, (k - 1) / 2)
    biases = np.arange(-farthest, farthest + STEP / 2, STEP)
    bias, spread = (values.ravel() for values in np.meshgrid(biases, SPREADS, indexing="ij"))
    usual = np.log(SPREADS[1:-1:2])
    priors = [
        log_softmax(normal(bias, 0.0, tau) + normal(np.log(spread), mu, nu)) for tau, mu, nu in product(TAU, usual, NU)
    ]
    first = len(usual) * len(NU) * 3 + len(NU) * 2 + 1  # tau 0.6, spread about 0.7, nu 0.35: before anything is seen
    priors = priors[first:] + priors[:first]
    rates = (1 - SLIP) * graded(k, bias, spread) + SLIP / k
    cells = np.stack([np.full(len(bias), STEP), spread * np.log(SPREADS[1] / SPREADS[0])], axis=1)
    return Grid(np.log(rates), np.stack(priors), "grade", ("bias", "spread"), np.stack([bias, spread], axis=1), cells)


def pair_grid(k: int) -> Grid:
    """Annotators who say which of two is better, with K = 3 perhaps neither: `right`, and `lean` in shares."""
    right, nats = (values.ravel() for values in np.meshgrid(RIGHT, TOWARDS, indexing="ij"))
    options = [(MEANS[2], WIDTHS[1], 0.0, LEAN_WIDTHS[1]), *product(MEANS, WIDTHS, LEANS, LEAN_WIDTHS)]
    priors = [
        log_softmax(normal(logit(right), float(logit(mean)), width) + normal(nats, towards, spread))
        for mean, width, towards, spread in options
    ]
    step = float(TOWARDS[1] - TOWARDS[0])
    lean, *ends = (first(leaning(k, right, nats + side * step / 2)) for side in (0, -1, 1))
    cells = np.stack([np.full(len(right), RIGHT[1] - RIGHT[0]), ends[1] - ends[0]], axis=1)
    points = np.stack([right, lean], axis=1)
    return Grid(leaning(k, right, nats), np.stack(priors), "pair", ("right", "lean"), points, cells)


def graded(k: int, bias: Floats, spread: Floats) -> Floats:
    """(G, K, K) [g, t, l] = P(says grade l | truth t) for (G,) bias and (G,) spread, both in grades."""
    edges = np.arange(1, k) - 0.5
    below = ndtr((edges - np.arange(k)[None, :, None] - bias[:, None, None]) / spread[:, None, None])
    wide = np.concatenate([np.zeros((len(bias), k, 1)), below, np.ones((len(bias), k, 1))], axis=2)
    return np.asarray(np.diff(wide, axis=2))


def first(log_rates: Floats) -> Floats:
    """(G,) lean in shares: how much more often than the second the first is said, truths alike, halved."""
    rates = np.exp(log_rates[:, :2])
    return np.asarray((rates[..., 0] - rates[..., 1]).sum(axis=1) / 4)


def leaning(k: int, right: Floats, nats: Floats) -> Floats:
    """(G, K, K) nats, [g, t, l] = log P(says l | truth t) for (G,) reliability and (G,) nats of lean to the first."""
    same = np.eye(k, dtype=bool)
    rates = np.where(same, np.log(right)[:, None, None], np.log((1 - right) / (k - 1))[:, None, None])
    return np.asarray(log_softmax(rates + nats[:, None, None] * np.array([1.0, -1.0, 0.0])[:k], axis=2))
