"""Crowds of known truth: items in K round clouds of points, an expert and labels right in known shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations
from math import erfc, sqrt

import numpy as np

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.denoise.clean import Cleaned, from_shares, judge_labels
from tests.crowds import crowd, make_items

APART = 3 * sqrt(3)  # standard deviations between the centres of two clouds
WEAK = np.array([1.5, 0.0, 0.0])  # lean of the expert that is asked, in nats
OVERLAP = erfc(APART / 2 / sqrt(2))  # share of three clouds' points that are nearer to another centre, at most


def misjudged(n: int, noise: float) -> float:
    """Most items of n that a posterior may get wrong, 5 standard deviations above what is expected.

    Clouds overlap; and 3 x 2 free numbers of a linear classifier cost 1 / 2 an item that tells something each.
    """
    expected = n * OVERLAP + 6 / 2 / (1 - noise)
    return expected + 5 * sqrt(expected)


@dataclass(frozen=True, eq=False)
class Planted:
    """Made by `planted`.

    Args:
        annotations: one label an item.
        shares: (I, K) what the expert says.
        features: (I, 2).
        gold: (I,) the truth, each choice as often.
        given: (I,) the labels.
    """

    annotations: Annotations
    shares: Floats
    features: Floats
    gold: Ints
    given: Ints


def planted(n: int = 300, k: int = 3, *, noise: float = 0.3, accuracy: float = 0.7, seed: int = 0) -> Planted:
    """K clouds on a circle; labels wrong in a share of `noise`, evenly; an expert as sure as it is often right."""
    rng = np.random.default_rng(seed)
    gold = np.arange(n) % k
    angle = 2 * np.pi * np.arange(k) / k
    radius = APART / 2 / np.sin(np.pi / k)
    features = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)[gold] + rng.normal(size=(n, 2))
    given, says = (moved(gold, k, share, rng) for share in (noise, 1 - accuracy))
    shares = np.full((n, k), (1 - accuracy) / (k - 1))
    shares[np.arange(n), says] = accuracy
    return Planted(one_each(gold, given, k), shares, features, gold, given)


def moved(gold: Ints, k: int, share: float, rng: np.random.Generator) -> Ints:
    """(I,) codes, a share of them another one than gold."""
    other = (gold + rng.integers(1, k, size=len(gold))) % k
    return np.where(rng.random(len(gold)) < share, other, gold)


def one_each(gold: Ints, given: Ints, k: int) -> Annotations:
    """One label an item, all by a0."""
    items = make_items(gold.tolist(), [f"c{c}" for c in range(k)])
    return crowd(items, [(i, 0, label) for i, label in enumerate(given.tolist())])


def leaning(shares: Floats, offset: Floats) -> Floats:
    """(I, K) shares with an offset (K,) in log-probability, in nats."""
    wide = shares * np.exp(offset)
    return np.asarray(wide / wide.sum(axis=1, keepdims=True))


def balanced(n: int, k: int, seed: int = 0) -> Floats:
    """(n K!, K) shares, every row in every order: on average alike for all choices."""
    rows = np.random.default_rng(seed).dirichlet(np.ones(k), size=n) + 0.05
    rows /= rows.sum(axis=1, keepdims=True)
    return np.concatenate([rows[:, list(order)] for order in permutations(range(k))])


@cache
def cleaned(noise: float, accuracy: float = 0.7) -> tuple[Planted, Cleaned]:
    """An expert that leans to one answer, and a classifier; nobody is asked again."""
    one = planted(noise=noise, accuracy=accuracy)
    said = from_shares(one.annotations.items, leaning(one.shares, WEAK))
    return one, judge_labels(one.annotations, {"direct": said}, one.features)
