"""Truths and annotators on a grid in turn, without a model: what grades and pairs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crowdtune.annotations import Floats
from crowdtune.em.given import Given
from crowdtune.em.grid import Grid, OnGrid, on_grid
from crowdtune.em.solve import distributions

STEPS, TOLERANCE = 200, 1e-6  # most steps; nats per label

Truths = Callable[[Floats], tuple[Floats, float]]


@dataclass(frozen=True, eq=False)
class Placed:
    """Truths, and annotators on the grid.

    Args:
        posterior: (I, K) P(truth = k), rows sum to 1.
        annotators: where they are.
        bounds: of the log posterior density in nats after each step; never falls.
    """

    posterior: Floats
    annotators: OnGrid
    bounds: list[float]

    def column(self, name: str) -> Floats:
        """(J,) expectation of one of the grid's numbers."""
        grid = self.annotators.grid
        return self.annotators.mean(grid.points[:, grid.names.index(name)])


def place(given: Given, grid: Grid, truths: Truths, start: Floats) -> Placed:
    """Find truths and annotators in turn.

    Args:
        given: N labels.
        grid: what an annotator may be.
        truths: (I, K) posterior -> (I, K) log prior of the truths, in nats, and the log density of its own parameters.
        start: (I, K) posterior to begin with.
    """
    annotators, posterior, bounds = on_grid(given, grid), start, list[float]()
    for step in range(STEPS):
        annotators = annotators.refit(given, posterior)
        known, density = truths(posterior)
        posterior, total = distributions(known + given.evidence(annotators))
        bounds.append(total + annotators.log_prior() + density)
        if step > 1 and bounds[-1] - bounds[-2] < TOLERANCE * max(len(given), 1):
            break
    return Placed(posterior, annotators, bounds)
