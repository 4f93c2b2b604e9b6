"""How well truths foretell labels they were not fitted to: the common measure by which aggregators are compared.

P(label) is the sum over truths of the item's posterior, from its other labels, and of how that annotator answers under
each truth, from the annotator's other labels. Whatever the aggregator, annotators are read off its truths in one way:
a confusion kernel shrunk to the crowd's or, where items have choices of their own, one coin. So what is compared is the
truths. With each aggregator's own annotators, one that models how spammers answer wins without knowing more.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.special import logsumexp

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.em.coin import Coin, coin
from crowdtune.em.given import Given, given
from crowdtune.em.kernel import Kernel, kernel

MOST_FOLDS = 10  # a tenth of the labels is left out at a time
FITTED = 600_000  # labels to fit, over all folds; at least one fold
STRENGTH = 4.0  # pseudo-labels of the crowd's mean reliability, for each annotator
MOST_CELLS = 20_000_000  # of all kernels; above, one coin
TINY = 1e-12


def folds(annotations: Annotations, rng: np.random.Generator) -> list[Ints]:
    """Rows to leave out, one tenth of the labels after the other; fewer tenths where labels are many."""
    ordered = np.lexsort((annotations.annotator, annotations.item))
    n = len(ordered)
    fold = np.empty(n, dtype=np.int64)
    fold[ordered] = rng.permutation(n) % min(MOST_FOLDS, max(n, 1))
    count = int(np.clip(FITTED // max(n, 1), 1, MOST_FOLDS))
    return [np.flatnonzero(fold == f) for f in range(min(count, n))]


def log_loss(posterior: Floats, met: Annotations, scored: Annotations) -> Floats:
    """(N,) nats lost on each label of `scored`; 0 where an item has one choice.

    Args:
        posterior: (I, K) truths, from the labels `met`.
        met: labels that were fitted; all items are of one task.
        scored: labels of the same items and annotators that were not.
    """
    return np.asarray(log_losses(posterior, met, scored, [posterior])[0])


def log_losses(posterior: Floats, met: Annotations, scored: Annotations, truths: Iterable[Floats]) -> Floats:
    """(T, N) as `log_loss`, of several (I, K) truths; annotators are read off the first, `posterior`, for all."""
    seen, asked = given(met), given(scored)
    heard = _annotators(_truths(posterior, met), seen, met).log_likelihood(asked)
    rows = np.flatnonzero(scored.items.n_choices[scored.item] > 1)
    losses = list[Floats]()
    for truth in truths:
        loss = np.zeros(len(scored))
        loss[rows] = -logsumexp(np.log(_truths(truth, met)[asked.item] + TINY) + heard, axis=1)
        losses.append(loss)
    return np.stack(losses)


def _annotators(truth: Floats, seen: Given, met: Annotations) -> Coin | Kernel:
    """Everybody as the truths show them, shrunk to the crowd."""
    right = (seen.at_label(truth).sum() + 1) / (len(seen) + 2)
    coins = coin(seen, STRENGTH * right + 1, STRENGTH * (1 - right) + 1)
    small = seen.n_annotators * seen.width**2 <= MOST_CELLS
    if met.items.common_choices and small:
        return kernel(seen, coins).refit(seen, truth)
    return coins.refit(seen, truth)


def _truths(posterior: Floats, met: Annotations) -> Floats:
    """The posterior, with the usual one where an item has no label left and choices are shared."""
    seen = met.labels_per_item > 0
    if not met.items.common_choices or not seen.any():
        return posterior
    return np.where(seen[:, None], posterior, posterior[seen].mean(axis=0))
