"""The end of a joint run: from what the trained model says to truths, annotators and their intervals."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats
from crowdtune.em.belief import Belief
from crowdtune.em.coin import Coin
from crowdtune.em.gibbs import Sample, sample
from crowdtune.em.solve import STEPS
from crowdtune.em.state import StateCoin, clusters
from crowdtune.methods._plan import Conclusion

CLUSTERS, SHOWN = 4, 5  # of items, where whom to trust depends on the item; ids shown of each


def conclude(belief: Belief, log_p: Floats, annotations: Annotations, prior: Coin) -> Conclusion:
    """Fit annotators on the trained model's answers, try richer ones a last time, and sample.

    Args:
        belief: as training left it.
        log_p: (I, K) log-probabilities of the trained model, finite.
        annotations: N labels.
        prior: one coin with the prior of each annotator, or of each annotator and task.
    """
    belief.settle([(np.arange(len(log_p)), log_p)])
    belief.update(STEPS)
    belief.advance()
    end = belief.solution
    rng = np.random.default_rng(belief.seed)
    drawn = sample(belief.log_p, belief.given, end.annotators, end.sharpness, rng, prior=prior)
    results = {
        "annotator_model": type(end.annotators).__name__.lower(),
        "sharpness": end.sharpness,
        "trials": [asdict(trial) for trial in belief.trials],
    }
    if isinstance(end.annotators, StateCoin):
        results["clusters"] = _by_cluster(end.annotators, annotations, rng)
    return Conclusion(drawn.posterior, _intervals(drawn, annotations), results)


def _intervals(drawn: Sample, annotations: Annotations) -> dict[str, list[Any]]:
    """Ends of the 95 % interval of each annotator's reliability over the labels they gave."""
    j, m = len(annotations.annotators), len(annotations.items.tasks)
    draws = drawn.reliability
    if draws.shape[1] != j:
        pair = annotations.annotator * m + annotations.items.task[annotations.item]
        given = np.bincount(pair, minlength=j * m).reshape(j, m)
        weight = given / np.maximum(given.sum(axis=1, keepdims=True), 1)
        draws = (draws.reshape(-1, j, m) * weight).sum(axis=2)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0).round(4)
    return {"reliability_low": low.tolist(), "reliability_high": high.tolist()}


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
