r"""Annotators of a few numbers each, on a grid: where each is believed to be.

.. math:: w_a(g) \propto p(g) \prod_{n: a_n = a} \prod_t P_g(l_n | t)^{q_{i_n}(t)}, \qquad
          \log P(l_n | t) \to \sum_g w_{a_n}(g) \log P_g(l_n | t)

Variational: every annotator keeps a distribution over the grid, so that who gave few labels stays in doubt and is
believed less. The prior p is the one of a list that suits the crowd best. The bound, of which `log_prior` is the
annotators' part, never falls. Under known truths annotators and prior are drawn exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import softmax, xlogy

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.em.given import Given

ROWS = 4096  # annotators placed at a time


@dataclass(frozen=True, eq=False)
class Grid:
    """What an annotator may be.

    Args:
        log_rates: (G, K, K) nats, [g, t, k] = log P(says k | truth t) at point g.
        log_priors: (H, G) nats; the priors held possible, rows of probabilities, the first before anything is seen.
        answers: kind of the answers such annotators give, "grade" or "pair".
        names: of the C numbers that say where a point is.
        points: (G, C) those numbers.
        cells: (G, C) the width of what a point stands for, in each of them.
    """

    log_rates: Floats
    log_priors: Floats
    answers: str
    names: tuple[str, ...]
    points: Floats
    cells: Floats


@dataclass(frozen=True, eq=False)
class OnGrid:
    """Annotators on a grid; for tasks whose items have as many choices each, which mean the same by their place.

    Args:
        grid: what they may be.
        weights: (J, G) where each is believed to be, rows sum to 1.
        prior: which of the grid's priors holds.
    """

    grid: Grid
    weights: Floats
    prior: int = 0

    @cached_property
    def log_rates(self) -> Floats:
        """(J, K, K) expected nats."""
        g, k, _ = self.grid.log_rates.shape
        return np.asarray(self.weights @ self.grid.log_rates.reshape(g, k * k)).reshape(-1, k, k)

    def log_likelihood(self, given: Given) -> Floats:
        """(N, K) nats of a label, whoever the annotator turns out to be: of the mean, not the mean of nats."""
        rates = self.mean(np.exp(self.grid.log_rates))
        return np.asarray(np.log(rates)[given.annotator, :, given.label])

    def evidence(self, given: Given) -> Floats:
        """(I, K) expected nats."""
        return given.per_pair(self.log_rates)

    def log_prior(self) -> float:
        """Divergence of the annotators from their prior, taken off: with it the log posterior is a bound."""
        return float((self.weights * self.grid.log_priors[self.prior]).sum() - xlogy(self.weights, self.weights).sum())

    def refit(self, given: Given, posterior: Floats) -> OnGrid:
        """The prior that suits best those who gave labels, and where the labels and it place everybody."""
        made = replace(self, prior=int(self._suits(given).argmax()))
        return replace(made, weights=softmax(made._placed(given, posterior), axis=1))

    def with_prior(self, alpha: float, beta: float) -> OnGrid:
        """The same: their prior is the grid's, not a Beta prior."""
        return self

    def draw(self, given: Given, truth: Ints, rng: np.random.Generator) -> OnGrid:
        """A prior drawn given everybody's place, and places under it drawn given known truths."""
        suits = self._suits(given)
        prior = int((suits + rng.gumbel(size=len(suits))).argmax())
        met = given.met(np.eye(given.width)[truth]).reshape(given.n_annotators, -1)
        uniform, place = rng.random(len(met)), np.empty(len(met), dtype=np.int64)
        for start in range(0, len(met), ROWS):
            rows = slice(start, start + ROWS)
            nats = self._nats(met[rows].astype(np.float32), prior)
            reached = np.exp(nats - nats.max(axis=1, keepdims=True)).cumsum(axis=1)
            place[rows] = (reached < uniform[rows, None] * reached[:, -1:]).sum(axis=1)
        return At(self.grid, np.zeros((0, len(self.grid.points))), prior, place.clip(max=len(self.grid.points) - 1))

    def mean(self, values: Floats) -> Floats:
        """(J, ...) expectation of (G, ...) values."""
        return np.tensordot(self.weights, values, axes=1)

    def numbers(self, rng: np.random.Generator) -> Floats:
        """(J, C) the grid's numbers, anywhere in the cells that its points stand for."""
        centre, width = self.mean(self.grid.points), self.mean(self.grid.cells)
        return np.asarray(centre + (rng.random((len(centre), 1)) - 0.5) * width)

    def _placed(self, given: Given, posterior: Floats) -> Floats:
        """(J, G) nats of each annotator's labels, and of the prior, at each point."""
        return np.asarray(self._nats(given.met(posterior).reshape(given.n_annotators, -1), self.prior))

    def _nats(self, met: Any, prior: int) -> Any:
        """The same of (J, K x K) meetings of truth and label, in their precision."""
        rates = self.grid.log_rates.reshape(len(self.grid.points), -1).T
        found = met @ rates.astype(met.dtype)
        found += self.grid.log_priors[prior].astype(met.dtype)
        return found

    def _suits(self, given: Given) -> Floats:
        """(H,) nats of the places of those who gave labels under each prior."""
        return np.asarray(self.grid.log_priors @ self._total(given.labels_per_annotator > 0))

    def _total(self, who: Bools) -> Floats:
        """(G,) how many of some annotators are at each point."""
        return np.asarray(self.weights[who].sum(axis=0))


@dataclass(frozen=True, eq=False)
class At(OnGrid):
    """Annotators each at one point of the grid, as sampling draws them: no table of all points.

    Args:
        place: (J,) which point.
    """

    place: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @cached_property
    def log_rates(self) -> Floats:
        """(J, K, K) nats."""
        return self.grid.log_rates[self.place]

    def mean(self, values: Floats) -> Floats:
        """(J, ...) of (G, ...) values, at everybody's point."""
        return np.asarray(values[self.place])

    def _total(self, who: Bools) -> Floats:
        return np.bincount(self.place[who], minlength=len(self.grid.points)).astype(np.float64)


def on_grid(given: Given, grid: Grid) -> OnGrid:
    """Annotators of whom nothing is known yet."""
    return OnGrid(grid, np.tile(np.exp(grid.log_priors[0]), (given.n_annotators, 1)))


def normal(values: Floats, mean: float, deviation: float) -> Floats:
    """(G,) nats of a normal distribution at the points of a grid, up to a constant."""
    return np.asarray(-0.5 * ((values - mean) / deviation) ** 2)
