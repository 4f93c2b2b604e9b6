"""What can be checked of a run where items have gold."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import spearmanr

from crowdtune.aggregate import aggregator
from crowdtune.annotations import Annotations, Floats
from crowdtune.metrics.accuracy import accuracy, graded
from crowdtune.metrics.crowd import annotator_accuracy, reliability


def against_gold(annotations: Annotations, posterior: Floats, before: Floats | None, after: Floats) -> dict[str, Any]:
    """Shares of items answered right, of grades how far off, and whether trust was well placed; {} without gold.

    Args:
        annotations: N labels, and the gold answers of their items.
        posterior: (I, K) P(truth = k) after training.
        before: (I, K) log-probabilities of the untrained model; None where a new head had no answers.
        after: (I, K) those of the trained one.
    """
    gold = annotations.items.gold
    if not (gold >= 0).any():
        return {}
    truth = annotator_accuracy(annotations)
    judged = np.flatnonzero(~np.isnan(truth))
    trust = reliability(annotations, posterior)[judged]
    correlation = spearmanr(trust, truth[judged]).statistic if len(judged) > 2 else None
    said = {
        "posterior": posterior,
        "model": np.exp(after),
        "majority": aggregator("majority").fit(annotations).posterior,
    } | ({} if before is None else {"zero_shot": np.exp(before)})
    return {
        "zero_shot_accuracy": None,
        **{f"{who}_accuracy": accuracy(answers, gold) for who, answers in said.items()},
        **{
            f"{who}_{name}": v
            for who, answers in said.items()
            for name, v in graded(answers, annotations.items).items()
        },
        "reliability_spearman": None if correlation is None or np.isnan(correlation) else float(correlation),
    }
