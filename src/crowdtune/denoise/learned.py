r"""A classifier learned from labels nobody vouches for: it begins as the models' own answer and moves by labels alone.

.. math:: p(k \mid x_i) = \operatorname{softmax}(s \, m_i + W x_i + b)_k, \qquad
          \sum_i \log \sum_k p(k \mid x_i) \, P(l_i \mid k)
          - \frac{r}{2} \lVert W \rVert^2 - \frac{B}{2} \left( \lVert b \rVert^2 + (s - 1)^2 \right)

is maximised, m being what the models say. A classifier fitted on a posterior that holds m confirms m; here m is where
it begins, and only how likely the labels are moves it. Where labels tell nothing (one reliability in K) it stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from crowdtune.annotations import Bools, Floats
from crowdtune.denoise.classifier import FOLDS, GRADIENT, STEPS, CrossFit, across, dealt, standardised

STRENGTHS = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)  # ridges tried, the strongest first
LEAN = 10.0  # B: precision of the prior on the lean b and on the sharpness s, around 0 and 1


def learn(features: Floats, prior: Floats, evidence: Floats, *, ridge: float, start: Floats | None = None) -> Floats:
    """(D K + K + 1) entries of W, b and s.

    Args:
        features: (I, D), standardised.
        prior: (I, K) log-probabilities by models, m.
        evidence: (I, K) log-likelihood of an item's labels under each truth; up to a constant per item.
        ridge: > 0, precision of the normal prior on W.
        start: where to begin; None = at the models' own answer.
    """
    d, k = features.shape[1], prior.shape[1]
    begin = np.zeros(d * k + k + 1) if start is None else start
    begin[-1] = 1.0 if start is None else begin[-1]
    best = minimize(
        loss,
        begin,
        args=(features, prior, evidence, ridge),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "gtol": GRADIENT},
    )
    return np.asarray(best.x)


def loss(flat: Floats, features: Floats, prior: Floats, evidence: Floats, ridge: float) -> tuple[float, Floats]:
    """What `learn` minimises, and its gradient, both per item."""
    k = prior.shape[1]
    weight, lean, sharp = flat[: -k - 1].reshape(-1, k), flat[-k - 1 : -1], flat[-1]
    log_p = answer(flat, features, prior)
    joint = log_p + evidence
    told = logsumexp(joint, axis=1)
    error = np.exp(log_p) - np.exp(joint - told[:, None])
    value = -told.sum() + ridge * (weight**2).sum() / 2 + LEAN * ((lean**2).sum() + (sharp - 1) ** 2) / 2
    slopes = (features.T @ error + ridge * weight).ravel(), error.sum(axis=0) + LEAN * lean
    gradient = np.concatenate([*slopes, [(error * prior).sum() + LEAN * (sharp - 1)]])
    return float(value / len(prior)), gradient / len(prior)


def answer(flat: Floats, features: Floats, prior: Floats) -> Floats:
    """(I, K) log-probabilities."""
    k = prior.shape[1]
    weight, lean, sharp = flat[: -k - 1].reshape(-1, k), flat[-k - 1 : -1], flat[-1]
    return np.asarray(log_softmax(features @ weight + lean + sharp * prior, axis=1))


def cross_learn(
    features: Floats,
    prior: Floats,
    evidence: Floats,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    ridges: Sequence[float] = STRENGTHS,
) -> CrossFit:
    """Ask about each item a classifier that did not see its labels; the ridge foretells the labels held out best.

    Args:
        features: (I, D).
        prior: (I, K) log-probabilities by models; even where there is none.
        evidence: (I, K) log-likelihood of an item's labels under each truth; zeros without labels.
        folds: how many parts the items are dealt into.
        seed: of the parts.
        ridges: precisions of the prior to try.
    """
    x = standardised(features)

    def ask(out: Bools, ridge: float, start: Floats | None) -> tuple[Floats, Floats]:
        flat = learn(x[~out], prior[~out], evidence[~out], ridge=ridge, start=start)
        return flat, answer(flat, x[out], prior[out])

    labelled = (evidence != 0).any(axis=1).astype(float)
    fold = dealt(evidence, labelled, folds, np.random.default_rng(seed))
    return across(fold, prior.shape[1], ridges, ask, lambda log_p: float(logsumexp(log_p + evidence, axis=1).sum()))
