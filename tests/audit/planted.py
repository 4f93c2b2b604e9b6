"""Crowds with one annotator of each kind that an audit must name, among many that it must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdtune.annotations import Annotations
from tests.crowds import make_items

PLANTED = ("always", "hasty", "liar", "guesser", "copier", "new")  # the last annotators, in this order
COPIED = 0  # whom the copier copies


def clean(
    rng: np.random.Generator, annotators: int = 200, items: int = 2000, each: int = 5, k: int = 3, skew: float = 1.0
) -> Annotations:
    """Annotators right in 70 to 95 % of cases, each with a lean of its own, on items of unlike difficulty.

    Args:
        rng: of everything.
        annotators: J.
        items: I.
        each: labels of an item, by annotators drawn at random.
        k: choices; the truth is 0 `skew` times as often as each other.
        skew: see k.
    """
    share = np.r_[skew, np.ones(k - 1)] / (skew + k - 1)
    truth = rng.choice(k, items, p=share)
    who = np.argsort(rng.random((items, annotators)), axis=1)[:, :each]
    reliability = rng.uniform(0.7, 0.95, annotators)
    reliability[COPIED] = 0.75  # some mistakes to copy
    return _said(truth, who, reliability, k, rng)


def planted(rng: np.random.Generator, k: int = 3) -> Annotations:
    """A clean crowd of 60 on 1,500 items, five labels each, and PLANTED with 250 labels each on top, or 3."""
    base = clean(rng, 60, 1500, 5, k)
    truth, j = base.items.gold, 60
    rows = [(base.item, base.annotator, base.label, base.seconds)]
    own = np.flatnonzero(base.annotator == COPIED)
    for place, name in enumerate(PLANTED):
        item = rng.choice(len(truth), 3 if name == "new" else 250, replace=False)
        right = np.where(rng.random(len(item)) < 0.85, truth[item], rng.integers(k, size=len(item)))
        label = {
            "always": np.ones(len(item), dtype=np.int64),
            "liar": np.where(rng.random(len(item)) < 0.1, truth[item], (truth[item] + 1) % k),
            "guesser": rng.integers(k, size=len(item)),
        }.get(name, right)
        if name == "copier":
            item, label = base.item[own], base.label[own]
        seconds = rng.lognormal(np.log(1.5 if name == "hasty" else 10), 0.5, len(item))
        rows.append((item, np.full(len(item), j + place), label, seconds))
    item, who, label, seconds = (np.concatenate(column) for column in zip(*rows, strict=True))
    names = [*base.annotators, *PLANTED]
    return Annotations(base.items, names, item, who, label, seconds)


def _said(truth: np.ndarray, who: np.ndarray, reliability: np.ndarray, k: int, rng: np.random.Generator) -> Annotations:
    item, annotator = np.repeat(np.arange(len(truth)), who.shape[1]), who.ravel()
    hard = rng.uniform(-0.1, 0.1, len(truth))
    right = rng.random(len(item)) < reliability[annotator] + hard[item]
    lean = rng.integers(k, size=len(reliability))[annotator]  # what an annotator says most, where wrong
    other = (truth[item] + 1 + rng.integers(k - 1, size=len(item))) % k
    wrong = np.where((lean != truth[item]) & (rng.random(len(item)) < 0.3), lean, other)
    label = np.where(right, truth[item], wrong)
    pace = rng.normal(0, 0.3, len(reliability))
    seconds = np.exp(np.log(10) + pace[annotator] + rng.normal(0, 0.5, len(item)))
    items = make_items(truth.tolist(), [f"c{c}" for c in range(k)])
    made = Annotations(items, [f"a{j}" for j in range(len(reliability))], item, annotator, label)
    return replace(made, seconds=seconds)
