r"""What the best prediction there could be would still score, because only some people were asked.

Label distributions are shares of n labels, and n is small. A prediction equal to what all people would say, p*, is off
the shares by chance. p* is not known, but how probable each is: labels of an item are drawn from its p*, and p* of the
items from a Dirichlet distribution about the mean shares m, whose concentration s is fitted by maximum likelihood:

.. math:: p^* \sim \mathrm{Dirichlet}(s\,m), \qquad p^* \mid counts \sim \mathrm{Dirichlet}(s\,m + counts)

Draws of p* are measured against the shares as any prediction is. So the floor is that of these very labels, and right
for each tercile too, though an item may be in its tercile by chance. Where the items of a task have different choices,
m is even. The prior is simple, and p* of real items is of several sorts: on ChaosNLI, thinned to ten labels, distances
from the other ninety are foretold as 0.181 and 0.155, measured 0.185 and 0.163; in terciles up to 0.022 short.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.metrics.disagreement import GROUPS, Asked, Measured, summary

DRAWS, FEW_DRAWS = 200, 20  # of what all people would say; fewer where there are many items
CELLS = 3e7  # most items times choices times draws, but for FEW_DRAWS
LEAST, MOST = -7.0, 10.0  # bounds of the logarithm of the concentration


def floor(counts: Ints, items: Items, rng: np.random.Generator, draws: int = DRAWS) -> dict[str, Any]:
    """What a perfect model would score against the shares of these labels.

    Args:
        counts: (I, K) labels; items without any are left out.
        items: I items.
        rng: of the draws.
        draws: of p*, at most.

    Returns:
        The shape of `disagreement.quality`: `value` is the mean over draws, `low` and `high` hold 95 % of what a
        perfect model would score on these items.
    """
    asked = Asked.of(shares(counts), counts, items)
    counts, items = counts[asked.index], asked.items
    counts = counts[:, : items.max_choices]
    prior = fitted_prior(counts, items)
    asked = Asked.of(shares(counts), counts, items)
    ready = (asked.measured(_dirichlet(prior + counts, rng)) for _ in range(_affordable(draws, counts)))
    return _over_draws(asked, ready)


def halves(counts: Ints, items: Items, rng: np.random.Generator, draws: int = 50) -> dict[str, Any]:
    """What one random half of an item's labels scores as the prediction of the other: how alike people are.

    Items with one label are left out. A model may be better: it is no sample of a few people. Terciles are of all
    labels, votes of the half that is foretold.
    """
    index = np.flatnonzero(counts.sum(axis=1) > 1)
    items = items.take(index)
    counts = counts[index, : items.max_choices]
    whole = Asked.of(shares(counts), counts, items)
    parts = (_half(counts, rng) for _ in range(_affordable(draws, counts)))
    ready = (Asked.of(shares(counts - half), counts - half, items).measured(shares(half)) for half in parts)
    return _over_draws(whole, ready)


def shares(counts: Ints) -> Floats:
    """(I, K) share of each choice, zeros where there are no labels."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def fitted_prior(counts: Ints, items: Items) -> Floats:
    """(I, K) Dirichlet prior of each item, 0 for choices it lacks: one concentration per task, by maximum likelihood.

    Labels of items with one label each tell nothing of it: theirs is the number of choices, a flat prior.
    """
    found = np.zeros(counts.shape)
    for m in np.unique(items.task).tolist():
        rows = np.flatnonzero(items.task == m)
        mask, votes = items.choice_mask[rows], counts[rows]
        mean = mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        if items.shared_choices[m]:  # a label of each choice more, so that one nobody gave stays possible
            mean = mask * (votes.sum(axis=0) + 1.0)
            mean = mean / mean.sum(axis=1, keepdims=True)
        found[rows] = _concentration(votes, mean, mask.sum(axis=1)) * mean
    return found


def _concentration(votes: Ints, mean: Floats, choices: Ints) -> float:
    """The s under which the counts are likeliest as Dirichlet-multinomial draws about (I, K) `mean`."""
    total = votes.sum(axis=1)
    if (total < 2).all():
        return float(choices.mean())
    inside = mean > 0

    def loss(log_s: float) -> float:
        s = np.exp(log_s)
        prior = np.where(inside, s * mean, 1.0)
        each = np.where(inside, gammaln(prior + votes) - gammaln(prior), 0.0).sum()
        return -float(each + (gammaln(s) - gammaln(s + total)).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(LEAST, MOST), method="bounded").x))


def _dirichlet(parameters: Floats, rng: np.random.Generator) -> Floats:
    """(I, K) a draw for each row; 0 where the parameter is."""
    drawn = rng.standard_gamma(parameters)
    drawn = np.where(drawn.sum(axis=1, keepdims=True) > 0, drawn, parameters)  # all so small that none is a number
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def _half(counts: Ints, rng: np.random.Generator) -> Ints:
    """(I, K) a random half of each item's labels; of an odd number the smaller."""
    left, wanted, half = counts.sum(axis=1), counts.sum(axis=1) // 2, np.zeros_like(counts)
    for k in range(counts.shape[1]):
        left = left - counts[:, k]
        half[:, k] = rng.hypergeometric(counts[:, k], left, wanted)
        wanted = wanted - half[:, k]
    return half


def _affordable(draws: int, counts: Ints) -> int:
    """How many draws, of so many asked for."""
    return min(draws, max(FEW_DRAWS, int(CELLS / max(counts.size, 1))))


def _over_draws(asked: Asked, ready: Iterable[Measured]) -> dict[str, Any]:
    """Mean and 95 % of each measure over draws, in each group."""
    groups = asked.groups()
    filled = [name for name, rows in groups.items() if len(rows)]
    weights = np.stack([np.isin(np.arange(len(asked.p)), groups[name]) for name in filled or GROUPS]).astype(np.float64)
    drawn = [one.under(weights) for one in ready] if filled else []
    found: dict[str, Any] = {}
    for name, rows in groups.items():
        values = {}
        if len(rows):
            values = {key: np.array([one[key][filled.index(name)] for one in drawn]) for key in drawn[0]}
        measures = {key: summary(_mean(each), each) for key, each in values.items()}
        found[name] = asked.take(rows).described() | {"measures": measures}
    return found


def _mean(values: Floats) -> float:
    """Of those that are defined; NaN without."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
