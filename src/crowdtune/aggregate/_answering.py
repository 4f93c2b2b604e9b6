r"""Who answers and who guesses, where people may honestly disagree: no item need have one truth.

.. math:: P(l_n = k) = e_j \, p_i(k) + (1 - e_j) \, h_j(k)

p is what an item's other labels say, h an annotator's habit, the choices taken as often as everywhere, so that somebody
who guesses at random and somebody who always says the same are alike. EM: the expertise e from a grid, distributed
beforehand as the crowd's is (Kiefer and Wolfowitz's estimate, no shape assumed), then p with annotators weighted.
Everybody guessing half the time and items with flatter p explain the same labels, so e means something only beside
others': it is divided by the level of those who mainly count.

An annotator's weight is the probability that e is a quarter of that level or more. So spammers leave, and nobody's
disagreement counts less for being a minority's: by e itself a camp of a fifth would lose up to half of its voice.
Where labels are too few to tell, everybody counts.

References:
    Kiefer and Wolfowitz: Consistency of the maximum likelihood estimator in the presence of infinitely many incidental
    parameters, 1956, https://doi.org/10.1214/aoms/1177728066
    Hovy et al.: Learning whom to trust with MACE, 2013, https://aclanthology.org/N13-1132, for habits, under one truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from crowdtune.annotations import Annotations, Floats

GRID = np.linspace(0, 1, 21)  # expertise held possible
LEAST = 0.25  # of the level: expertise from which an annotator counts in full
ROUNDS, SETTLED = 30, 1e-3  # most rounds; change of a weight below which it stops
PRIOR_ROUNDS = 20  # of learning how the crowd's expertise is distributed, in each
HABIT = 5.0  # labels that everybody's habit is taken from the crowd for
FIRST = 0.9  # weight everybody begins with
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Answering:
    """How far annotators answer. Where no item has two labels nothing is known, and all is 1.

    Args:
        expertise: (J,) share of labels that are answers and not guesses, in [0, 1]; 1 for those who mainly count.
        weight: (J,) probability that an annotator answers rather than guesses, in [0, 1].
    """

    expertise: Floats
    weight: Floats


def answering(annotations: Annotations) -> Answering:
    """Tell who answers by how far the other labels of their items, unnamed ones too, foretell theirs.

    Args:
        annotations: N labels.
    """
    votes, (base, habit) = annotations.all_votes, _usual(annotations)
    who, cell = annotations.annotator, (annotations.item, annotations.label)
    joined = votes.sum(axis=1)[annotations.item] > 1
    count = annotations.labels_per_annotator.astype(np.float64)
    weight, prior = np.full(len(count), FIRST), np.full(len(GRID), 1 / len(GRID))
    if not joined.any():
        return Answering(np.ones(len(count)), np.ones(len(count)))
    for _ in range(ROUNDS):
        heard, own = _heard(annotations, weight[who]), weight[who]
        others = np.maximum(heard[cell] - own + base, 0) / np.maximum(heard.sum(axis=1)[cell[0]] - own + 1, TINY)
        fit = _fits(annotations, np.where(joined, others, habit), habit)
        for _ in range(PRIOR_ROUNDS):
            probable = softmax(fit + np.log(prior + TINY), axis=1)
            prior = probable[count > 0].mean(axis=0)
        expertise = probable @ GRID
        before, weight = weight, probable[:, LEAST * level(expertise, count) <= GRID].sum(axis=1)
        if np.abs(weight - before).max() < SETTLED:
            break
    top = level(expertise, count)
    return Answering(np.clip(expertise / top, 0, 1) if top > 0 else np.ones(len(count)), np.minimum(weight, 1))


def level(expertise: Floats, count: Floats) -> float:
    """Mean expertise over labels, each weighted by the expertise of who gave it: of those who mainly count.

    Example: of three honest annotators at 0.6 and a spammer at 0, with as many labels each, 0.6.
    """
    mass = count * expertise
    return float(mass @ expertise) / max(float(mass.sum()), TINY)


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
    same, same_count = np.unique(person * k + annotations.label, return_inverse=True, return_counts=True)[1:]
    given, given_count = np.unique(person, return_inverse=True, return_counts=True)[1:]
    alike, labels = same_count[same] - 1, given_count[given] - 1
    return base, np.asarray((alike + HABIT * base) / (labels + HABIT))
