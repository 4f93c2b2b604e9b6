r"""How alike two responses to an item are, measured against responses to other items.

.. math:: z_{nm} = \min\left(\frac{f_{nm} - \mu_n}{\sigma_n}, \frac{f_{nm} - \mu_m}{\sigma_m}\right), \qquad
          f = \operatorname{artanh} \cos(e_n, e_m)

mu_n and sigma_n are of the similarities of n with responses to other items: who answers every item alike is like
everybody, and no two such answers prove anything. Those pairs also give the distribution of z where not both knew, as
it is. Where both knew it is a histogram under one rule: the ratio of the two rises with z, at least by the factor
exp(RISE) a standard deviation. So it lies above the other always, and where responses to one item are no more alike
than to different ones, nobody knew.

References:
    Dykstra, Kochar and Robertson, Inference for likelihood ratio ordering in the two-sample problem, 1995.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import isotonic_regression

from crowdtune.annotations import Bools, Floats, Ints

SHIFTS = 16  # a response is paired with at most twice as many others of its item
PANEL = 256  # responses all are compared with to learn mu and sigma, those to the same item left out
OWN = 20.0  # pseudo-similarities of the crowd's variance in a response's own
CLOSEST = 0.999  # cosine taken for identical
EDGES = np.arange(-2.0, 12.5, 0.5)  # of the histograms of z
RISE = 1.0  # least slope of the log ratio, in nats per unit of z, ...
FLAT = 3.0  # ... up to here; above it only must not fall
MIXED = 0.01  # share of the other distribution in each: no pair is ever certain
SHARED = 0.1  # correlation of the evidence of two pairs that share a response
TEXTS = 4096  # compared with the panel at a time


@dataclass(frozen=True, eq=False)
class Alike:
    """Pairs of responses of different annotators to one item.

    Args:
        first: (P,) a response.
        second: (P,) another.
        place: (P,) bin of their similarity.
        same: (P,) whether they are the same text, which both knew or neither.
        weight: (P,) what a pair counts: pairs that share a response tell the same twice.
        apart: (B,) share of each bin where not both knew.
        both: (B,) the same where both knew.
    """

    first: Ints
    second: Ints
    place: Ints
    same: Bools
    weight: Floats
    apart: Floats
    both: Floats

    @property
    def nats(self) -> Floats:
        """(B,) evidence of a pair that both knew, against not both."""
        return np.asarray(np.clip(np.log(self.both / self.apart), np.log(MIXED), -np.log(MIXED)))

    def field(self, knew: Floats) -> Floats:
        """(N,) evidence in nats that a response was known, by those like it, known with probabilities `knew`."""
        pull, push = self._couplings()
        n = len(knew)
        to_first = np.bincount(self.first, pull * knew[self.second] - push, n)
        return np.asarray(to_first + np.bincount(self.second, pull * knew[self.first] - push, n))

    def score(self, knew: Floats) -> float:
        """Expected log-likelihood of the similarities in nats, up to a constant, with the histogram's prior."""
        pull, push = self._couplings()
        one, other = knew[self.first], knew[self.second]
        return float((pull * one * other - push * (one + other)).sum() + self._prior() @ np.log(self.both))

    def refit(self, knew: Floats) -> Alike:
        """A better histogram of pairs that both knew; never a worse one."""
        weight = self.weight * knew[self.first] * knew[self.second]
        count = np.bincount(self.place, weight, len(self.apart)) + self._prior()
        base = self.apart * _rise()
        ratio = isotonic_regression(count / base, weights=base).x
        both = ratio * base
        better = replace(self, both=both / both.sum())
        return better if better.score(knew) > self.score(knew) else self

    def _couplings(self) -> tuple[Floats, Floats]:
        """(P,) factor of both knowing, (P,) factor against only one of the two."""
        tie = np.where(self.same, -np.log(MIXED), 0.0)
        return self.weight * (self.nats[self.place] + 2 * tie), self.weight * tie

    def _prior(self) -> Floats:
        """(B,) pseudo-pairs of the histogram."""
        base = self.apart * _rise()
        return np.asarray((1 + MIXED * self.weight.sum()) * base / base.sum())


def alike(item: Ints, annotator: Ints, embeddings: Floats, text: Ints | None, rng: np.random.Generator) -> Alike:
    """Compare responses to the same item.

    Args:
        item: (N,) which item.
        annotator: (N,) who.
        embeddings: (N, D) of the responses, any length; cosines count.
        text: (N,) code of the answer among those of its item; None takes identical embeddings for the same text.
        rng: draws the panel, and the pairs of items with more than 33 responses.
    """
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    panel = np.sort(rng.permutation(len(item))[:PANEL])
    mean, deviation = _own(unit, item, panel)
    apart = _apart(unit, item, panel, mean, deviation)
    first, second, degree = _pairs(item, rng)
    other = (annotator[first] != annotator[second]) & bool((item != item[:1]).any())  # else: apart unknown
    first, second, degree = first[other], second[other], degree[other]
    near = np.einsum("pd,pd->p", unit[first], unit[second])
    place = _bins(_standard(near, mean, deviation, first, second))
    within = np.bincount(place, minlength=len(apart)) / max(len(place), 1)
    apart = (1 - MIXED) * apart + MIXED * (within if len(place) else apart)
    apart = (1 - MIXED) * apart + MIXED / len(apart)
    same = near > 1 - 1e-9 if text is None else text[first] == text[second]
    both = apart * _rise()
    weight = 1 / (1 + (degree - 1) * SHARED)
    return Alike(first, second, place, same, weight, apart, both / both.sum()).refit(np.full(len(item), 0.5))


def _rise() -> Floats:
    """(B,) least ratio of both to apart, up to a factor."""
    middle = np.concatenate([[EDGES[0]], (EDGES[1:] + EDGES[:-1]) / 2, [EDGES[-1]]])
    return np.asarray(np.exp(RISE * np.minimum(middle, FLAT)))


def _bins(z: Floats) -> Ints:
    return np.searchsorted(EDGES, z, side="right")


def _fisher(cosine: Floats) -> Floats:
    return np.arctanh(np.clip(cosine, -CLOSEST, CLOSEST))


def _standard(cosine: Floats, mean: Floats, deviation: Floats, one: Ints, other: Ints) -> Floats:
    f = _fisher(cosine)
    return np.minimum((f - mean[one]) / deviation[one], (f - mean[other]) / deviation[other])


def _own(unit: Floats, item: Ints, panel: Ints) -> tuple[Floats, Floats]:
    """(N,) mean and (N,) deviation of similarities with the panel's responses to other items."""
    count, total, squares = np.zeros((3, len(item)))
    for rows in _chunks(len(item)):
        f = _fisher(unit[rows] @ unit[panel].T)
        foreign = item[rows, None] != item[panel]
        count[rows], total[rows], squares[rows] = (x.sum(axis=1) for x in (foreign, f * foreign, f**2 * foreign))
    mean = total / np.maximum(count, 1)
    spread = np.maximum(squares - count * mean**2, 0)
    usual = spread.sum() / max(count.sum(), 1)
    return mean, np.sqrt((spread + OWN * usual) / (count + OWN)) + 1e-6


def _apart(unit: Floats, item: Ints, panel: Ints, mean: Floats, deviation: Floats) -> Floats:
    """(B,) share of the panel's pairs with responses to other items in each bin."""
    count = np.zeros(len(EDGES) + 1)
    for rows in _chunks(len(item)):
        index = np.arange(len(item))[rows]
        near = unit[rows] @ unit[panel].T
        z = _standard(near, mean, deviation, index[:, None], panel[None, :])
        count += np.bincount(_bins(z[item[rows, None] != item[panel]]), minlength=len(count))
    return count / count.sum() if count.sum() else np.full(len(count), 1 / len(count))


def _chunks(n: int) -> list[slice]:
    return [slice(begin, begin + TEXTS) for begin in range(0, n, TEXTS)]


def _pairs(item: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
    """(P,) and (P,) responses to the same item, each in at most 32 pairs; (P,) in how many."""
    order = np.lexsort((rng.random(len(item)), item))
    size = np.bincount(item)
    start = np.cumsum(size) - size
    n, begin = size[item[order]], start[item[order]]
    position = np.arange(len(order)) - begin
    found: list[tuple[Ints, Ints]] = []
    for shift in range(1, SHIFTS + 1):
        kept = np.flatnonzero((2 * shift < n) | ((2 * shift == n) & (position < shift)))
        found.append((order[kept], order[begin[kept] + (position[kept] + shift) % n[kept]]))
    first, second = (np.concatenate(x) for x in zip(*found, strict=True))
    return first, second, np.minimum(size[item[first]] - 1, 2 * SHIFTS).astype(float)
