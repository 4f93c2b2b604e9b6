r"""Two unlike small models tell clean labels from doubtful ones, as in NoiseAL.

A label is consistent where both models answer it. The threshold of a choice is the mean confidence of what is answered
with it, so that it moves with the noise:

.. math:: \bar p = \frac{p_s + p_w}{2}, \qquad t_k = \operatorname{mean}_{i: \arg\max \bar p_i = k} \max_c \bar p_{ic}

References:
    Yuan, Chen, Zhang and Jiang, Hide and seek in noise labels, 2025, https://arxiv.org/abs/2504.02901
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of the items; each is in one.

    Args:
        clean: (I,) consistent and confident: its label is believed.
        purified: (I,) inconsistent and confident: its label is doubted, a large model is asked.
        hard: (I,) neither model is confident.
    """

    clean: Bools
    purified: Bools
    hard: Bools


def divide(label: Ints, strong: Floats, weak: Floats) -> Parts:
    """Parts of the items by what two models say that have not learned from the item's own label.

    Args:
        label: (I,) the given labels.
        strong: (I, K) probabilities of one model.
        weak: (I, K) probabilities of another.
    """
    mean = (strong + weak) / 2
    answer, confidence = mean.argmax(axis=1), mean.max(axis=1)
    times = np.bincount(answer, minlength=mean.shape[1])
    least = np.bincount(answer, weights=confidence, minlength=mean.shape[1]) / np.maximum(times, 1)
    consistent = (strong.argmax(axis=1) == label) & (weak.argmax(axis=1) == label)
    confident = confidence >= least[answer]
    return Parts(consistent & confident, ~consistent & confident, ~confident)
