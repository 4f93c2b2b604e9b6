r"""Dawid-Skene for grades: each annotator has a bias, in grades, and a spread around it.

`em.grids` has the formula. Two numbers an annotator in place of a matrix: where labels are thin that is what they can
tell. Their priors are learned from the crowd, and so is how frequent each grade is; a bias that all have in common
cannot be told from harder truths and counts as none.

References:
    Uebersax and Grove, A latent trait finite mixture model for the analysis of rating agreement, 1993.
    Paun et al., Comparing Bayesian models of annotation, 2018, for why annotators are pooled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate._evidence import Evidence, refuse
from crowdtune.aggregate._fit import Fit, met_only, vote_shares
from crowdtune.aggregate._place import Placed, place
from crowdtune.annotations import Annotations, Floats
from crowdtune.em.given import given
from crowdtune.em.grid import Grid
from crowdtune.em.grids import grade_grid

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
            grid = grade_grid(k)
            found = _place(part, k, grid)
            fit.posterior[inside, :k], fit.log_posteriors[task] = found.posterior, found.bounds
            fit.confusion[task] = found.annotators.mean(np.exp(grid.log_rates))
            suffix = "" if len(items.tasks) == 1 else f":{task}"
            fit.columns["bias" + suffix] = met_only(found.column("bias"), part)
            fit.columns["spread" + suffix] = met_only(found.column("spread"), part)
        return fit


def _place(annotations: Annotations, k: int, grid: Grid) -> Placed:
    """Truths and annotators of one task with labels on every item."""

    def truths(posterior: Floats) -> tuple[Floats, float]:
        counts = posterior.sum(axis=0) + PRIOR
        log_share = np.log(counts / counts.sum())
        return log_share, PRIOR * float(log_share.sum())

    return place(given(annotations), grid, truths, vote_shares(annotations)[:, :k])
