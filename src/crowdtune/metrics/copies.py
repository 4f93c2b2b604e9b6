"""Copies: annotators whose mistakes are another's mistakes.

Two good annotators agree because both are right, so only mistakes tell: labels that differ from what the other
annotators of the item say, weighed by reliability. The two are not asked themselves: who copies looks reliable, and
would be believed. Where one errs, the other says the same by chance as often as the rest of the item's annotators do
(hard items mislead everybody), as often as it errs at all, and as often as it says that answer where it is wrong; the
largest of the three. A binomial count bounds the sum of such coins, as in `habits`.

This accuses one annotator, by mistakes, so it needs truths and must be sure. `aggregate.blocks` finds whole groups, by
agreement alone and before any truth is believed, so that an aggregator may count them as fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.metrics.crowd import reliability
from crowdtune.metrics.habits import discoveries
from crowdtune.metrics.meetings import meetings

SHARED, MISTAKES = 20, 8  # least items in common, and least mistakes in common
ALIKE = 0.8  # share of the mistakes of each that are the other's, and of all answers
APART = 0.15  # of the mistakes of each: at least so many more than chance gives are the other's
ACCUSED = 0.01  # share of false ones among the discoveries; a graver word than the others
LOWEST, HIGHEST = 0.02, 0.98  # of a probability, so that a weight and a spread are finite
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Meetings:
    """Labels of two annotators on the same item, for every pair of them with items enough in common.

    Args:
        pair: (P,) which pair.
        item: (P,) on which item.
        one: (P,) what one said.
        other: (P,) what the other said.
        truth: (P,) what the rest of the item's annotators say.
        size: how many pairs.
    """

    pair: Ints
    item: Ints
    one: Ints
    other: Ints
    truth: Ints
    size: int

    def rate(self, of: Floats) -> Floats:
        """(P,) mean of (P,) numbers in the pair."""
        count = np.bincount(self.pair, minlength=self.size)
        return np.asarray((np.bincount(self.pair, of, self.size) / np.maximum(count, 1))[self.pair])


def copied(annotations: Annotations, posterior: Floats, rng: np.random.Generator) -> Ints:
    """(J,) whom each annotator may copy, or be copied by: the one with most mistakes in common; -1 for nobody.

    Args:
        annotations: N labels.
        posterior: (I, K) P(truth = k).
        rng: of the sample of items looked at where labels are very many.
    """
    j = len(annotations.annotators)
    found = np.full(j, UNKNOWN)
    item, first, second, said, heard = meetings(annotations, rng)
    truth = _rest(annotations, posterior, item, (first, said), (second, heard))
    codes, pair, shared = np.unique(first * j + second, return_inverse=True, return_counts=True)
    rows = np.flatnonzero((shared[pair] >= SHARED) & (truth != UNKNOWN))
    if not len(rows):
        return found
    kept, place = np.unique(pair[rows], return_inverse=True)
    pairs = Meetings(place, item[rows], said[rows], heard[rows], truth[rows], len(kept))
    p, both = _improbable(annotations, pairs)
    alike = discoveries(p, ACCUSED) & (both > 0)
    order = np.flatnonzero(alike)[np.argsort(both[alike], kind="stable")]
    a, b = np.divmod(codes[kept[order]], j)
    found[a], found[b] = b, a
    return found


def _rest(
    annotations: Annotations, posterior: Floats, item: Ints, one: tuple[Ints, Ints], other: tuple[Ints, Ints]
) -> Ints:
    """(P,) the answer of an item's annotators without two of them, who said what; -1 where no answer is ahead."""
    trust = np.clip(np.nan_to_num(reliability(annotations, posterior)), LOWEST, HIGHEST)
    k = annotations.items.max_choices
    weight = np.log(trust * max(k - 1, 1) / (1 - trust))
    flat = annotations.item * k + annotations.label
    heard = np.bincount(flat, weight[annotations.annotator], len(annotations.items) * k).reshape(-1, k)[item]
    place = np.arange(len(item))
    for who, label in (one, other):
        heard[place, label] -= weight[who]
    heard[~annotations.items.choice_mask[item]] = -np.inf
    ahead = np.isclose(heard, heard.max(axis=1, keepdims=True, initial=-np.inf), atol=1e-6).sum(axis=1) == 1
    return np.where(ahead, heard.argmax(axis=1), UNKNOWN)


def _improbable(annotations: Annotations, pairs: Meetings) -> tuple[Floats, Floats]:
    """(size,) probability of so many mistakes in common by chance, and their number, 0 where they are too few."""
    same = pairs.one == pairs.other
    both = np.bincount(pairs.pair[same & (pairs.one != pairs.truth)], minlength=pairs.size).astype(np.float64)
    agree = np.bincount(pairs.pair, same, pairs.size) / np.maximum(np.bincount(pairs.pair, minlength=pairs.size), 1)
    alike, p = (both >= MISTAKES) & (agree >= ALIKE), np.zeros(pairs.size)
    for one, other in ((pairs.one, pairs.other), (pairs.other, pairs.one)):
        wrong = one != pairs.truth
        chance = _chance(annotations, pairs, one, other)[wrong]
        expected = np.bincount(pairs.pair[wrong], chance, pairs.size)
        mistakes = np.bincount(pairs.pair[wrong], minlength=pairs.size)
        alike &= (both >= ALIKE * mistakes) & (both - expected >= APART * mistakes)
        tail = bdtrc(np.maximum(both - 1, 0), np.maximum(mistakes, 1), expected / np.maximum(mistakes, 1))
        p = np.maximum(p, np.where(both >= expected + 1, tail, 1.0))
    return p, np.where(alike, both, 0.0)


def _chance(annotations: Annotations, pairs: Meetings, one: Ints, other: Ints) -> Floats:
    """(P,) probability that `other` says what `one` says where it is wrong, as far as all but copying tells."""
    votes, n = annotations.votes[pairs.item, one], annotations.labels_per_item[pairs.item]
    rest = (votes - 1 - (one == other)) / np.maximum(n - 2, 1)
    k = annotations.items.max_choices
    denied = np.ones((len(one), k), dtype=bool)
    denied[np.arange(len(one)), pairs.truth] = False
    may = np.stack([np.bincount(pairs.pair, column, pairs.size) for column in denied.T], axis=1)
    missed = other != pairs.truth
    does = np.bincount(pairs.pair[missed] * k + other[missed], minlength=pairs.size * k).reshape(-1, k)
    says = (does / np.maximum(may, 1))[pairs.pair, one]
    errs = pairs.rate(missed.astype(np.float64))
    return np.asarray(np.clip(np.maximum(np.maximum(rest, errs), says), LOWEST, HIGHEST), dtype=np.float64)
