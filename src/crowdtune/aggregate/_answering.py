r"""Which labels are answers and which are guesses, where people may honestly disagree: no item need have one truth.

.. math:: P(l_n = k) = e_j \, p_i(k) + (1 - e_j) \, h_j(k)

p is what an item's other labels say, h an annotator's habit, the choices taken as often as everywhere, so that somebody
who guesses at random and somebody who always says the same are alike. EM: e from a grid, a priori distributed as the
crowd's are (Kiefer and Wolfowitz's estimate, no shape assumed); a label is an answer with probability e p / (e p +
(1 - e) h), and that is what it counts in p. Everybody guessing half the time and an item with flatter p explain the
same labels, so e means something only beside others': it is divided by the level of those who mainly count.

Who disagrees with most loses less here than under one truth, since others may say the same; not nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from crowdtune.annotations import Annotations, Floats

GRID = np.linspace(0, 1, 11)  # expertise held possible
ROUNDS, SETTLED = 30, 1e-3  # most rounds; change of an expertise below which it stops
PRIOR_ROUNDS = 20  # of learning how the crowd's expertise is distributed, in each
HABIT = 5.0  # labels that everybody's habit is taken from the crowd for
FIRST = 0.9  # expertise everybody begins with
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Answering:
    """How far annotators answer.

    Args:
        expertise: (J,) share of labels that are answers, in [0, 1], 1 for those who mainly count; 1 for everybody
            where no item has two labels, as nothing is known then.
        weights: (N,) probability that a label is an answer, in [0, 1].
    """

    expertise: Floats
    weights: Floats


def answering(annotations: Annotations) -> Answering:
    """Tell answers from guesses by how far the item's other labels, unnamed ones too, foretell them.

    Args:
        annotations: N labels.
    """
    votes, (base, habit) = annotations.all_votes, _usual(annotations)
    cell = (annotations.item, annotations.label)
    joined = votes.sum(axis=1)[annotations.item] > 1
    count = annotations.labels_per_annotator.astype(np.float64)
    expertise, weights = np.full(len(count), FIRST), np.full(len(annotations), FIRST)
    if not joined.any():
        return Answering(np.ones(len(count)), np.ones(len(annotations)))
    prior = np.full(len(GRID), 1 / len(GRID))
    for _ in range(ROUNDS):
        heard = _heard(annotations, weights)
        total = heard.sum(axis=1)[annotations.item]
        others = np.maximum(heard[cell] - weights + base, 0) / np.maximum(total - weights + 1, TINY)
        fit = _fits(annotations, np.where(joined, others, habit), habit)
        for _ in range(PRIOR_ROUNDS):
            probable = softmax(fit + np.log(prior + TINY), axis=1)
            prior = probable[count > 0].mean(axis=0)
        before, expertise = expertise, probable @ GRID
        own = relative(expertise, count)[annotations.annotator]
        said = own * heard[cell] / np.maximum(total, TINY)
        weights = said / np.maximum(said + (1 - own) * habit, TINY)
        if np.abs(expertise - before).max() < SETTLED:
            break
    return Answering(relative(expertise, count), weights)


def relative(expertise: Floats, count: Floats) -> Floats:
    """(J,) expertise divided by its mean over labels, each weighted by it, and at most 1.

    Example: three honest annotators at 0.6 and one spammer at 0, with as many labels each, are 1, 1, 1 and 0.
    """
    mass = count * expertise
    level = float(mass @ expertise) / max(float(mass.sum()), TINY)
    return np.clip(expertise / level, 0, 1) if level > 0 else np.ones(len(expertise))


def _heard(annotations: Annotations, weights: Floats) -> Floats:
    """(I, K) sums of the weights of labels, with unnamed ones counting 1."""
    n, k = annotations.items.choice_mask.shape
    sums = np.bincount(annotations.item * k + annotations.label, weights=weights, minlength=n * k)
    own: Floats = sums.astype(np.float64).reshape(n, k)
    return own if annotations.counts is None else own + annotations.counts


def _fits(annotations: Annotations, others: Floats, habit: Floats) -> Floats:
    """(J, G) log-likelihood of the labels of each annotator under each expertise of the grid, in nats."""
    j = len(annotations.annotators)
    nats = (np.log(np.maximum(e * others + (1 - e) * habit, TINY)) for e in GRID)
    columns = [np.bincount(annotations.annotator, weights=column, minlength=j) for column in nats]
    return np.stack(columns, axis=1)


def _usual(annotations: Annotations) -> tuple[Floats, Floats]:
    """(N,) how usual each label is in its task, and in the annotator's other labels there, both as shares."""
    items, k = annotations.items, annotations.items.max_choices
    task, m = items.task[annotations.item], len(items.tasks)
    everyone = np.zeros((m, k))
    np.add.at(everyone, items.task, annotations.all_votes)
    shares = np.where(items.choice_mask, everyone[items.task] + 1, 0)
    base = (shares / np.maximum(shares.sum(axis=1, keepdims=True), 1))[annotations.item, annotations.label]
    person = annotations.annotator * m + task
    same = np.unique(person * k + annotations.label, return_inverse=True, return_counts=True)[1:]
    given = np.unique(person, return_inverse=True, return_counts=True)[1:]
    alike, labels = same[1][same[0]] - 1, given[1][given[0]] - 1
    return base, np.asarray((alike + HABIT * base) / (labels + HABIT))
