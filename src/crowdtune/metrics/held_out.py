r"""Which model of truth says best what annotators it has never met will answer?

.. math:: -\log \sum_k q_i(k) \, \bar C[k, l]

q is the posterior over an item's truth from the labels of the other annotators, C bar the mean annotator of the fitted
model: nothing is known of the one whose labels are scored. A truth that explains only the labels it was fitted on does
badly here. No gold answer is needed, so it can be read off any crowd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import logsumexp

from crowdtune.aggregate import aggregator, vote_shares
from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.em.given import Annotators, Given, finite, flat, given
from crowdtune.em.guess import guess
from crowdtune.em.kernel import kernel
from crowdtune.em.prior import above_chance, solve_coin
from crowdtune.em.solve import Solution, solve

FOLDS = 5  # of annotators; each annotator alone where there are fewer than twice as many
ROUNDS = 3  # of learning how frequent each choice is, where no model says
RESAMPLED = 1000
TINY = 1e-12

Loss = Callable[[Annotations, Annotations, Floats | None], Floats]


def held_out(annotations: Annotations, rng: np.random.Generator, log_p: Floats | None = None) -> dict[str, Floats]:
    """Log-loss of every label under every model of truth, fitted without its annotator.

    Args:
        annotations: N labels.
        rng: of the folds.
        log_p: (I, K) log-probabilities of a model, which majority and dawid-skene do not see; by default there is none.

    Returns:
        majority, dawid-skene (where items share their choices), realm and joint: (N,) nats.
    """
    j = len(annotations.annotators)
    models: dict[str, Loss] = {"majority": _majority, "dawid-skene": _dawid_skene, "realm": _realm, "joint": _joint}
    if not annotations.items.shared_choices.all():
        del models["dawid-skene"]
    fold = rng.permutation(j) % (j if j < 2 * FOLDS else FOLDS)
    found = {name: np.zeros(len(annotations)) for name in models}
    for f in range(int(fold.max(initial=-1)) + 1):
        unmet = fold[annotations.annotator] == f
        met, scored = (annotations.take_labels(np.flatnonzero(rows)) for rows in (~unmet, unmet))
        for name, loss in models.items():
            found[name][unmet] = loss(met, scored, log_p)
    return found


def compare(annotations: Annotations, losses: dict[str, Floats], rng: np.random.Generator) -> list[dict[str, Any]]:
    """A row per model: mean loss, and how much more than joint, with a 95 % interval from resampling items.

    Args:
        annotations: N labels.
        losses: of `held_out`.
        rng: of resampling.
    """
    n = len(annotations.items)
    weight = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLED)
    labels = weight @ annotations.labels_per_item
    rows = []
    for name, loss in losses.items():
        gap = np.bincount(annotations.item, weights=loss - losses["joint"], minlength=n)
        low, high = np.quantile(weight @ gap / np.maximum(labels, 1), [0.025, 0.975])
        mean = float(loss.mean())
        more = mean - float(losses["joint"].mean())
        rows.append({"model": name, "loss": mean, "more": more, "low": float(low), "high": float(high)})
    return rows


def _majority(met: Annotations, scored: Annotations, log_p: Floats | None) -> Floats:
    """Vote shares with one more vote, spread as all labels are."""
    mask = met.items.choice_mask
    usual = (met.votes.sum(axis=0) + 1) * mask
    usual = usual / usual.sum(axis=1, keepdims=True)
    shares = (met.votes + usual) / (met.labels_per_item[:, None] + 1)
    return np.asarray(-np.log(shares[scored.item, scored.label]))


def _dawid_skene(met: Annotations, scored: Annotations, log_p: Floats | None) -> Floats:
    """Posterior and mean confusion matrix of Dawid-Skene, in each task; those not seen have its shares of choices."""
    fit = aggregator("dawid-skene").fit(met)
    found = np.zeros(len(scored))
    for m, task in enumerate(met.items.tasks):
        rows = np.flatnonzero(met.items.task[scored.item] == m)
        if not len(rows):
            continue
        if task not in fit.confusion:
            found[rows] = np.log(scored.items.n_choices[scored.item[rows]])
            continue
        inside = met.items.task[met.item] == m
        count = np.bincount(met.annotator[inside], minlength=len(met.annotators))
        mean = np.tensordot(count / count.sum(), fit.confusion[task], axes=1)
        seen = (met.items.task == m) & (met.labels_per_item > 0)
        usual = fit.posterior[seen].mean(axis=0)
        truth = np.where(seen[:, None], fit.posterior, usual)[scored.item[rows], : len(mean)]
        found[rows] = -np.log((truth * mean[:, scored.label[rows]].T).sum(axis=1) + TINY)
    return found


def _realm(met: Annotations, scored: Annotations, log_p: Floats | None) -> Floats:
    """REALM's mixture: a scalar expertise each, mistakes spread evenly."""
    seen = given(met)

    def fit(table: Floats, start: Floats | None, sharpness: float | None) -> Solution[Any]:
        return solve(table, seen, guess(seen), start=start, sharpness=sharpness)

    found = _fitted(met, log_p, fit)
    mean = _mean(seen, found.annotators.expertise)
    return _loss(found, replace(found.annotators, expertise=mean), scored)


def _joint(met: Annotations, scored: Annotations, log_p: Floats | None) -> Floats:
    """One coin under a learned prior and, where all items share their choices, confusion kernels on top."""
    seen = given(met)
    lowest = above_chance(seen) if log_p is None else 0.0

    def fit(table: Floats, start: Floats | None, sharpness: float | None) -> Solution[Any]:
        coins = solve_coin(table, seen, start=start, lowest=lowest, sharpness=sharpness)
        if not met.items.common_choices:
            return coins
        ready = kernel(seen, coins.annotators)
        return solve(table, seen, ready, start=coins.posterior, sharpness=coins.sharpness)

    found = _fitted(met, log_p, fit)
    if not met.items.common_choices:
        mean = _mean(seen, found.annotators.reliability)
        return _loss(found, replace(found.annotators, reliability=mean), scored)
    count = seen.labels_per_annotator
    confusion = np.tensordot(count / count.sum(), found.annotators.confusion, axes=1)
    shared = np.broadcast_to(confusion, found.annotators.confusion.shape)
    return _loss(found, replace(found.annotators, confusion=shared), scored)


def _fitted(
    met: Annotations, log_p: Floats | None, fit: Callable[[Floats, Floats | None, float | None], Solution[Any]]
) -> Solution[Any]:
    """A fit on the model's table or, without one, on the frequency of each choice, learned with it."""
    if log_p is not None:
        return fit(finite(log_p, met), None, None)
    table, found = flat(met), fit(flat(met), vote_shares(met), 1.0)
    for _ in range(ROUNDS if met.items.common_choices else 0):
        seen = met.labels_per_item > 0
        table = np.tile(np.log(found.posterior[seen].mean(axis=0) + TINY), (len(table), 1))
        found = fit(table, found.posterior, 1.0)
    return found


def _mean(seen: Given, values: Floats) -> Floats:
    """(J,) everybody at the mean over labels."""
    count = seen.labels_per_annotator
    return np.full(len(values), float(count @ values / max(count.sum(), 1)))


def _loss(found: Solution[Any], mean: Annotators, scored: Annotations) -> Floats:
    """(N,) nats of labels by the mean annotator; 0 for items of one choice."""
    asked = given(scored)
    joint = np.log(found.posterior[asked.item] + TINY) + mean.log_likelihood(asked)
    loss = np.zeros(len(scored))
    rows: Ints = np.flatnonzero(scored.items.n_choices[scored.item] > 1)
    loss[rows] = -logsumexp(joint, axis=1)
    return loss
