"""The end of a joint run: from what the trained model says to truths, annotators and their intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Bools, Floats, Ints
from crowdtune.em.belief import Belief
from crowdtune.em.coin import Coin
from crowdtune.em.gibbs import interval_columns, sample
from crowdtune.em.grid import OnGrid
from crowdtune.em.prior import CrowdPrior
from crowdtune.em.solve import STEPS
from crowdtune.em.state import StateCoin, clusters
from crowdtune.methods._habits import columns
from crowdtune.methods._plan import Conclusion
from crowdtune.metrics.guard import Verdict, verdict

BUSIEST = 50  # annotators by whom items are grouped: those with most labels
CLUSTERS, SHOWN = 4, 5  # most groups of items on which the same annotators are to be trusted; ids shown of each


@dataclass(frozen=True, eq=False)
class Ending:
    """What was known and held possible before training.

    Args:
        coins: one coin with the prior of each annotator, or of each annotator and task.
        learned: Beta priors of the crowd held possible, where the prior is learned; else None.
        log_p: (I, K) log-probabilities of the untrained model, centred.
        gold: (I,) True for items whose gold answer is evidence.
        verdict: on the crowd.
    """

    coins: Coin
    learned: CrowdPrior | None
    log_p: Floats
    gold: Bools
    verdict: Verdict


def conclude(belief: Belief, log_p: Floats, annotations: Annotations, ending: Ending) -> Conclusion:
    """Fit annotators on the trained model's answers, try richer ones a last time, and sample.

    Args:
        belief: as training left it.
        log_p: (I, K) log-probabilities of the trained model, finite.
        annotations: N labels.
        ending: what was known before.
    """
    belief.settle([(np.arange(len(log_p)), log_p)])
    belief.update(STEPS)
    belief.advance()
    end = belief.solution
    rng = np.random.default_rng(belief.seed)
    start = (belief.log_p, belief.given, end.annotators, end.sharpness)
    drawn = sample(*start, rng, prior=ending.coins, learned=ending.learned)
    shown: dict[str, list[Any]] = interval_columns(drawn, annotations)
    results: dict[str, Any] = {
        "annotator_model": type(end.annotators).__name__.lower(),
        "sharpness": end.sharpness,
        "trials": [asdict(trial) for trial in belief.trials],
    }
    said = group = None
    if isinstance(end.annotators, StateCoin):
        who = np.argsort(-annotations.labels_per_annotator, kind="stable")[:BUSIEST]
        trust = _trust(end.annotators, annotations, who)
        group = clusters(trust, CLUSTERS, rng)
        results["clusters"] = _by_cluster(trust, annotations, who, group)
        said = verdict(_as_tasks(annotations, group), ending.log_p, gold=ending.gold, seed=belief.seed)
    if isinstance(end.annotators, OnGrid):
        results["annotator_model"] = end.annotators.grid.answers
        shown |= columns(end.annotators.grid.names, drawn.numbers, annotations)
        said = replace(ending.verdict, start=belief.first)  # a generous crowd's truths are others than the votes
    return Conclusion(drawn.posterior, shown, results, said, group)


def _as_tasks(annotations: Annotations, group: Ints) -> Annotations:
    """Each cluster of items a task of its own: annotators differ between them, so each must be resolved by itself."""
    names = [f"cluster {c}" for c in range(CLUSTERS)]
    return replace(annotations, items=replace(annotations.items, tasks=names, task=group, kinds=()))


def _trust(annotators: StateCoin, annotations: Annotations, who: Ints) -> Floats:
    """(I, W) reliability of some annotators `who` (W,) on each item."""
    items = annotations.items
    m = len(annotators.weight) // len(annotations.annotators)
    index, task = np.arange(len(items)), items.task if m > 1 else 0
    return np.stack([annotators.reliability(index, index * 0 + j * m + task) for j in who.tolist()], axis=1)


def _by_cluster(trust: Floats, annotations: Annotations, who: Ints, group: Ints) -> list[dict[str, Any]]:
    """When to trust whom: clusters of items, some ids of each, and the mean reliability of annotators `who` there."""
    names, found = [annotations.annotators[j] for j in who], []
    for c in np.unique(group):
        index = np.flatnonzero(group == c)
        means = trust[index].mean(axis=0).round(4).tolist()
        found.append(
            {
                "cluster": int(c),
                "items": len(index),
                "for example": [annotations.items.ids[i] for i in index[:SHOWN]],
                "reliability": dict(zip(names, means, strict=True)),
            }
        )
    return found
