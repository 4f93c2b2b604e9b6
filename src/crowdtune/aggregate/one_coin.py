r"""One coin: a reliability for every annotator, by EM, under a Beta prior learned from the crowd itself.

.. math:: q_i(t) \propto \prod_{n \in i} s_{a_n} 1[l_n = t] + (1 - s_{a_n}) / (K - 1) \, 1[l_n \ne t]

Choices may differ between the items of a task. The prior's mean is above chance: without it the labels fit their mirror
image as well. Where labels are thin this is worth more than a confusion matrix (numbers in docs/papers.md).

References:
    Zhang, Chen, Zhou and Jordan, Spectral methods meet EM, 2016, for the one-coin model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crowdtune.aggregate._evidence import Evidence
from crowdtune.aggregate._fit import Fit, vote_shares
from crowdtune.aggregate._intervals import intervals
from crowdtune.aggregate._parts import Part, conclude, parts
from crowdtune.annotations import Annotations
from crowdtune.em.coin import Coin
from crowdtune.em.gibbs import interval_columns, sample
from crowdtune.em.prior import above_chance, crowd_prior, solve_coin

SAMPLED = 20_000  # labels up to which intervals are drawn; above, `intervals` computes them


@dataclass(frozen=True)
class OneCoin:
    """One coin per annotator and task.

    Args:
        intervals: give 95 % intervals too.
    """

    intervals: bool = True

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Run EM in each task by itself, from the vote shares, or where evidence leads."""
        fit = Fit(vote_shares(annotations))
        for part in parts(annotations, fit.posterior, known):
            start, lowest = part.start, 0.0 if part.informed else above_chance(part.given)
            found = solve_coin(part.flat, part.given, start=start, lowest=lowest, sharpness=1.0, history=part.history)
            fit.posterior[part.inside, : part.given.width] = found.posterior
            fit.log_posteriors[part.task] = found.log_posteriors
        conclude(fit.posterior, annotations, known)
        if not self.intervals:
            return fit
        if len(fit.log_posteriors) == 1 and len(annotations) <= SAMPLED:
            fit.intervals.update(_drawn(part, found.annotators, annotations))
        else:
            fit.intervals.update(intervals(annotations, fit.posterior, known))
        return fit


def _drawn(part: Part, coins: Coin, annotations: Annotations) -> dict[str, list[float]]:
    """Ends of each annotator's 95 % interval under the same priors; with evidence the crowd's stays as found."""
    rng = np.random.default_rng(0)
    if not part.informed:
        learned = crowd_prior(above_chance(part.given))
        return interval_columns(sample(part.flat, part.given, coins, 1.0, rng, learned=learned), annotations)
    mean = replace(coins, alpha=coins.alpha - 1, beta=coins.beta - 1)  # solve_coin's are of the mode in log-odds
    return interval_columns(sample(part.flat, part.given, mean, 1.0, rng, prior=mean), annotations)
