r"""A linear classifier on embeddings: the expert that small models and CPUs can afford.

.. math:: \sum_i w_i \sum_k q_{ik} \log p(k \mid x_i) - \frac{r}{2} \lVert W \rVert^2, \qquad
          p(k \mid x) = \operatorname{softmax}(W x + b)_k

is maximised over W and b: q are the targets, w the weights of items, r the ridge, the precision of a normal prior. An
item with weight 2 is that item twice. `cross_fit` never lets an item's own target speak on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.errors import InputError

RIDGES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)  # tried from the strongest; of `standardised` features
FOLDS = 5
BIAS_RIDGE = 1e-3  # so that a choice no item was given keeps a finite log-probability
GRADIENT, STEPS = 1e-5, 500  # a fit ends where no entry of the gradient, per unit of weight, is above this


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted classifier.

    Args:
        weight: (D, K) of each feature and choice.
        bias: (K,) of each choice.
    """

    weight: Floats
    bias: Floats


class CrossFit(NamedTuple):
    """What classifiers say of items they were not fitted on.

    Args:
        log_p: (I, K) log-probabilities.
        ridge: that was best on them.
    """

    log_p: Floats
    ridge: float


def fit(
    features: Floats, targets: Floats, weights: Floats | None = None, *, ridge: float, start: Classifier | None = None
) -> Classifier:
    """Multinomial logistic regression by L-BFGS; the optimum is unique.

    Args:
        features: (I, D).
        targets: (I, K) P(truth = k), rows sum to 1.
        weights: (I,) >= 0 of the items; None = all 1.
        ridge: > 0, precision of the normal prior on each weight; 1 / C of scikit-learn.
        start: where to begin; None = at 0. It changes the time, not the result.
    """
    weights = np.ones(len(features)) if weights is None else weights
    if not ridge > 0:
        raise InputError(f"ridge={ridge} must be above 0.")
    if not weights.sum() > 0:
        raise InputError("a classifier needs an item with weight to learn from.")
    d, k = features.shape[1], targets.shape[1]
    x = np.asarray(features, dtype=np.float64)
    begin = np.zeros((d + 1, k)) if start is None else np.vstack([start.weight, start.bias])
    best = minimize(
        loss,
        begin.ravel(),
        args=(x, targets * weights[:, None], ridge),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "maxfun": 2 * STEPS, "gtol": GRADIENT, "ftol": 1e-15},
    )
    table = best.x.reshape(d + 1, k)
    return Classifier(table[:-1], table[-1])


def loss(flat: Floats, features: Floats, mass: Floats, ridge: float) -> tuple[float, Floats]:
    """What `fit` minimises, and its gradient, both per unit of weight.

    Args:
        flat: (D + 1) * K, weights of features and, in the last row, biases.
        features: (I, D).
        mass: (I, K) target times weight.
        ridge: precision of the prior.
    """
    table = flat.reshape(features.shape[1] + 1, -1)
    log_p = log_softmax(features @ table[:-1] + table[-1], axis=1)
    total = mass.sum()
    error = np.exp(log_p) * mass.sum(axis=1, keepdims=True) - mass
    pull = np.full((len(table), 1), ridge)
    pull[-1] = BIAS_RIDGE
    value = -(mass * log_p).sum() + (pull * table**2).sum() / 2
    gradient = np.vstack([features.T @ error, error.sum(axis=0)]) + pull * table
    return float(value / total), gradient.ravel() / total


def predict(classifier: Classifier, features: Floats) -> Floats:
    """(I, K) log-probabilities of the choices for (I, D) features."""
    return np.asarray(log_softmax(features @ classifier.weight + classifier.bias, axis=1))


def cross_fit(
    features: Floats,
    targets: Floats,
    weights: Floats | None = None,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    ridges: Sequence[float] = RIDGES,
) -> CrossFit:
    """Ask about each item a classifier fitted on the other folds.

    The ridge is that of `ridges` with the smallest weighted log-loss on the folds held out, against the same targets.
    An item without weight is predicted like the others and teaches nothing.

    Args:
        features: (I, D), brought to one scale by `standardised`, which sees no target.
        targets: (I, K) P(truth = k), rows sum to 1.
        weights: (I,) >= 0 of the items; None = all 1.
        folds: how many parts the items are dealt into, each target's likeliest choice evenly.
        seed: of the parts.
        ridges: precisions of the prior to try; of one there is no choice.
    """
    weights = np.ones(len(features)) if weights is None else weights
    x = standardised(features)

    def ask(out: Bools, ridge: float, start: Classifier | None) -> tuple[Classifier, Floats]:
        fitted = fit(x[~out], targets[~out], weights[~out], ridge=ridge, start=start)
        return fitted, predict(fitted, x[out])

    fold = dealt(targets, weights, folds, np.random.default_rng(seed))
    return across(fold, targets.shape[1], ridges, ask, lambda log_p: float((weights[:, None] * targets * log_p).sum()))


def across(
    fold: Ints,
    width: int,
    ridges: Sequence[float],
    ask: Callable[[Bools, float, Any], tuple[Any, Floats]],
    worth: Callable[[Floats], float],
) -> CrossFit:
    """Fit every ridge on all folds but one, in turn, and keep the ridge that is worth most.

    Args:
        fold: (I,) of each item.
        width: K.
        ridges: to try, from the strongest; each fit begins where the one before ended.
        ask: (items held out, ridge, the fit before or None) -> the fit to the others, and (O, K) what it says of those.
        worth: of (I, K) log-probabilities, the larger the better.
    """
    found = {ridge: np.zeros((len(fold), width)) for ridge in sorted(ridges, reverse=True)}
    for part in range(fold.max() + 1):
        out, before = fold == part, None
        for ridge, log_p in found.items():
            before, log_p[out] = ask(out, ridge, before)
    ridge = max(found, key=lambda ridge: worth(found[ridge]))
    return CrossFit(found[ridge], ridge)


def standardised(features: Floats) -> Floats:
    """(I, D) features with mean 0 each and equal variances, a row's squared length 1 on average."""
    centred = np.asarray(features, dtype=np.float64) - np.mean(features, axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0) / np.sqrt(max(features.shape[1], 1)))


def dealt(targets: Floats, weights: Floats, folds: int, rng: np.random.Generator) -> Ints:
    """(I,) fold of each item: items of one likeliest choice, with or without weight, are dealt out in turn."""
    used = int((weights > 0).sum())
    if not 2 <= folds <= used:
        raise InputError(f"folds={folds} must be from 2 to the number of items with weight, {used}.")
    order = np.lexsort((rng.random(len(targets)), targets.argmax(axis=1), weights <= 0))
    fold = np.empty(len(targets), dtype=np.int64)
    fold[order] = np.arange(len(targets)) % folds
    return fold
