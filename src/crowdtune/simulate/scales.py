"""Simulated annotators who grade, with a bias and a spread, or compare, with a lean to the first place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.em.grids import first, graded, leaning
from crowdtune.errors import InputError
from crowdtune.simulate.crowd import pairs, require_truths

STEEPEST = 8.0  # nats of lean


def graders(
    items: Items, bias: Floats, spread: Floats, *, overlap: str = "shared", rng: np.random.Generator
) -> Annotations:
    """Let annotators grade items of known truth: the grade nearest to truth + bias + spread x normal noise.

    Args:
        items: I items, whose choices are grades in ascending order, each with a gold answer.
        bias: (J,) grades.
        spread: (J,) grades, above 0; 0.6 is right in 60 % of cases without a bias, 1.5 in 26 %.
        overlap: "shared", "exclusive" or a number of labels per item, as in `simulate`.
        rng: source of randomness.

    Returns:
        Annotations by annotators named a1, a2, ...
    """
    if (spread <= 0).any():
        raise InputError(f"spread {spread.min():g} must be above 0 grades.")
    items.require_kind("grade", "a bias", instead="a reliability")
    return _said(items, len(bias), lambda k: graded(k, bias, spread), overlap, rng)


def comparers(
    items: Items, reliability: Floats, lean: Floats, *, overlap: str = "shared", rng: np.random.Generator
) -> Annotations:
    """Let annotators say which of two is better where that is known.

    Args:
        items: I items of kind "pair", each with a gold answer.
        reliability: (J,) how often they would be right without a lean, in (0, 1).
        lean: (J,) how much more often than is right the first is said, as a share, where first and second are as often
            right; a tie leans to neither.
        overlap: "shared", "exclusive" or a number of labels per item, as in `simulate`.
        rng: source of randomness.

    Returns:
        Annotations by annotators named a1, a2, ...
    """
    if not ((reliability > 0) & (reliability < 1)).all() or not (np.abs(lean) < 0.5).all():
        raise InputError("with a lean, reliabilities must lie between 0 and 1, and leans between -0.5 and 0.5.")
    items.require_kind("pair", "a lean", instead="reliabilities alone")

    def rates(k: int) -> Floats:
        steps = np.linspace(-STEEPEST, STEEPEST, 4001)
        reached = [first(leaning(k, np.full(len(steps), r), steps)) for r in reliability]
        nats = np.array([np.interp(own, line, steps) for own, line in zip(lean, reached, strict=True)])
        return np.exp(leaning(k, reliability, nats))

    return _said(items, len(lean), rates, overlap, rng)


def _said(
    items: Items, size: int, rates: Callable[[int], Floats], overlap: str, rng: np.random.Generator
) -> Annotations:
    """Labels drawn from the (J, K, K) `rates` of items of K choices."""
    require_truths(items)
    item, who = pairs(len(items), size, overlap, rng)
    drawn, label = rng.random((len(item), 1)), np.zeros(len(item), np.int64)
    for k in np.unique(items.n_choices[item]).tolist():
        rows = np.flatnonzero(items.n_choices[item] == k)
        reached = rates(k)[who[rows], items.gold[item[rows]]].cumsum(axis=1)
        label[rows] = np.minimum((reached < drawn[rows]).sum(axis=1), k - 1)
    return Annotations(items, [f"a{j + 1}" for j in range(size)], item, who, label)
