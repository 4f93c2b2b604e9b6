"""Camps: annotators who say the same as each other, found from labels alone.

Every judgement of an annotator is made by the others, fitted on other items: an annotator is compared with the
posterior of an item without the own label, under reliabilities that never saw the item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import softmax

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.em.coin import coin
from crowdtune.em.given import Given
from crowdtune.em.solve import solve
from crowdtune.metrics.association import association, standard

FRIEND = 2.0  # standard deviations from which one annotator is with or against the others
REAL = 4.0  # those from which a camp is no accident
MOST, SMALLEST = 8, 0.02  # camps looked for, share of the labels
STEPS, TOLERANCE = 50, 1e-4  # of EM: signs are asked for, not digits


@dataclass(frozen=True, eq=False)
class Reading:
    """Labels as read by annotators who were fitted to the other half of the items.

    Args:
        given: N labels.
        heard: (N, K) nats of each label under each truth.
        known: (I, K) nats of what the model says, as sharp as fitted.
    """

    given: Given
    heard: Floats
    known: Floats

    def posterior(self, flat: Floats) -> Floats:
        """(I, K) P(truth = k) from the labels and what `flat` (I, K) nats says."""
        return np.asarray(softmax(flat + self.given.per_item(self.heard), axis=1))

    def others(self) -> Floats:
        """(N, K) what the other labels of an item, and the model, say of it."""
        g = self.given
        return np.asarray(softmax((self.known + g.per_item(self.heard))[g.item] - self.heard, axis=1))

    def agreement(self) -> tuple[Floats, Floats]:
        """(J,) how much each annotator says what the others say, beyond chance, and (J,) its variance."""
        g = self.given
        return association(one_hot(g.label, g.width), self.others(), g.annotator, g.n_annotators)


@dataclass(frozen=True, eq=False)
class Camps:
    """Who says the same as whom.

    Args:
        members: codes of each camp's annotators, in the order found; the first follows the most labels.
        opposed: (J,) True for annotators who contradict the first camp, or may for all that is known.
    """

    members: list[Ints]
    opposed: Bools


def read_across(given: Given, log_p: Floats, start: Floats, half: Ints, *, sharpness: float | None = None) -> Reading:
    """Fit annotators to each half of the items, and read the labels of the other half with them.

    Args:
        given: N labels.
        log_p: (I, K) log-probabilities to fit with, finite.
        start: (I, K) posterior EM begins with.
        half: (I,) 0 or 1.
        sharpness: exponent of the model's probabilities; None fits it.
    """
    heard, known = np.zeros((len(given), given.width)), np.zeros_like(log_p)
    for h in (0, 1):
        unseen, rows = half == h, half[given.item] == h
        fit = solve(
            np.where(unseen[:, None], 0.0, log_p),
            given.take(np.flatnonzero(~rows)),
            coin(given),
            start=start,
            sharpness=sharpness,
            steps=STEPS,
            tolerance=TOLERANCE,
        )
        heard[rows] = fit.annotators.log_likelihood(given.take(np.flatnonzero(rows)))
        known[unseen] = fit.sharpness * log_p[unseen]
    return Reading(given, heard, known)


def find_camps(given: Given, flat: Floats, half: Ints) -> Camps:
    """Find camps one after the other, each among the annotators in none yet.

    Args:
        given: N labels.
        flat: (I, K) log-probabilities that know nothing, finite.
        half: (I,) 0 or 1, as in `read_across`.
    """
    found, free = list[Ints](), np.ones(given.n_annotators, dtype=bool)
    alone = opposed = np.zeros(given.n_annotators, dtype=bool)
    while len(found) < MOST and free.any():
        rest = given.take(np.flatnonzero(free[given.annotator]))
        reading = read_across(rest, flat, opening(rest, flat), half, sharpness=1.0)
        excess, variance = reading.agreement()
        z = standard(excess, variance)
        members = z >= FRIEND
        size = members[given.annotator].mean()
        if size < SMALLEST or pooled(excess[members], variance[members]) < REAL:
            break
        if not found:
            alone, opposed = z <= -FRIEND, _uncleared(reading, excess, variance)
        found.append(np.flatnonzero(members))
        free &= ~members
    for camp in found[1:]:
        opposed[camp] = True
    single = np.flatnonzero(alone & free & (given.labels_per_annotator >= SMALLEST * len(given)))
    single = single[np.argsort(-given.labels_per_annotator[single], kind="stable")]
    return Camps(found + [single[i : i + 1] for i in range(min(len(single), MOST - len(found)))], opposed)


def _uncleared(reading: Reading, excess: Floats, variance: Floats) -> Bools:
    """(J,) True for annotators who may contradict the others, as far as their labels tell.

    Among liars in concert an honest annotator is their opposite where there are two choices; where there are more, he
    may look as if he guessed. Annotators of few labels are cleared together; who shares no item with others never is.
    """
    g = reading.given
    others = reading.others()
    utmost, _ = association(one_hot(others.argmax(axis=1), g.width), others, g.annotator, g.n_annotators)
    least = (-0.5 if g.width == 2 else 0.0) * utmost
    clear = excess - 2 * np.sqrt(variance.clip(min=0)) > least
    doubted = ~clear & (variance > 0)
    together = excess[doubted].sum() - 2 * np.sqrt(variance[doubted].sum()) > least[doubted].sum()
    against = standard(excess, variance) <= -FRIEND
    return np.asarray(against | (~clear & ~(doubted & together)))


def pooled(excess: Floats, variance: Floats) -> float:
    """Standard deviations of a sum in which every pair of annotators counts twice, once from each side."""
    return float(standard(np.array(excess.sum()), np.array(2 * variance.sum())))


def opening(given: Given, flat: Floats) -> Floats:
    """(I, K) shares of the labels; the annotator with most of them counts half more, so that no tie stays one."""
    weight = np.where(given.annotator == given.labels_per_annotator.argmax(), 1.5, 1.0)
    said = given.per_item(one_hot(given.label, given.width) * weight[:, None])
    total = said.sum(axis=1, keepdims=True)
    return np.where(total > 0, said / np.maximum(total, 1.0), np.exp(flat))


def one_hot(codes: Ints, width: int) -> Floats:
    """(N, K) 1 at the code of each row."""
    return np.asarray(np.eye(width)[codes])


def blocks(given: Given, linking: Bools) -> Ints:
    """(I,) code of the group of items each belongs to; (J,) `linking` annotators join the items they label."""
    used = given.take(np.flatnonzero(linking[given.annotator]))
    size = given.n_items + given.n_annotators
    links = coo_array((np.ones(len(used)), (used.item, given.n_items + used.annotator)), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1][: given.n_items], dtype=np.int64)
