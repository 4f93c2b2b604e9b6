r"""One coin: a reliability for every annotator, by EM, under a Beta prior learned from the crowd itself.

.. math:: q_i(t) \propto \prod_{n \in i} s_{a_n} 1[l_n = t] + (1 - s_{a_n}) / (K - 1) \, 1[l_n \ne t]

Choices may differ between the items of a task. The prior's mean is above chance: without it the labels fit their mirror
image as well. Where labels are thin this is worth more than a confusion matrix (numbers in docs/papers.md).

References:
    Zhang, Chen, Zhou and Jordan, Spectral methods meet EM, 2016, for the one-coin model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate._fit import Fit, vote_shares
from crowdtune.annotations import Annotations
from crowdtune.em.coin import Coin
from crowdtune.em.gibbs import interval_columns, sample
from crowdtune.em.given import Given, flat, given
from crowdtune.em.prior import above_chance, crowd_prior, solve_coin


@dataclass(frozen=True)
class OneCoin:
    """One coin per annotator and task; nothing to set. With one task it also gives 95 % intervals, by sampling."""

    def fit(self, annotations: Annotations) -> Fit:
        """Run EM in each task by itself, from the vote shares."""
        items = annotations.items
        fit = Fit(vote_shares(annotations))
        for m, task in enumerate(items.tasks):
            inside = np.flatnonzero((items.task == m) & (annotations.labels_per_item > 0))
            if not len(inside):
                continue
            part = annotations.take_items(inside)
            seen = given(part)
            found = solve_coin(flat(part), seen, start=vote_shares(part), lowest=above_chance(seen), sharpness=1.0)
            fit.posterior[inside, : part.items.max_choices] = found.posterior
            fit.log_posteriors[task] = found.log_posteriors
            if len(items.tasks) == 1:
                fit.intervals.update(_intervals(part, seen, found.annotators))
        return fit


def _intervals(annotations: Annotations, seen: Given, coins: Coin) -> dict[str, list[float]]:
    """Ends of each annotator's 95 % interval, under the same priors."""
    learned, rng = crowd_prior(above_chance(seen)), np.random.default_rng(0)
    return interval_columns(sample(flat(annotations), seen, coins, 1.0, rng, learned=learned), annotations)
