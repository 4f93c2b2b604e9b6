"""A belief about the labels of examples, under a model that knows nothing yet."""

from __future__ import annotations

import numpy as np

from crowdtune.em.belief import Belief
from crowdtune.em.coin import coin
from crowdtune.em.given import Given
from crowdtune.em.kernel import kernel
from crowdtune.em.solve import solve
from crowdtune.em.stages import Stage
from crowdtune.examples import Examples


def belief_of(examples: Examples) -> Belief:
    """One coin per annotator, fitted from the vote shares; kernels may be tried."""
    item = np.repeat(np.arange(len(examples)), examples.labels.lengths())
    label, k = examples.labels.flat(), examples.items.max_choices
    who = examples.annotators.flat()
    seen = Given(item, who, label, examples.items.n_choices[item], len(examples), int(who.max()) + 1, k)
    flat = np.full((len(examples), k), -np.log(k))
    votes = seen.per_item(np.eye(k)[label]) + 1
    start = votes / votes.sum(axis=1, keepdims=True)
    stages = {"kernel": Stage(lambda part, end: kernel(part, end.annotators))}
    return Belief(flat, seen, solve(flat, seen, coin(seen), start=start), stages)
