r"""Dawid-Skene for grades: each annotator has a bias, in grades, and a spread around it.

.. math:: P(l | t, a) = \Phi\left(\frac{l + 1/2 - t - b_a}{\sigma_a}\right)
                      - \Phi\left(\frac{l - 1/2 - t - b_a}{\sigma_a}\right),
          \qquad b_a \sim N(0, \tau^2), \quad \log \sigma_a \sim N(\mu, \nu^2)

The lowest and the highest grade take all that lies beyond. Two numbers an annotator in place of a matrix: where labels
are thin that is what they can tell. tau, mu and nu are learned from the crowd, and so is how frequent each grade is; a
bias that all have in common cannot be told from harder truths and counts as none.

References:
    Uebersax and Grove, A latent trait finite mixture model for the analysis of rating agreement, 1993.
    Paun et al., Comparing Bayesian models of annotation, 2018, for why annotators are pooled.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import log_softmax, ndtr

from crowdtune.aggregate._evidence import Evidence, refuse
from crowdtune.aggregate._fit import Fit, met_only, vote_shares
from crowdtune.annotations import Annotations, Floats
from crowdtune.em.grid import Grid, Placed, indicator, normal, place

STEP = 0.125  # grades between biases on the grid
FARTHEST = 2.0  # grades of bias, at most
SPREADS = np.geomspace(0.2, 5.0, 14)  # grades; 0.2 is an annotator who is right on 99 % of the items
TAU = (0.05, 0.15, 0.3, 0.6, 1.0)  # grades
NU = (0.15, 0.35, 0.7)  # of the logarithm
SLIP = 1e-4  # probability of hitting a key at random; keeps a far-off grade possible
PRIOR = 1.0  # pseudo-items of each grade


@dataclass(frozen=True)
class OrdinalDawidSkene:
    """Bias and spread per annotator and task; nothing to set."""

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Run EM in each task by itself, from the vote shares; needs grades that all items of a task share."""
        refuse(known, "ordinal-dawid-skene", why="it begins at the vote")
        items = annotations.items
        items.require_kind("grade", "ordinal-dawid-skene", instead="auto, which takes what suits each task")
        items.require_shared_choices("ordinal-dawid-skene", instead="majority")
        fit = Fit(vote_shares(annotations))
        for m, task in enumerate(items.tasks):
            inside = np.flatnonzero((items.task == m) & (annotations.labels_per_item > 0))
            if not len(inside):
                continue
            k = int(items.n_choices[inside[0]])
            part = annotations.take_items(inside)
            grid, bias, spread = _grid(k)
            found = _place(part, k, grid)
            fit.posterior[inside, :k] = found.posterior
            fit.confusion[task], fit.log_posteriors[task] = found.mean(np.exp(grid.log_rates)), found.bounds
            suffix = "" if len(items.tasks) == 1 else f":{task}"
            fit.columns["bias" + suffix] = met_only(found.mean(bias), part)
            fit.columns["spread" + suffix] = met_only(found.mean(spread), part)
        return fit


def _place(annotations: Annotations, k: int, grid: Grid) -> Placed:
    """Truths and annotators of one task with labels on every item."""

    def truths(posterior: Floats) -> tuple[Floats, float]:
        counts = posterior.sum(axis=0) + PRIOR
        log_share = np.log(counts / counts.sum())
        return log_share, PRIOR * float(log_share.sum())

    column = annotations.annotator * k + annotations.label
    said = indicator(annotations.item, column, (len(annotations.items), len(annotations.annotators) * k))
    return place(said, grid, truths, vote_shares(annotations)[:, :k])


def _grid(k: int) -> tuple[Grid, Floats, Floats]:
    """Grid of annotators of K grades, and (G,) bias and (G,) spread at its points."""
    farthest = min(FARTHEST, (k - 1) / 2)
    biases = np.arange(-farthest, farthest + STEP / 2, STEP)
    bias, spread = (values.ravel() for values in np.meshgrid(biases, SPREADS, indexing="ij"))
    edges = np.arange(1, k) - 0.5
    below = ndtr((edges - np.arange(k)[None, :, None] - bias[:, None, None]) / spread[:, None, None])
    wide = np.concatenate([np.zeros((len(bias), k, 1)), below, np.ones((len(bias), k, 1))], axis=2)
    rates = (1 - SLIP) * np.diff(wide, axis=2) + SLIP / k
    usual = np.log(SPREADS[1:-1:2])
    priors = [
        log_softmax(normal(bias, 0.0, tau) + normal(np.log(spread), mu, nu)) for tau, mu, nu in product(TAU, usual, NU)
    ]
    first = len(usual) * len(NU) * 3 + len(NU) * 2 + 1  # tau 0.6, spread about 0.7, nu 0.35: before anything is seen
    priors = priors[first:] + priors[:first]
    return Grid(np.log(rates), np.stack(priors)), bias, spread
