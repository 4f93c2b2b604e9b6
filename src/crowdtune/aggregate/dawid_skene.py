r"""Dawid-Skene: a confusion matrix for every annotator, by EM, with a prior that keeps thin annotators sober.

.. math:: q_i(t) \propto \pi_t \prod_{n \in i} C_{a_n}[t, l_n], \qquad
          C_a[t, l] \propto \alpha_{tl} + \sum_{n: a_n = a} q_{i_n}(t) 1[l_n = l]

References:
    Dawid and Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, 1979.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp, softmax

from crowdtune.aggregate._fit import Fit, vote_shares
from crowdtune.annotations import Annotations, Floats

TINY = 1e-300  # keeps log(0) finite where the prior is 0


@dataclass(frozen=True)
class DawidSkene:
    """Options of Dawid-Skene.

    Args:
        prior: pseudo-labels added to every row of every confusion matrix: all on the diagonal, a K-th of it on each
            other cell. 0 is the 1979 estimate, over-confident where annotators gave few labels.
        max_steps: most EM steps.
        tolerance: stop when the log posterior rises by less, in nats per label.
    """

    prior: float = 2.0
    max_steps: int = 200
    tolerance: float = 1e-6

    def fit(self, annotations: Annotations) -> Fit:
        """Run EM in each task by itself, from the vote shares; needs choices that all items of a task share."""
        items = annotations.items
        items.require_shared_choices("dawid-skene", instead="majority, or crowdtune train")
        posterior = vote_shares(annotations)
        fit = Fit(posterior)
        for m, task in enumerate(items.tasks):
            inside = np.flatnonzero((items.task == m) & (annotations.labels_per_item > 0))
            if not len(inside):
                continue
            k = int(items.n_choices[inside[0]])
            part = annotations.take_items(inside)
            shares, fit.confusion[task], fit.log_posteriors[task] = self._fit_task(part, k)
            posterior[inside, :k] = shares
        return fit

    def _fit_task(self, annotations: Annotations, k: int) -> tuple[Floats, Floats, list[float]]:
        given = _indicator(annotations, k)
        posterior = vote_shares(annotations)[:, :k]
        alpha = np.where(np.eye(k, dtype=bool), self.prior, self.prior / k)
        log_posteriors: list[float] = []
        for _ in range(self.max_steps):
            met = (given.T @ posterior).reshape(-1, k, k).transpose(0, 2, 1)  # [j, t, l]
            confusion = _normalised(alpha + met)
            classes = _normalised(self.prior / k + posterior.sum(axis=0))
            rates = np.log(confusion + TINY)
            score = given @ rates.transpose(0, 2, 1).reshape(-1, k) + np.log(classes + TINY)
            posterior = softmax(score, axis=1)
            prior = (alpha * rates).sum() + (self.prior / k * np.log(classes + TINY)).sum()
            log_posteriors.append(float(logsumexp(score, axis=1).sum() + prior))
            if _settled(log_posteriors, self.tolerance * len(annotations)):
                break
        return posterior, confusion, log_posteriors


def _indicator(annotations: Annotations, k: int) -> sp.csr_array:
    """(I, J * K) sparse, 1 where that annotator gave that item that label."""
    column = annotations.annotator * k + annotations.label
    shape = (len(annotations.items), len(annotations.annotators) * k)
    return sp.csr_array((np.ones(len(column)), (annotations.item, column)), shape=shape)


def _normalised(counts: Floats) -> Floats:
    """Rows of the last axis as shares; uniform where all counts are 0."""
    total = counts.sum(axis=-1, keepdims=True)
    shares: Floats = np.where(total > 0, counts / np.where(total > 0, total, 1), 1 / counts.shape[-1])
    return shares


def _settled(values: list[float], tolerance: float) -> bool:
    return len(values) > 1 and values[-1] - values[-2] < tolerance
