"""Simulated annotations: reliability x noise x overlap on items whose truth is known."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints, Items
from crowdtune.errors import InputError, unknown_name
from crowdtune.simulate.noise import NOISES

DENSE, FEW = 4_000_000, 8  # items x annotators from which, where so many times fewer label an item, few are drawn
WEIGHT = 5.0  # of the favoured error under asymmetric noise


def simulate(
    items: Items,
    reliability: Floats,
    *,
    noise: str = "uniform",
    weight: float = WEIGHT,
    overlap: str = "shared",
    rng: np.random.Generator,
) -> Annotations:
    """Let annotators of known reliability label items of known truth.

    Args:
        items: I items, each with a gold answer.
        reliability: (J,) or (J, M) P(label = truth), in [0, 1]; exact in expectation for every noise.
        noise: "uniform", "asymmetric" or "systematic": how a wrong label is drawn.
        weight: how much likelier the favoured error is under asymmetric noise, >= 0.
        overlap: "shared" (everyone labels every item), "exclusive" (one annotator each) or a number of labels per item.
        rng: source of randomness; same items and state, same annotations.

    Returns:
        Annotations by annotators named a1, a2, ...
    """
    if noise not in NOISES:
        raise unknown_name("noise", noise, NOISES)
    if weight < 0:
        raise InputError(f"weight={weight} must be 0 or more.")
    require_truths(items)
    if reliability.ndim == 2 and reliability.shape[1] != len(items.tasks):
        raise InputError(
            f"the reliabilities are for {reliability.shape[1]} tasks, the items have {len(items.tasks)} "
            f"({', '.join(items.tasks)}). Give as many."
        )
    per_task = reliability if reliability.ndim == 2 else np.repeat(reliability[:, None], len(items.tasks), axis=1)
    item, annotator = pairs(len(items), len(per_task), overlap, rng)
    truth = items.gold[item]
    right = rng.random(len(item)) < per_task[annotator, items.task[item]]
    label = np.where(right, truth, _errors(items, item, annotator, noise, weight, rng))
    return Annotations(items, [f"a{j + 1}" for j in range(len(per_task))], item, annotator, label)


def require_truths(items: Items) -> None:
    """Refuse items whose truth is not known, or on which nobody can err."""
    if (items.gold < 0).any():
        first = items.ids[int(np.flatnonzero(items.gold < 0)[0])]
        raise InputError(
            f"item '{first}' has no gold answer; annotators can only be simulated where the truth is known."
        )
    if (items.n_choices < 2).any():
        first = items.ids[int(np.flatnonzero(items.n_choices < 2)[0])]
        raise InputError(
            f"item '{first}' has one choice; annotators can only err between two at least. Pass --choices."
        )


def pairs(n_items: int, n_annotators: int, overlap: str, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """(N,) item and (N,) annotator of every label."""
    if overlap == "shared":
        count = n_annotators
    elif overlap == "exclusive":
        count = 1
    elif overlap.isdecimal() and 1 <= int(overlap) <= n_annotators:
        count = int(overlap)
    else:
        raise InputError(
            f"overlap '{overlap}' is unknown. Allowed: shared, exclusive, or labels per item from 1 to {n_annotators}."
        )
    if n_items * n_annotators > DENSE and count * FEW < n_annotators:
        who = few_of_many(n_items, n_annotators, count, rng)
    else:
        step = max(DENSE // n_annotators, 1)
        sizes = [min(step, n_items - start) for start in range(0, n_items, step)]
        parts = [rng.random((size, n_annotators)).argsort(axis=1)[:, :count] for size in sizes]
        who = np.concatenate([*parts, np.zeros((0, count), dtype=np.int64)])
    return np.repeat(np.arange(n_items), count), np.sort(who, axis=1).ravel().astype(np.int64)


def few_of_many(n_items: int, n_annotators: int, count: int, rng: np.random.Generator) -> Ints:
    """(I, count) different annotators for each item, every set of them as likely; time and memory of the labels alone.

    References:
        Bentley and Floyd, A sample of brilliance, 1987.
    """
    who = np.empty((n_items, count), dtype=np.int64)
    for c in range(count):
        last = n_annotators - count + c
        drawn = rng.integers(last + 1, size=n_items)
        who[:, c] = np.where((who[:, :c] == drawn[:, None]).any(axis=1), last, drawn)
    return who


def _errors(items: Items, item: Ints, annotator: Ints, noise: str, weight: float, rng: np.random.Generator) -> Ints:
    """(N,) one wrong label for every pair, drawn by the noise."""
    drawn = rng.random(len(item))
    wrong = np.zeros(len(item), dtype=np.int64)
    for k in np.unique(items.n_choices[item]):
        rows = np.flatnonzero(items.n_choices[item] == k)
        odds = NOISES[noise](items.gold[item[rows]], annotator[rows], int(k), weight)
        wrong[rows] = np.minimum((odds.cumsum(axis=1) < drawn[rows, None]).sum(axis=1), k - 1)
    return wrong
