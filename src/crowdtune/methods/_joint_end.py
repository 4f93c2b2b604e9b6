"""The end of a joint run: from what the trained model says to truths, annotators and their intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.em.belief import Belief
from crowdtune.em.coin import Coin
from crowdtune.em.gibbs import interval_columns, sample
from crowdtune.em.prior import CrowdPrior
from crowdtune.em.solve import STEPS
from crowdtune.em.state import StateCoin, clusters
from crowdtune.methods._plan import Conclusion

CLUSTERS, SHOWN = 4, 5  # of items, where whom to trust depends on the item; ids shown of each


@dataclass(frozen=True, eq=False)
class Ending:
    """What was held possible of annotators before anything was seen.

    Args:
        coins: one coin with the prior of each annotator, or of each annotator and task.
        learned: Beta priors of the crowd held possible, where the prior is learned; else None.
    """

    coins: Coin
    learned: CrowdPrior | None


def conclude(belief: Belief, log_p: Floats, annotations: Annotations, ending: Ending) -> Conclusion:
    """Fit annotators on the trained model's answers, try richer ones a last time, and sample.

    Args:
        belief: as training left it.
        log_p: (I, K) log-probabilities of the trained model, finite.
        annotations: N labels.
        ending: priors.
    """
    belief.settle([(np.arange(len(log_p)), log_p)])
    belief.update(STEPS)
    belief.advance()
    end = belief.solution
    rng = np.random.default_rng(belief.seed)
    start = (belief.log_p, belief.given, end.annotators, end.sharpness)
    drawn = sample(*start, rng, prior=ending.coins, learned=ending.learned)
    results = {
        "annotator_model": type(end.annotators).__name__.lower(),
        "sharpness": end.sharpness,
        "trials": [asdict(trial) for trial in belief.trials],
    }
    if isinstance(end.annotators, StateCoin):
        results["clusters"] = _by_cluster(end.annotators, annotations, rng)
    return Conclusion(drawn.posterior, interval_columns(drawn, annotations), results)


def _by_cluster(annotators: StateCoin, annotations: Annotations, rng: np.random.Generator) -> list[dict[str, Any]]:
    """When to trust whom: clusters of items, some ids of each, and every annotator's mean reliability there."""
    group = clusters(annotators.phi, CLUSTERS, rng)
    found = []
    for c in np.unique(group):
        index = np.flatnonzero(group == c)
        found.append(
            {
                "items": len(index),
                "for example": [annotations.items.ids[i] for i in index[:SHOWN]],
                "reliability": _on(annotators, annotations, index),
            }
        )
    return found


def _on(annotators: StateCoin, annotations: Annotations, index: Any) -> dict[str, float]:
    """Mean reliability of each annotator on some items, of their own task where there are several."""
    m = len(annotators.weight) // len(annotations.annotators)
    task = annotations.items.task[index] if m > 1 else 0
    return {
        name: round(float(annotators.reliability(index, np.zeros(len(index), int) + j * m + task).mean()), 4)
        for j, name in enumerate(annotations.annotators)
    }
