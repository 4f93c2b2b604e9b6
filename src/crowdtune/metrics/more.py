r"""How many more labels? Futures of a crowd are simulated from what is believed of it, until enough items are right.

A future draws annotators and truths from their posterior, hands further labels to the items least sure of their answer,
by annotators of this crowd, and fits everything again, as would be done with real ones. Two things a real crowd has and
a future has not: annotators who err together, and items on which everybody is wrong. Of the second kind gold answers
tell: without any, "right" means what this crowd would agree on if it were large, which is more than is right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from crowdtune.annotations import MASKED, Annotations, Floats, Ints
from crowdtune.em.coin import Coin, coin
from crowdtune.em.gibbs import DRAWS, sample, truths
from crowdtune.em.given import Given, finite, flat, given
from crowdtune.em.prior import above_chance, crowd_prior, solve_coin

FUTURES = 20
MOST = 10  # labels per item, on average, after which a future gives up
ROUNDS = 20  # of asking, for each label per item; all is fitted again after each
REFITS = 2  # steps of EM after a round
TINY = 1e-12  # a probability below it counts as this much
DOUBTS = np.linspace(0, 0.5, 101)  # shares of items on which the crowd's answer is not the gold one


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a crowd stands.

    Args:
        log_p: (I, K) log-probabilities of a model, sharpened; flat without one.
        given: N labels.
        choices: (I,) K of each item.
        posterior: (I, K) P(truth = k).
        reliability: (R, J) draws of it.
        share: (J,) of all labels, by each annotator; sums to 1.
        prior: alpha and beta of reliabilities, one or (J,) each, as further fits take them.
        doubt: (len(DOUBTS),) how probable each share of items is on which the crowd's answer is wrong for good.
    """

    log_p: Floats
    given: Given
    choices: Ints
    posterior: Floats
    reliability: Floats
    share: Floats
    prior: tuple[Floats | float, Floats | float]
    doubt: Floats


@dataclass(frozen=True, eq=False)
class Further:
    """Labels still needed.

    Args:
        labels: (F,) in each future; infinite where the accuracy is not reached.
        asked: (I,) mean number of labels an item was asked for, in the futures that got there.
    """

    labels: Floats
    asked: Floats

    def quantiles(self) -> tuple[float, float, float]:
        """Lower end, median and upper end of the central 90 % of futures; infinite where those do not get there."""
        ordered = np.sort(self.labels)
        places = [round(q * (len(ordered) - 1)) for q in (0.05, 0.5, 0.95)]
        low, middle, high = (float(ordered[p]) for p in places)
        return low, middle, high


def standing(annotations: Annotations, rng: np.random.Generator, log_p: Floats | None = None) -> Standing:
    """Fit one coin to all labels, with a prior learned from the crowd.

    Args:
        annotations: N labels; gold answers tell how often the crowd is wrong for good, and nothing else.
        rng: of sampling.
        log_p: (I, K) log-probabilities of a model; by default there is none.
    """
    seen = given(annotations)
    known = flat(annotations) if log_p is None else finite(log_p, annotations)
    lowest = above_chance(seen) if log_p is None else 0.0
    votes = annotations.votes + softmax(known, axis=1)
    start = votes / votes.sum(axis=1, keepdims=True) if log_p is None else None
    found = solve_coin(known, seen, start=start, lowest=lowest, sharpness=1.0 if log_p is None else None)
    drawn = sample(known, seen, found.annotators, found.sharpness, rng, learned=crowd_prior(lowest), draws=DRAWS)
    share = annotations.labels_per_annotator / len(annotations)
    prior = (found.annotators.alpha, found.annotators.beta)
    doubt = _doubt(drawn.posterior, annotations)
    table, choices = found.sharpness * known, annotations.items.n_choices
    return Standing(table, seen, choices, drawn.posterior, drawn.reliability, share, prior, doubt)


def standing_of_tables(posterior: Floats, reliability: Floats, labels: Ints, rng: np.random.Generator) -> Standing:
    """Where a crowd stands whose labels are not at hand, as the tables of a finished run tell.

    Args:
        posterior: (I, K) P(truth = k); 0 for choices an item does not have.
        reliability: (J,) mean posterior of the labels an annotator gave.
        labels: (J,) how many they gave.
        rng: of the draws of reliability.
    """
    none = np.zeros(0, dtype=np.int64)
    empty = Given(none, none, none, none, len(posterior), len(labels), posterior.shape[1])
    alpha, beta = 1 + reliability * labels, 1 + (1 - reliability) * labels
    log_p = np.where(posterior > 0, np.log(np.maximum(posterior, TINY)), MASKED)
    draws = rng.beta(alpha, beta, size=(DRAWS, len(labels)))
    doubt = np.asarray(DOUBTS == 0, dtype=np.float64)
    choices = (posterior > 0).sum(axis=1)
    return Standing(log_p, empty, choices, posterior, draws, labels / labels.sum(), (alpha + 1, beta + 1), doubt)


def now(at: Standing, rng: np.random.Generator, draws: int = 200) -> Floats:
    """(draws,) share of right answers as it may be now; their mean is what to expect."""
    answer = at.posterior.argmax(axis=1)
    return np.array([(answer == _imagined(at, rng)[2]).mean() for _ in range(draws)])


def after(at: Standing, labels_per_item: int, rng: np.random.Generator, futures: int = FUTURES) -> Floats:
    """(futures,) share of right answers once every item has so many further labels, by annotators as they come."""
    item = np.repeat(np.arange(len(at.posterior)), labels_per_item)
    found = []
    for _ in range(futures):
        world = _imagined(at, rng)
        labels = _asked(at, at.given, item, at.share, world, rng)
        found.append((_refitted(at, labels, at.posterior).argmax(axis=1) == world[2]).mean())
    return np.array(found)


def further(at: Standing, accuracy: float, who: Floats, rng: np.random.Generator, futures: int = FUTURES) -> Further:
    """Labels needed until a share `accuracy` of the items is answered right.

    Args:
        at: where the crowd stands.
        accuracy: share of items, in (0, 1).
        who: (J,) how often each annotator is asked, sums to 1.
        rng: of the futures.
        futures: how many are simulated.
    """
    runs = [until(at, accuracy, who, _imagined(at, rng), rng) for _ in range(futures)]
    there = [asked for asked, reached in runs if reached]
    labels = np.array([asked.sum() if reached else np.inf for asked, reached in runs])
    return Further(labels, np.mean(there, axis=0) if there else np.zeros(len(at.posterior)))


def until(
    at: Standing, accuracy: float, who: Floats, world: tuple[Floats, Ints, Ints], rng: np.random.Generator
) -> tuple[Ints, bool]:
    """Ask about the least sure items until enough are right: labels of each item (I,), and whether that came about.

    Args:
        at: where the crowd stands.
        accuracy: share of items, in (0, 1).
        who: (J,) how often each annotator is asked, sums to 1.
        world: (J,) reliability, (I,) the answer a large crowd gives, (I,) the right answer.
        rng: of who is asked and what they say.
    """
    n = len(at.posterior)
    batch = max(n // ROUNDS, 1)
    labels, posterior, asked = at.given, at.posterior, np.zeros(n, dtype=np.int64)
    while (posterior.argmax(axis=1) == world[2]).mean() < accuracy:
        if asked.sum() >= MOST * n:
            return asked, False
        least = np.argsort(posterior.max(axis=1), kind="stable")[:batch]
        asked[least] += 1
        labels = _asked(at, labels, least, who, world, rng)
        posterior = _refitted(at, labels, posterior)
    return asked, True


def of_at_least(at: Standing, reliability: float) -> Floats:
    """(J,) share of labels by each annotator believed at least so reliable; 0 where nobody is."""
    share = at.share * (at.reliability.mean(axis=0) >= reliability)
    return np.asarray(share / (share.sum() or 1.0))


def better_half(at: Standing) -> float:
    """Reliability from which up half of the labels are given."""
    mean = at.reliability.mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    reached = at.share[order].cumsum() >= 0.5
    return float(mean[order[reached.argmax()]])


def ceiling(at: Standing) -> float:
    """Share of items this crowd answers right with any number of labels, as gold answers tell; 1 without gold."""
    return float(1 - at.doubt @ DOUBTS)


def _doubt(posterior: Floats, annotations: Annotations) -> Floats:
    """How probable each of DOUBTS is given the gold answers; all on 0 where there are none."""
    items = annotations.items
    known = (items.gold >= 0) & (items.n_choices > 1)
    if not known.any():
        return np.asarray(DOUBTS == 0, dtype=np.float64)
    right = posterior[known, items.gold[known]]
    wrong = (1 - right) / (items.n_choices[known] - 1)
    odds = np.log((1 - DOUBTS[:, None]) * right + DOUBTS[:, None] * wrong + TINY).sum(axis=1)
    return np.asarray(softmax(odds))


def _imagined(at: Standing, rng: np.random.Generator) -> tuple[Floats, Ints, Ints]:
    """A world as it may be: (J,) reliability, (I,) the answer a large crowd gives, (I,) the right answer."""
    reliability = at.reliability[rng.integers(len(at.reliability))]
    said = truths(softmax(at.log_p + at.given.evidence(Coin(reliability)), axis=1), rng)
    fooled = rng.random(len(said)) < rng.choice(DOUBTS, p=at.doubt)
    return reliability, said, np.where(fooled, _other(said, at.choices, rng), said)


def _other(code: Ints, choices: Ints, rng: np.random.Generator) -> Ints:
    """Any other choice alike; the same where there is no other."""
    return np.asarray((code + 1 + np.floor(rng.random(len(code)) * (choices - 1)).astype(np.int64)) % choices)


def _asked(
    at: Standing, labels: Given, item: Ints, who: Floats, world: tuple[Floats, Ints, Ints], rng: np.random.Generator
) -> Given:
    """The labels and one more of each of `item`, by annotators who are right as often as they are reliable."""
    reliability, said, _ = world
    item = item[at.choices[item] > 1]
    annotator = rng.choice(len(who), size=len(item), p=who)
    right = rng.random(len(item)) < reliability[annotator]
    label = np.where(right, said[item], _other(said[item], at.choices[item], rng))
    return replace(
        labels,
        item=np.concatenate([labels.item, item]),
        annotator=np.concatenate([labels.annotator, annotator]),
        label=np.concatenate([labels.label, label]),
        n_choices=np.concatenate([labels.n_choices, at.choices[item]]),
    )


def _refitted(at: Standing, labels: Given, posterior: Floats) -> Floats:
    """(I, K) posterior after a few steps of EM with further labels."""
    annotators = coin(labels, *at.prior)
    for _ in range(REFITS):
        annotators = annotators.refit(labels, posterior)
        posterior = softmax(at.log_p + labels.evidence(annotators), axis=1)
    return posterior
