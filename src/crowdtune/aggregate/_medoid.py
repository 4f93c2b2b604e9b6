r"""The answer nearest to what all say, for free text: never an invented one.

.. math:: e_n = \mu_i + \epsilon_n, \quad E |\epsilon_n|^2 = \sigma_a^2, \qquad
          \mu_i = \frac{\sum_n e_n / \sigma_{a_n}^2}{\sum_n 1 / \sigma_{a_n}^2}, \qquad
          \sigma_a^2 = \frac{A \bar\sigma^2 + \sum_n (|e_n - \mu_{i,-n}|^2 - v_{i,-n})}{A + N_a}

e are embeddings of length 1, mu of an item without the label itself and v the variance of that mean. Annotators are
weighed by how far from the others they answer, in turn with the means, and shrunk to the crowd. The label of an item is
the answer nearest to its mean.

References:
    Li, Crowdsourced text sequence aggregation based on hybrid reliability and representation (HRASA), 2020, for RASA,
    which weighs by the same distances, the label itself and its share of the mean left in.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from crowdtune.aggregate._fit import Fit
from crowdtune.annotations import MASKED, Annotations, Floats, Ints, Items
from crowdtune.errors import InputError

STEPS, SETTLED = 50, 1e-6  # most rounds; largest relative change of a variance that is none
PRIOR = 2.0  # pseudo-labels at the crowd's mean variance
LEAST = 0.05  # of the crowd's mean variance; nobody is taken for surer
TINY = 1e-12


def answers(items: Items) -> list[str]:
    """The distinct answers of all items, in order of appearance: what `medoid` wants embeddings of."""
    return list(dict.fromkeys(text for s in items.choice_set.tolist() for text in items.choice_sets[s]))


def medoid(annotations: Annotations, embeddings: Floats) -> Fit:
    """Choose for each item the answer nearest to the weighted mean of all it was given.

    Args:
        annotations: N labels; an item's choices are its distinct answers.
        embeddings: (A, D) of the texts `answers(annotations.items)`, any length; cosines count.

    Returns:
        Fit with posterior (I, K) proportional to exp(-distance^2 / mean variance): shares to rank answers by, no
        calibrated probabilities. Column "closeness": mean cosine of an annotator's answers to the mean of the
        others', None where there never was another.
    """
    texts = answers(annotations.items)
    if embeddings.ndim != 2 or len(embeddings) != len(texts):
        raise InputError(
            f"medoid was given embeddings of shape {embeddings.shape} for {len(texts)} distinct answers; "
            f"give ({len(texts)}, D), in the order of answers(items)."
        )
    table = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), TINY)
    code = _codes(annotations.items, texts)
    given = table[code[annotations.item, annotations.label]] if len(annotations) else table[:0]
    variance, usual = _variances(annotations, given)
    mean, _ = _means(annotations, given, 1 / variance)
    distance = np.stack([((table[code[:, k]] - mean) ** 2).sum(axis=1) for k in range(code.shape[1])], axis=1)
    near = np.where(annotations.items.choice_mask, -distance / usual, MASKED)
    near[annotations.labels_per_item == 0] = 0.0
    near = np.where(annotations.items.choice_mask, near, MASKED)
    return Fit(softmax(near, axis=1), columns={"closeness": _closeness(annotations, given, 1 / variance)})


def _codes(items: Items, texts: list[str]) -> Ints:
    """(I, K) place of each choice among the texts; 0 where an item has no such choice."""
    place = {text: a for a, text in enumerate(texts)}
    of_set = np.zeros((max(len(items.choice_sets), 1), items.max_choices), dtype=np.int64)
    for s in np.unique(items.choice_set).tolist():
        of_set[s, : len(items.choice_sets[s])] = [place[text] for text in items.choice_sets[s]]
    return of_set[items.choice_set]


def _means(annotations: Annotations, given: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(I, D) weighted mean of an item's answers, and (I,) their total weight."""
    w = weight[annotations.annotator]
    total = np.bincount(annotations.item, w, len(annotations.items))
    mean = np.zeros((len(annotations.items), given.shape[1]))
    np.add.at(mean, annotations.item, w[:, None] * given)
    return mean / np.maximum(total, TINY)[:, None], np.asarray(total, dtype=np.float64)


def _others(annotations: Annotations, given: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(N, D) weighted mean of the other answers to a label's item, and (N,) their total weight; 0 without others."""
    mean, total = _means(annotations, given, weight)
    w = weight[annotations.annotator]
    rest = np.where(annotations.labels_per_item[annotations.item] > 1, total[annotations.item] - w, 0.0)
    whole = (mean * total[:, None])[annotations.item] - w[:, None] * given
    return np.where(rest[:, None] > 0, whole / np.maximum(rest, TINY)[:, None], 0.0), rest


def _variances(annotations: Annotations, given: Floats) -> tuple[Floats, float]:
    """(J,) variance of each annotator's answers around the truth, and the crowd's mean."""
    j = len(annotations.annotators)
    variance, usual = np.ones(j, dtype=np.float64), 1.0
    for _ in range(STEPS):
        others, rest = _others(annotations, given, 1 / variance)
        met = rest > 0
        who = annotations.annotator[met]
        if not len(who):
            break
        own = ((given[met] - others[met]) ** 2).sum(axis=1) - 1 / rest[met]
        usual = max(float(own.mean()), TINY)
        total, count = (np.bincount(who, w, j) for w in (own, np.ones(len(who))))
        before, variance = variance, np.maximum((PRIOR * usual + total) / (PRIOR + count), LEAST * usual)
        if np.abs(variance / before - 1).max() < SETTLED:
            break
    return np.asarray(variance, dtype=np.float64), usual


def _closeness(annotations: Annotations, given: Floats, weight: Floats) -> list[float | None]:
    """(J,) mean cosine to the mean of the others."""
    others, rest = _others(annotations, given, weight)
    met = rest > 0
    cosine = (given * others).sum(axis=1) / np.maximum(np.linalg.norm(others, axis=1), TINY)
    j = len(annotations.annotators)
    total, count = (np.bincount(annotations.annotator[met], w[met], j) for w in (cosine, np.ones(len(cosine))))
    return [round(float(t / c), 4) if c else None for t, c in zip(total, count, strict=True)]
