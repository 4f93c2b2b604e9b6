"""What may be true of a crowd: the explanations its labels allow, and what speaks for one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import softmax
from scipy.stats import binom, norm

from crowdtune.annotations import Annotations, Bools, Floats, Ints
from crowdtune.em.given import Given, clamped, finite, flat, given
from crowdtune.metrics.association import TINY, association, standard
from crowdtune.metrics.camps import Camps, Reading, blocks, find_camps, opening, read_across

SURE = 3.0  # standard deviations from which an annotator, or a block of items, is read the right way round
LARGE = 0.05  # accuracy that one of them may cost without being sure
WORST = 0.2  # share of the labelled items on which explanations must differ: what a wrong one costs at least
SHARED_SIGNS = float(np.sqrt(1 + 2 / np.pi))  # spread of a sum of halves that decide each other's signs, many of them


@dataclass(frozen=True, eq=False)
class Explanation:
    """Annotators, and the truths they leave.

    Args:
        reading: of the labels, with what is known beside them.
        truth: (I, K) posterior of labels alone.
    """

    reading: Reading
    truth: Floats

    @cached_property
    def side(self) -> Floats:
        """(J,) standard deviations by which an annotator is with the others, or against them."""
        return np.abs(standard(*self.reading.agreement()))

    @cached_property
    def weight(self) -> Floats:
        """(J,) how far from chance an annotator is, in shares of what is between chance and always right."""
        g = self.reading.given
        found = np.exp(self.reading.heard[np.arange(len(g)), g.label])
        return np.abs(g.per_annotator((found - 1 / g.n_choices) / (1 - 1 / g.n_choices))) / np.maximum(
            g.labels_per_annotator, 1
        )

    @cached_property
    def block(self) -> Ints:
        """(I,) code of the block an item is in: annotators whose side is sure join the items they label."""
        return blocks(self.reading.given, self.side >= SURE)


@dataclass(frozen=True, eq=False)
class Crowd:
    """One task's labels, explained in every way worth telling apart.

    Args:
        given: N labels.
        said: (I, K) the untrained model's probabilities.
        half: (I,) 0 or 1: annotators fitted to one half read the other.
        labelled: (I,) True where an item has a label.
        gold: (I,) code of the gold answer used as evidence, -1 elsewhere.
        certain: (I, K) nats that leave an item with that gold no other truth.
        camps: who agrees with whom.
        found: explanations: EM begun with the votes, the model's answers, each camp's labels, gold; then the mirror
            image of each where there are two choices.
    """

    given: Given
    said: Floats
    half: Ints
    labelled: Bools
    gold: Ints
    certain: Floats
    camps: Camps
    found: list[Explanation]

    @cached_property
    def favoured(self) -> Explanation:
        """What the model favours most."""
        return max(self.found, key=lambda e: self.favour(e.truth))

    @property
    def consensus(self) -> Explanation:
        """What the votes lead to."""
        return self.found[0]

    def differ(self, one: Floats, other: Floats) -> float:
        """Share of labelled items of which `other` denies what `one` says; a tie denies nothing."""
        theirs = np.take_along_axis(other, one.argmax(axis=1)[:, None], axis=1)[:, 0]
        return float((theirs < other.max(axis=1) - TINY)[self.labelled].mean())

    def rivals(self, truth: Floats) -> list[Floats]:
        """The truths of explanations that differ from `truth` too much to be the same one."""
        return [e.truth for e in self.found if self.differ(truth, e.truth) > WORST]

    def favour(self, table: Floats) -> float:
        """Standard deviations by which an (I, K) table goes with what the model said, beyond chance."""
        rows = self.labelled
        excess, variance = association(table[rows], self.said[rows], self.half[rows], 2)
        return float(standard(np.array(excess.sum()), np.array(variance.sum())))


def read_crowd(annotations: Annotations, log_p: Floats, known: Bools, half: Ints) -> Crowd:
    """Find the explanations.

    Args:
        annotations: N labels, at least one of them on an item with two choices.
        log_p: (I, K) log-probabilities of the untrained model, centred.
        known: (I,) True for items whose gold answer is used as evidence.
        half: (I,) 0 or 1.
    """
    labels, none, log_p = given(annotations), flat(annotations), finite(log_p, annotations)
    said, camps, certain = softmax(log_p, axis=1), find_camps(labels, none, half), clamped(annotations, known)
    starts = []
    if labels.width > 2:
        starts += [opening(labels.take(np.flatnonzero(np.isin(labels.annotator, c))), none) for c in camps.members]
    if known.any():
        starts.append(softmax(none + certain, axis=1))
    votes, *others = (read_across(labels, none, s, half, sharpness=1.0) for s in (opening(labels, none), *starts))
    led = read_across(labels, log_p, said, half)
    readings = [votes, led, *others]
    if labels.width == 2:
        readings += [replace(reading, heard=reading.heard[:, ::-1]) for reading in readings]
    return Crowd(
        given=labels,
        said=said,
        half=half,
        labelled=np.bincount(labels.item, minlength=labels.n_items) > 0,
        gold=np.where(known, annotations.items.gold, -1),
        certain=none + certain,
        camps=camps,
        found=[Explanation(replace(r, known=led.known), r.posterior(none)) for r in readings],
    )


def by_model(crowd: Crowd, chosen: Explanation) -> tuple[float, float]:
    """Standard deviations by which the model is for an explanation, against chance, and against the nearest rival."""
    several = len(np.unique(chosen.block[crowd.labelled])) > 1
    spread = SHARED_SIGNS if several else 1.0
    against = [crowd.favour(chosen.truth - rival) / spread for rival in crowd.rivals(chosen.truth)]
    return crowd.favour(chosen.truth) / spread, min(against, default=float("inf"))


def by_gold(crowd: Crowd) -> tuple[Explanation, float]:
    """The explanation that is right on most gold items, and the largest p of sign tests against chance and rivals."""
    best = max(crowd.found, key=lambda e: int(_hits(crowd, e.truth).sum()))
    right, count = _hits(crowd, best.truth), int((crowd.gold >= 0).sum())
    found = [float(binom.sf(right.sum() - 1, count, (1 / crowd.given.n_choices).mean()))]
    for rival in crowd.rivals(best.truth):
        theirs = _hits(crowd, rival)
        found.append(float(binom.sf((right & ~theirs).sum() - 1, (right != theirs).sum(), 0.5)))
    return replace(best, reading=replace(best.reading, known=crowd.certain)), max(found)


def cost(crowd: Crowd, chosen: Explanation, *, gold: bool = False) -> float:
    """Accuracy that annotators and blocks read the wrong way round are expected to cost.

    An annotator or a block that may cost much and is not sure counts as wrong. Blocks are judged by the model, or by
    how often the explanation is right on their gold items.
    """
    g, block = crowd.given, chosen.block
    size = int(block.max()) + 1
    if gold:
        right, count = np.bincount(block, _hits(crowd, chosen.truth), size), np.bincount(block, crowd.gold >= 0, size)
        sure = norm.isf(np.clip(binom.sf(right - 1, count, 0.5), 1e-300, 1.0))
    else:
        excess, variance = association(chosen.truth, crowd.said, block * 2 + crowd.half, 2 * size)
        sure = standard(excess.reshape(-1, 2).sum(axis=1), variance.reshape(-1, 2).sum(axis=1))
    each = chosen.weight[g.annotator] / len(g)
    of_block = _wrong(sure, np.bincount(block[g.item], each, size).astype(float))[block[g.item]]
    of_annotator = _wrong(chosen.side, g.per_annotator(each))[g.annotator]
    return float((each * np.maximum(of_block, of_annotator)).sum())


def _wrong(sure: Floats, at_stake: Floats) -> Floats:
    """Probability of being read the wrong way round, 1 for what may cost much and is not sure."""
    return np.where((at_stake >= LARGE) & (sure < SURE), 1.0, norm.sf(sure))


def _hits(crowd: Crowd, truth: Floats) -> Bools:
    """(I,) True for gold items on which (I, K) `truth` is right."""
    return np.asarray(truth.argmax(axis=1) == crowd.gold)
