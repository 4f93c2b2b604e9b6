r"""Bradley-Terry for a crowd: a score for each thing compared, annotators who may err, and who lean to the first place.

.. math:: p_i(first) : p_i(second) : p_i(tie) = e^{d/2} : e^{-d/2} : \nu, \qquad
          d = \theta_{first} - \theta_{second}, \quad \theta \sim N(0, 4)

Which is better is hidden, item by item: scores say how likely it is, labels what was seen of it. With one label an item
this is CrowdBT; with several, they share that truth. `em.grids` has the formula of annotators. Their reliability may be
below 1/2: who prefers the worse informs as well; their lean is told from the truth where things are shown in both
places. Both have priors learned from the crowd, which is held to be right more often than not. Ties are Davidson's.
Things that are never compared, not even through others, have scores that do not compare either: each such part is
centred at 0.

References:
    Bradley and Terry, Rank analysis of incomplete block designs, 1952.
    Davidson, On extending the Bradley-Terry model to accommodate ties, 1970.
    Chen, Bennett, Collins-Thompson and Horvitz, Pairwise ranking aggregation in a crowdsourced setting, 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components
from scipy.special import log_softmax

from crowdtune.aggregate._evidence import Evidence, refuse
from crowdtune.aggregate._fit import Fit, met_only, vote_shares
from crowdtune.aggregate._place import Placed, place
from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.em.given import given
from crowdtune.em.grid import Grid
from crowdtune.em.grids import pair_grid
from crowdtune.errors import InputError

VARIANCE = 4.0  # of scores, before anything is seen


@dataclass(frozen=True)
class BradleyTerry:
    """Scores per task; nothing to set."""

    def fit(self, annotations: Annotations, known: Evidence | None = None) -> Fit:
        """Run EM in each task by itself, from the scores of the votes; an item compares its first two choices."""
        refuse(known, "bradley-terry", why="it begins at the scores of the votes")
        items = annotations.items
        items.require_kind("pair", "bradley-terry", instead="auto, which takes what suits each task")
        fit = Fit(vote_shares(annotations))
        for m, task in enumerate(items.tasks):
            inside = np.flatnonzero((items.task == m) & (annotations.labels_per_item > 0))
            if not len(inside):
                continue
            part, name = annotations.take_items(inside), "" if len(items.tasks) == 1 else f"{task}: "
            k = _width(part, task)
            things, pairs = compared(part)
            grid = pair_grid(k)
            found, scores = _place(part, k, pairs, len(things), grid)
            fit.posterior[inside, :k], fit.log_posteriors[task] = found.posterior, found.bounds
            fit.confusion[task] = found.annotators.mean(np.exp(grid.log_rates))
            suffix = "" if len(items.tasks) == 1 else f":{task}"
            fit.columns["right" + suffix] = met_only(found.column("right"), part)
            fit.columns["lean" + suffix] = met_only(found.column("lean"), part)
            fit.scores.update({name + things[p]: round(float(scores[p]), 6) for p in range(len(things))})
            if (parts := int(_parts(pairs, len(things)).max()) + 1) > 1:
                fit.notes.append(
                    f"{name}the things compared fall into {parts} parts with no comparison between them: "
                    "scores compare only within a part, where their mean is 0"
                )
        return fit


def compared(annotations: Annotations) -> tuple[list[str], Ints]:
    """Names of the things compared, sorted, and (I, 2) which of them an item shows first and second."""
    texts = [annotations.items.choices(i)[:2] for i in range(len(annotations.items))]
    things = sorted({text for pair in texts for text in pair})
    place = {text: p for p, text in enumerate(things)}
    return things, np.array([[place[text] for text in pair] for pair in texts], dtype=np.int64)


def scores_of(wanted: Floats, pairs: Ints, size: int, start: Floats, variance: float = VARIANCE) -> Floats:
    """Most probable scores where it is known how often each outcome came.

    Args:
        wanted: (I, K) how often, or how probably, the first was better, the second, and with K = 3 neither.
        pairs: (I, 2) which things an item compares.
        size: P, how many things there are.
        start: (P + 1,) scores to begin with and, last, the logarithm of Davidson's nu.
        variance: of scores before anything is seen.

    Returns:
        (P + 1,) scores, in each part with mean 0, and the logarithm of nu.
    """
    total = wanted.sum(axis=1)

    def loss(theta: Floats) -> tuple[float, Floats]:
        log_p = log_prior(theta, pairs, wanted.shape[1])
        p = np.exp(log_p) * total[:, None]
        slope = ((wanted[:, 0] - wanted[:, 1]) - (p[:, 0] - p[:, 1])) / 2
        up = np.bincount(pairs[:, 0], slope, size) - np.bincount(pairs[:, 1], slope, size)
        tie = (wanted[:, 2:] - p[:, 2:]).sum() - theta[-1]
        value = float((wanted * log_p).sum()) - 0.5 * float((theta[:-1] ** 2).sum()) / variance - 0.5 * theta[-1] ** 2
        return -value, -np.append(up - theta[:-1] / variance, tie)

    found = np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x)
    part = _parts(pairs, size)
    mean = np.bincount(part, found[:-1]) / np.bincount(part)
    return np.append(found[:-1] - mean[part], found[-1])


def log_prior(theta: Floats, pairs: Ints, k: int) -> Floats:
    """(I, K) nats: first better, second better, neither; `theta` as `scores_of` returns it."""
    half = (theta[pairs[:, 0]] - theta[pairs[:, 1]]) / 2
    return log_softmax(np.stack([half, -half, np.full(len(half), theta[-1])], axis=1)[:, :k], axis=1)


def _place(annotations: Annotations, k: int, pairs: Ints, size: int, grid: Grid) -> tuple[Placed, Floats]:
    """Truths and annotators of one task, and (P,) scores."""
    shares = vote_shares(annotations)[:, :k]
    theta = scores_of(shares, pairs, size, np.zeros(size + 1))
    start = np.exp(log_prior(theta, pairs, k))  # not the shares: who has the only label of an item would be right there

    def truths(posterior: Floats) -> tuple[Floats, float]:
        nonlocal theta
        theta = scores_of(posterior, pairs, size, theta)
        density = -0.5 * float((theta[:-1] ** 2).sum()) / VARIANCE - 0.5 * float(theta[-1]) ** 2
        return log_prior(theta, pairs, k), density

    found = place(given(annotations), grid, truths, start)
    return found, theta[:-1]


def _width(annotations: Annotations, task: str) -> int:
    """K of a task: 2, or 3 with a tie."""
    sizes = sorted(set(annotations.items.n_choices.tolist()))
    if len(sizes) > 1 or not 2 <= sizes[0] <= 3:
        raise InputError(
            f"bradley-terry needs two things and perhaps a tie as choices of every item of a task, the items of "
            f"'{task}' have {', '.join(map(str, sizes))} choices. Give the tie to all or to none, or use one-coin."
        )
    return int(sizes[0])


def _parts(pairs: Ints, size: int) -> Ints:
    """(P,) code of the part a thing belongs to."""
    links = sp.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
