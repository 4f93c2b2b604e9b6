"""Copies: annotators whose mistakes are another's mistakes.

Two good annotators agree because both are right, so only mistakes tell: labels that differ from the believed truth.
Where one errs, the other says the same by chance as often as the rest of the item's annotators do (hard items mislead
everybody), as often as it errs at all, and as often as it says that answer at all; the largest of the three counts.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from crowdtune.annotations import Annotations, Floats, Ints
from crowdtune.metrics.habits import discoveries
from crowdtune.metrics.meetings import meetings

SHARED, MISTAKES = 20, 8  # least items in common, and least mistakes in common
ALIKE = 0.8  # share of the mistakes of each that are the other's, and of all answers
UNKNOWN = -1


def copied(annotations: Annotations, posterior: Floats, rng: np.random.Generator) -> Ints:
    """(J,) whom each annotator may copy, or be copied by: the one with most mistakes in common; -1 for nobody.

    Args:
        annotations: N labels.
        posterior: (I, K) P(truth = k).
        rng: of the sample of items looked at where labels are very many.
    """
    found = np.full(len(annotations.annotators), UNKNOWN)
    item, first, second, said, heard = meetings(annotations, rng)
    codes, pair, shared = np.unique(
        first * len(annotations.annotators) + second, return_inverse=True, return_counts=True
    )
    kept = np.flatnonzero(shared[pair] >= SHARED)
    if not len(kept):
        return found
    item, pair, said, heard = item[kept], pair[kept], said[kept], heard[kept]
    truth = posterior.argmax(axis=1)[item]
    both = np.bincount(pair[(said == heard) & (said != truth)], minlength=len(codes)).astype(float)
    same = np.bincount(pair[said == heard], minlength=len(codes)) / shared
    p = np.zeros(len(codes))
    alike = (both >= MISTAKES) & (same >= ALIKE)
    for one, other in ((said, heard), (heard, said)):
        wrong = one != truth
        chance = _chance(annotations, item, pair, one, other, truth, len(codes))[wrong]
        expected, spread = (np.bincount(pair[wrong], c, len(codes)) for c in (chance, chance * (1 - chance)))
        z = np.where(spread > 0, (both - expected) / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0)
        p = np.maximum(p, ndtr(-z))
        alike &= both >= ALIKE * np.bincount(pair[wrong], minlength=len(codes))
    looked = np.flatnonzero(shared >= SHARED)
    alike[looked] &= discoveries(p[looked])
    order = np.flatnonzero(alike)[np.argsort(both[alike], kind="stable")]
    a, b = np.divmod(codes[order], len(annotations.annotators))
    found[a], found[b] = b, a
    return found


def _chance(annotations: Annotations, item: Ints, pair: Ints, one: Ints, other: Ints, truth: Ints, size: int) -> Floats:
    """(P,) probability that `other` says what `one` says, as far as anything but copying tells; below 1."""
    votes, n = annotations.votes[item, one], annotations.labels_per_item[item]
    rest = (votes - 1 - (one == other)) / np.maximum(n - 2, 1)
    errs = np.bincount(pair, other != truth, size) / np.maximum(np.bincount(pair, minlength=size), 1)
    k = annotations.items.max_choices
    spoken = np.bincount(pair * k + other, minlength=size * k).reshape(size, k)
    says = spoken[pair, one] / np.maximum(spoken.sum(axis=1), 1)[pair]
    return np.asarray(np.clip(np.maximum(np.maximum(rest, errs[pair]), says), 0.02, 0.98))
