r"""Probabilities as sure as they should be: one temperature per task.

.. math:: q_i(k) \leftarrow q_i(k)^{1/T} / \sum_{k'} q_i(k')^{1/T}, \qquad T \ge 1

Annotators err on the same items, models of them say they don't, so posteriors are too sure. T is the one under which
gold answers are most probable, where there are enough (each answer scored by a T of the others), or else the one under
which truths fitted to the other labels foretell labels left out best. The second sees that truths are surer than labels
bear out, not that all annotators are wrong together; both only ever make less sure, and labels stay what they are.

References:
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, 2017, for temperatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.special import log_softmax

from crowdtune.aggregate._fit import Aggregator
from crowdtune.aggregate._held_out import folds, log_losses
from crowdtune.aggregate.one_coin import OneCoin
from crowdtune.annotations import MASKED, Annotations, Bools, Floats, Ints

TEMPERATURES = np.geomspace(1.0, 8.0, 25)
ENOUGH = 50  # gold items of a task; with fewer the labels decide
PARTS = 5  # of the gold items, each tempered by what the others say
ERRORS = 1.0  # standard errors by which a temperature must beat 1
TINY = 1e-12


def calibrated(
    annotations: Annotations, posterior: Floats, by: Mapping[str, Aggregator], *, seed: int = 0
) -> tuple[Floats, dict[str, float]]:
    """The posterior, tempered task by task, and each task's temperature (with gold the mean of the parts').

    Args:
        annotations: N labels.
        posterior: (I, K) rows sum to 1.
        by: task -> what inferred its truths, to be fitted again without some labels.
        seed: of the labels left out and the parts.
    """
    items, made, used = annotations.items, posterior.copy(), dict[str, float]()
    for m in np.unique(items.task[annotations.labels_per_item > 0]).tolist():
        rows, rng = np.flatnonzero(items.task == m), np.random.default_rng(seed)
        mask = items.choice_mask[rows]
        if ((items.gold[rows] >= 0) & (annotations.labels_per_item[rows] > 0)).sum() >= ENOUGH:
            t = _by_gold(posterior[rows], items.gold[rows], mask, rng)
        else:
            part, one = annotations.take_items(rows), by[items.tasks[m]]
            one = replace(one, intervals=False) if isinstance(one, OneCoin) else one
            t = np.full(len(rows), _by_labels(part, one, rng))
        made[rows] = tempered(posterior[rows], t, mask)
        used[items.tasks[m]] = round(float(t.mean()), 3)
    return made, used


def tempered(posterior: Floats, temperature: Floats, mask: Bools) -> Floats:
    """(I, K) rows of a posterior at (I,) temperatures; choices outside the mask stay at 0."""
    score = np.where(mask, np.log(posterior + TINY) / temperature[:, None], MASKED)
    return np.asarray(np.exp(log_softmax(score, axis=1)))


def _by_gold(posterior: Floats, gold: Ints, mask: Bools, rng: np.random.Generator) -> Floats:
    """(I,) temperature of each item, from the gold answers of other parts."""
    part = rng.permutation(len(gold)) % PARTS
    known = np.flatnonzero(gold >= 0)
    heard = np.stack(
        [np.log(tempered(posterior, np.full(len(gold), t), mask)[known, gold[known]] + TINY) for t in TEMPERATURES]
    )
    found = np.ones(len(gold))
    for p in range(PARTS):
        found[part == p] = _best(-heard[:, part[known] != p], np.arange(int((part[known] != p).sum())))
    return found


def _by_labels(annotations: Annotations, one: Aggregator, rng: np.random.Generator) -> float:
    """Temperature under which truths foretell labels left out best; 1 unless another does so for sure."""
    losses, left_out = list[Floats](), folds(annotations, rng)
    for rows in left_out:
        out = np.zeros(len(annotations), dtype=bool)
        out[rows] = True
        met, scored = annotations.take_labels(np.flatnonzero(~out)), annotations.take_labels(rows)
        posterior, mask = one.fit(met).posterior, annotations.items.choice_mask
        truths = (tempered(posterior, np.full(len(posterior), t), mask) for t in TEMPERATURES)
        losses.append(log_losses(posterior, met, scored, truths))
    return _best(np.concatenate(losses, axis=1), annotations.item[np.concatenate(left_out)])


def _best(loss: Floats, item: Ints) -> float:
    """The temperature of least (T, N) loss; 1 where it gains too little over it, with (N,) items as the units."""
    best = int(loss.mean(axis=1).argmin())
    gain = np.bincount(item, loss[0] - loss[best])
    return float(TEMPERATURES[best]) if gain.sum() > ERRORS * np.sqrt((gain**2).sum()) else 1.0
