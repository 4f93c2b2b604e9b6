r"""CROWDLAB: the weighted mean of what a model says of an item and what its annotators say.

.. math:: q_i(k) \propto w_M \, p_i(k) + \sum_{n \in i} w_{a_n}
          \left(P \, 1[l_n = k] + \frac{1 - P}{K_i - 1} \, 1[l_n \neq k]\right)

.. math:: w_a = 1 - \frac{\text{error}_a}{\text{error}_0}, \qquad
          w_M = \left(1 - \frac{\text{error}_M}{\text{error}_0}\right) \sqrt{\text{mean labels per item}}

error_a is the share of an annotator's meetings with others in which they disagree; error_M and 1 - P are the shares of
items, and of an item's labels, that differ from the consensus; error_0 is that of always giving the most common answer.
All are of the items with two labels or more. The consensus is the majority vote, ties going to the model's favourite,
and then once more the best of q, as in the authors' release.

Differs: K may differ between items; the most common answer is counted in each task, and where the items of a task have
choices of their own error_0 is that of a guess, 1 - 1/K; ties the model leaves open stay open and count in shares.

References:
    Goh, Tkachenko, Mueller: CROWDLAB, 2022, https://arxiv.org/abs/2210.06812
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.aggregate._fit import vote_shares, winners
from crowdtune.annotations import Annotations, Bools, Floats
from crowdtune.errors import InputError

LEAST = 1e-6  # of a weight, and of error_0; the release's


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A model and its annotators, weighted.

    Args:
        posterior: (I, K) weighted mean, rows sum to 1; the model's answer where an item has no label.
        annotator_weights: (J,) w_a > 0; 1 = agrees with everybody.
        model_weight: w_M > 0.
    """

    posterior: Floats
    annotator_weights: Floats
    model_weight: float


def crowdlab(annotations: Annotations, probabilities: Floats) -> Ensemble:
    """Weigh a model against the annotators.

    Args:
        annotations: N labels.
        probabilities: (I, K) of a model that was not trained on these labels; 0 where an item has no such choice.
    """
    if not (annotations.labels_per_item > 1).any():
        raise InputError(
            "crowdlab weighs annotators by how often they agree, and no item has two labels. "
            "Use realm, which learns from single labels."
        )
    agreement = _agreement(annotations)
    leading = winners(vote_shares(annotations), annotations.items.choice_mask) > 0
    ensemble = _weigh(annotations, probabilities, agreement, winners(probabilities, leading))
    best = winners(ensemble.posterior, annotations.items.choice_mask)
    return _weigh(annotations, probabilities, agreement, best)


def _weigh(annotations: Annotations, probabilities: Floats, agreement: Floats, consensus: Floats) -> Ensemble:
    """Weights and their mean, given the (J,) agreement of annotators and the (I, K) consensus."""
    items, per_item = annotations.items, annotations.labels_per_item
    met = per_item > 1
    answer = winners(probabilities, items.choice_mask)
    error_0 = max(LEAST, 1 - _most_common(annotations, consensus, met))
    error_model = 1 - (answer * consensus)[met].sum(axis=1).mean()
    weights = np.maximum(LEAST, 1 - (1 - agreement) / error_0)
    model_weight = max(LEAST, 1 - error_model / error_0) * np.sqrt(per_item[per_item > 0].mean())
    right = (vote_shares(annotations) * consensus)[met].sum(axis=1).mean()
    wrong = (1 - right) / np.maximum(items.n_choices - 1, 1)
    flat = annotations.item * items.max_choices + annotations.label
    heard = np.bincount(flat, weights[annotations.annotator], consensus.size).reshape(consensus.shape)
    others = heard.sum(axis=1, keepdims=True) - heard
    total = (model_weight * probabilities + right * heard + wrong[:, None] * others) * items.choice_mask
    return Ensemble(total / total.sum(axis=1, keepdims=True), weights, float(model_weight))


def _agreement(annotations: Annotations) -> Floats:
    """(J,) share of agreement in all meetings with another annotator's label; the mean where somebody met nobody."""
    same = annotations.votes[annotations.item, annotations.label] - 1
    meetings = annotations.labels_per_item[annotations.item] - 1
    j = len(annotations.annotators)
    agreed, met = (np.bincount(annotations.annotator, weights, j) for weights in (same, meetings))
    share = agreed / np.maximum(met, 1)
    return np.where(met > 0, share, share[met > 0].mean())


def _most_common(annotations: Annotations, consensus: Floats, met: Bools) -> float:
    """Share of the items `met` that the most common consensus of their task gets right."""
    items, right = annotations.items, 0.0
    for m, shared in enumerate(items.shared_choices):
        inside = met & (items.task == m)
        right += consensus[inside].sum(axis=0).max() if shared else (1 / items.n_choices[inside]).sum()
    return right / float(met.sum())
