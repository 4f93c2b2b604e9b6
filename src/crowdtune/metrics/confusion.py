"""Which truths annotators take for which, as a posterior over truths tells: tables to show. Models fit their own."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints

PRIOR = 2.0  # pseudo-labels of the crowd's own row added to every row of an annotator's


def crowd_confusion(annotations: Annotations, posterior: Floats) -> Floats:
    """(K, K) share of each label where the truth is believed to be t; one nobody believes in has the crowd's shares.

    Args:
        annotations: N labels on items with the same choices.
        posterior: (I, K) P(truth = k).
    """
    k = annotations.items.max_choices
    met = np.stack([np.bincount(annotations.label, posterior[annotations.item, t], k) for t in range(k)])
    given = np.bincount(annotations.label, minlength=k) / max(len(annotations), 1)
    return np.asarray((met + 1e-9 * given) / (met + 1e-9 * given).sum(axis=1, keepdims=True))


def confusions(annotations: Annotations, posterior: Floats, who: Ints) -> Floats:
    """(len(who), K, K) of the annotators `who`, [j, t, k]; rows of few labels are drawn to the crowd's.

    Args:
        annotations: N labels on items with the same choices.
        posterior: (I, K) P(truth = k).
        who: codes of annotators, without repetition.
    """
    k = annotations.items.max_choices
    place = np.full(len(annotations.annotators), -1)
    place[who] = np.arange(len(who))
    rows = np.flatnonzero(place[annotations.annotator] >= 0)
    cell = place[annotations.annotator[rows]] * k + annotations.label[rows]
    met = [np.bincount(cell, posterior[annotations.item[rows], t], len(who) * k) for t in range(k)]
    counts = np.stack(met).reshape(k, len(who), k).swapaxes(0, 1) + PRIOR * crowd_confusion(annotations, posterior)
    return np.asarray(counts / counts.sum(axis=2, keepdims=True))
