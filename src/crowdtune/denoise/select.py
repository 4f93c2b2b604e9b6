r"""Which new labels are sure enough to train on: the surest of each measure of uncertainty, hard items spared.

Candidates are the items that got a new label. Of the n candidates whose uncertainty has one measure at most

.. math:: d = \min\left( n - \lceil \beta n \rceil, \; \lfloor \textstyle\sum_i (1 - p_i) \rfloor \right)

are left out, the most uncertain ones; p is the posterior of the label that would be trained on, so that the sum is how
many of these labels are expected to be wrong. Where none is wrong none is left out, however hard the items are. Those
exactly as uncertain as the first one kept stay as well: no order of the file decides. Entropies and log-likelihoods are
never ranked together; a candidate whose uncertainty nobody knows stays.

Then every choice gets back what it needs: of its m items, candidates or not, at least :math:`\lceil \lambda m \rceil`
stay, those back first that rank lowest among their measure.

Differs from the paper, which keeps the share beta of all relabelled items whatever their quality: `bounded=False` and
`least=0` do.

References:
    Luo et al., RobustFT, 2024, https://arxiv.org/abs/2412.14922
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.errors import InputError
from crowdtune.metrics.accuracy import entropy as in_nats

ROUNDING = 1e-9  # of a sum of shares that is a whole number


@dataclass(frozen=True)
class Selecting:
    """Options of selection."""

    beta: float = 0.5  # share of the candidates that are kept, at least
    least: float = 0.5  # share of the items of each choice that stay, at least
    bounded: bool = True  # leave out no more than are expected to be wrong
    clean: bool = False  # items that keep their given label are candidates as well

    def __post_init__(self) -> None:
        for name in ("beta", "least"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)} must be a share, between 0 and 1.")


@dataclass(frozen=True)
class Cut:
    """What became of the candidates with one measure of uncertainty.

    Args:
        measure: its name.
        candidates: how many have it.
        unknown: how many more should, but their uncertainty is not known.
        wanted: how many the share beta would leave out.
        wrong: expected number of wrong labels among the candidates.
        dropped: how many are left out.
    """

    measure: str
    candidates: int
    unknown: int
    wanted: int
    wrong: float
    dropped: int


def entropy(shares: Floats, n_choices: Ints | None = None) -> Floats:
    """Entropy of each row of shares (I, K).

    Args:
        shares: rows sum to 1; 0 where an item has no such choice. A row of zeros, or with a NaN, tells nothing.
        n_choices: (I,) K of each item: then divided by log K, so that items of few choices and of many compare.

    Returns:
        (I,) nats, or shares of the largest there is; NaN where nothing is told.

    Example:
        >>> entropy(np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]), np.array([2, 3])).tolist()
        [1.0, nan]
    """
    told = shares.sum(axis=1, initial=0.0) > 0
    found = np.where(told, in_nats(np.where(told[:, None], shares, 0.0)), np.nan)
    if n_choices is None:
        return found
    return found / np.log(np.maximum(n_choices, 2))


def select(
    uncertainty: Floats,
    measure: Sequence[str],
    *,
    right: Floats,
    choice: Ints,
    candidates: Bools,
    options: Selecting | None = None,
) -> tuple[Bools, list[Cut]]:
    """Choose among the candidates.

    Args:
        uncertainty: (I,) of the new label, the larger the less sure; NaN where not known.
        measure: (I,) what it is, e.g. "entropy of choices"; compared only among equal ones.
        right: (I,) posterior of the label that would be trained on; read of candidates alone.
        choice: (I,) code of that label; -1 where an item has none, or is not trained on.
        candidates: (I,) True for items that may be left out.
        options: shares.

    Returns:
        (I,) True but for candidates that are left out; and what became of each measure.
    """
    options = options or Selecting()
    chances = right[candidates]
    if not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError("select: `right` must be a probability for every candidate.")
    names = np.array(measure, dtype=object)
    rank, dropped, cuts = np.full(len(names), np.nan), np.zeros(len(names), dtype=bool), []
    for name in sorted(set(names[candidates].tolist())):
        named = candidates & (names == name)
        index = np.flatnonzero(named & ~np.isnan(uncertainty))
        cut = _cut(name, int(named.sum()) - len(index), right[index], options)
        rank[index] = _rank(uncertainty[index])
        dropped[index] = _above(uncertainty[index], cut.dropped)
        cuts.append(cut)
    for k in np.unique(choice[dropped & (choice >= 0)]).tolist():
        own, among = choice == k, dropped & (choice == k)
        allowed = int(own.sum()) - _least(options.least, int(own.sum()))
        dropped[among] = _above(rank[among], allowed)
    left = [int(dropped[names == cut.measure].sum()) for cut in cuts]
    told = [Cut(c.measure, c.candidates, c.unknown, c.wanted, c.wrong, n) for c, n in zip(cuts, left, strict=True)]
    return ~dropped, told


def _cut(measure: str, unknown: int, right: Floats, options: Selecting) -> Cut:
    """How many of the candidates with one measure may go."""
    n, wrong = len(right), float((1 - right).sum())
    wanted = n - _least(options.beta, n)
    most = min(wanted, floor(wrong + ROUNDING)) if options.bounded else wanted
    return Cut(measure, n, unknown, wanted, round(wrong, 4), most)


def _least(share: float, n: int) -> int:
    return ceil(share * n - ROUNDING)


def _above(values: Floats, most: int) -> Bools:
    """True for the `most` largest values; where the next is as large, fewer: none that equals it."""
    if most >= len(values):
        return np.ones(len(values), dtype=bool)
    return np.asarray(values > np.sort(values)[::-1][most])


def _rank(values: Floats) -> Floats:
    """Share of the values that are smaller."""
    return np.asarray(np.searchsorted(np.sort(values), values) / max(len(values), 1))
