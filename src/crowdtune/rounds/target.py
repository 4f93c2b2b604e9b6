"""Targets: how near a model is to where it shall go, from what is measured of S samples of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Floats


@dataclass(frozen=True)
class Target:
    """What a model is selected by.

    Args:
        name: of what is measured.
        score: (S, D) measured of S samples -> how good the model is; higher is better.
    """

    name: str
    score: Callable[[Floats], float]


def nearness(name: str, centroid: Floats) -> Target:
    r"""Nearness to a centroid (D,) of embedded outputs, the paper's target: minus the distance of their mean to it.

    .. math:: -d(M) = -\left\| \tfrac{1}{S} \sum_s \Phi(M(x)_s) - c \right\|_2

    References:
        Sotiropoulos et al.: Crowd-SFT, 2025, https://arxiv.org/abs/2506.04063
    """

    def score(measured: Floats) -> float:
        return -float(np.linalg.norm(measured.mean(axis=0) - centroid))

    return Target(name, score)


def mean(name: str) -> Target:
    """Mean of one number (S, 1) per sample: a reward, whether an item is answered right, minus its loss."""
    return Target(name, lambda measured: float(measured.mean()))


@dataclass(frozen=True)
class Gain:
    """By how much one model is better than another.

    Args:
        value: difference of scores.
        error: its standard error over the samples; NaN with one sample.
    """

    value: float
    error: float

    @property
    def sure(self) -> bool:
        """Whether it exceeds twice its standard error."""
        return self.value > 2 * self.error


def gain(target: Target, before: Floats, after: Floats) -> Gain:
    """Difference of scores of two models on common samples, with its jackknife standard error.

    Args:
        target: what they are judged by.
        before: (S, D) measured of the one.
        after: (S, D) of the other, of the same prompts and seeds, so that a sample is left out of both at once.
    """
    count = len(before)
    value = target.score(after) - target.score(before)
    if count < 2:
        return Gain(value, float("nan"))
    keep = ~np.eye(count, dtype=bool)
    left_out = np.array([target.score(after[k]) - target.score(before[k]) for k in keep])
    return Gain(value, float(np.sqrt((count - 1) * left_out.var())))
