r"""Wawa, worker agreement with aggregate: a vote weighted by how often each annotator agrees with the majority.

.. math:: w_a = \frac{1}{N_a} \sum_{n: a_n = a} r_{i_n}(l_n), \qquad
          q_i(k) \propto \sum_{n \in i} w_{a_n} 1[l_n = k]

r is the majority's answer; a tie counts in shares. What comes out are shares of weighted votes, not probabilities: they
are far less sure than they are right.

Differs from crowd-kit: ties, of the majority and of the answer, stay open. With evidence the reference r is the answer
that evidence leads to, where the majority may be the wrong one.

References:
    Appen (CrowdFlower), Worker agreement with aggregate, as implemented in crowd-kit, https://github.com/Toloka/crowd-kit
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate._evidence import Evidence
from crowdtune.aggregate._fit import Fit, vote_shares, winners
from crowdtune.aggregate._parts import conclude, parts
from crowdtune.annotations import Annotations


@dataclass(frozen=True)
class Wawa:
    """A vote weighted by agreement with the majority, in each task by itself; nothing to set."""

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Shares of weighted votes; the plain vote where everybody who answered has weight 0."""
        fit = Fit(vote_shares(annotations))
        for part in parts(annotations, fit.posterior, known):
            given = part.given
            agreed = given.per_annotator(given.at_label(winners(part.start, part.mask)))
            weight = agreed / np.maximum(given.labels_per_annotator, 1)
            heard = given.per_choice(weight[given.annotator], np.zeros(len(given)))
            total = heard.sum(axis=1, keepdims=True)
            fit.posterior[part.inside, : given.width] = np.where(
                total > 0, heard / np.where(total > 0, total, 1), part.start
            )
        conclude(fit.posterior, annotations, known)
        return fit
