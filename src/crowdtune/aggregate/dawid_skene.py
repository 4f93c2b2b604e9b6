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

from crowdtune.aggregate._evidence import Evidence
from crowdtune.aggregate._fit import Fit, vote_shares
from crowdtune.aggregate._parts import Part, conclude, parts
from crowdtune.annotations import Annotations, Floats
from crowdtune.em.given import Given
from crowdtune.em.solve import distributions
from crowdtune.errors import InputError

MOST_CELLS = 100_000_000  # of all confusion matrices; about 3 GB with what EM needs beside them
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

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Run EM in each task by itself, from the vote shares; needs choices that all items of a task share.

        An annotator's history is spread evenly over the truths. With evidence EM begins where evidence leads.
        """
        items = annotations.items
        items.require_shared_choices("dawid-skene", instead="majority, or crowdtune train")
        _require_room(annotations)
        posterior = vote_shares(annotations)
        fit = Fit(posterior)
        for part in parts(annotations, posterior, known):
            found, fit.confusion[part.task], fit.log_posteriors[part.task] = self._fit_task(part)
            posterior[part.inside, : part.given.width] = found
        conclude(posterior, annotations, known)
        return fit

    def _fit_task(self, part: Part) -> tuple[Floats, Floats, list[float]]:
        k, posterior = part.given.width, part.start
        given, clamp = _indicator(part.given), part.given.known
        alpha = self._alpha(part)
        log_posteriors: list[float] = []
        for _ in range(self.max_steps):
            met = (given.T @ posterior).reshape(-1, k, k).transpose(0, 2, 1)  # [j, t, l]
            confusion = _normalised(alpha + met)
            shares = _normalised(self.prior / k + posterior.sum(axis=0))
            rates = np.log(confusion + TINY)
            score = given @ rates.transpose(0, 2, 1).reshape(-1, k) + np.log(shares + TINY)
            posterior, total = distributions(score if clamp is None else score + clamp)
            prior = (alpha * rates).sum() + (self.prior / k * np.log(shares + TINY)).sum()
            log_posteriors.append(float(total + prior))
            if _settled(log_posteriors, self.tolerance * len(part.given)):
                break
        return posterior, confusion, log_posteriors

    def _alpha(self, part: Part) -> Floats:
        """(1, K, K) pseudo-labels of every annotator, or (J, K, K) with their histories."""
        k = part.given.width
        same = np.eye(k, dtype=bool)
        alpha = np.where(same, self.prior, self.prior / k)[None]
        if not part.history.any():
            return alpha
        right, wrong = part.history[:, :, None, None] / k
        return np.asarray(alpha + np.where(same, right, wrong / max(k - 1, 1)))


def _require_room(annotations: Annotations) -> None:
    """Refuse matrices that would fill the memory."""
    items = annotations.items
    sizes = [int(items.n_choices[items.task == m].max(initial=0)) for m in range(len(items.tasks))]
    cells = len(annotations.annotators) * sum(k * k for k in sizes)
    if cells > MOST_CELLS:
        raise InputError(
            f"dawid-skene would need a matrix of {max(sizes)} x {max(sizes)} for each of {len(annotations.annotators)} "
            f"annotators, {cells:.1e} numbers in all; at most {MOST_CELLS:.0e} are made. Use one-coin or mace."
        )


def _indicator(given: Given) -> sp.csr_array:
    """(I, J * K) sparse, 1 where that annotator gave that item that label."""
    column = given.annotator * given.width + given.label
    shape = (given.n_items, given.n_annotators * given.width)
    return sp.csr_array((np.ones(len(column)), (given.item, column)), shape=shape)


def _normalised(counts: Floats) -> Floats:
    """Rows of the last axis as shares; uniform where all counts are 0."""
    total = counts.sum(axis=-1, keepdims=True)
    shares: Floats = np.where(total > 0, counts / np.where(total > 0, total, 1), 1 / counts.shape[-1])
    return shares


def _settled(values: list[float], tolerance: float) -> bool:
    return len(values) > 1 and values[-1] - values[-2] < tolerance
