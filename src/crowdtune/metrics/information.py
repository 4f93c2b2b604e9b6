r"""What labels tell of the truths, in nats: what each annotator's labels brought, and what a further one would.

With q the truth of an item and S some of its labels, which are independent given it,

.. math:: v_q(S) = \log \frac{P(q | S)}{P(q)} = \sum_{n \in S} \log P(l_n | q) - \log Z(S), \qquad
          Z(S) = \sum_t P(t) \prod_{n \in S} P(l_n | t)

is what S tells of it, and its mean is their mutual information with the truth. A label's share of v(all) is its Shapley
value: what it adds to the labels before it, averaged over all orders in which they may come. The first term is the
label's own and only log Z is shared, so an item needs one Shapley value for each label, whatever the truth.
Which truth it is, is drawn from what all labels say, and is the gold answer where there is one: of several annotators
who say the same each gets his share, and a label against the truth is worth less than nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from scipy.special import logsumexp, softmax, xlogy

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.em.coin import EDGE, Coin, coin
from crowdtune.em.gibbs import truths
from crowdtune.em.given import Given
from crowdtune.metrics.crowd import THIN, WIDE
from crowdtune.metrics.more import Standing

EXACT = 8  # labels of an item up to which all orders count; above, orders are drawn
ORDERS = 32  # drawn, each with its reverse
DRAWS = 200  # of truths
CELLS = 4_000_000  # numbers held at once
GRID = np.linspace(EDGE, 1 - EDGE, 401)  # reliabilities at which further labels are weighed


@dataclass(frozen=True, eq=False)
class Realised:
    """What labels brought.

    Args:
        values: (J,) what each annotator's labels brought, in nats; they sum to what all labels brought.
        last: (J,) what they add to all others' labels, as if they came last.
        draws: (R, J) what `values` may be: the truths are in doubt, and other items of the kind would give others.
        trust: (J,) reliability by which labels were weighed.
        reliability: (R, J) draws of it, from gold answers too; annotators who are alike in a draw share its number.
    """

    values: Floats
    last: Floats
    draws: Floats
    trust: Floats
    reliability: Floats


def realised(
    at: Standing, rng: np.random.Generator, gold: Ints | None = None, *, draws: int = DRAWS, exact: int = EXACT
) -> Realised:
    """What the labels at hand brought, annotators taken for as reliable as they are believed to be.

    Draws weigh items by a Bayesian bootstrap, so that they have a spread where every truth is known.

    Args:
        at: where the crowd stands.
        rng: of truths, weights and orders.
        gold: (I,) trusted answers, -1 where there is none.
        draws: R.
        exact: labels of an item up to which all orders count.
    """
    seen, known = at.given, np.full(len(at.log_p), -1) if gold is None else gold
    believed = np.where((known >= 0)[:, None], np.eye(seen.width)[known], at.posterior)
    judged = coin(seen, *at.prior).refit(seen, believed)
    told = judged.log_likelihood(seen)
    shared, alone = shared_evidence(at.log_p, seen, told, rng, exact), last_evidence(at.log_p, seen, told)
    mean = (believed[seen.item] * told).sum(axis=1)
    found, trust = np.empty((draws, seen.n_annotators)), np.empty((draws, seen.n_annotators))
    for r in range(draws):
        truth = _truth(at, known, rng)[seen.item]
        weight = rng.standard_exponential(len(known))
        own = told[np.arange(len(seen)), truth] - shared
        found[r] = seen.per_annotator(own * (weight / weight.mean())[seen.item])
        right = seen.per_annotator((seen.label == truth).astype(float))
        trust[r] = _betas(right + at.prior[0] - 1, seen.labels_per_annotator - right + at.prior[1] - 1, rng)
    brought = [seen.per_annotator(mean - evidence) for evidence in (shared, alone)]
    return Realised(brought[0], brought[1], found, judged.reliability, trust)


def _truth(at: Standing, known: Ints, rng: np.random.Generator) -> Ints:
    """(I,) truths as they may be: `known` ones, others drawn under drawn reliabilities."""
    annotators = Coin(at.reliability[rng.integers(len(at.reliability))])
    drawn = truths(softmax(at.log_p + at.given.evidence(annotators), axis=1), rng)
    return np.where(known >= 0, known, drawn)


def _betas(alpha: Floats, beta: Floats, rng: np.random.Generator) -> Floats:
    """(J,) draws, the same number for the same alpha and beta: else of equal annotators one is thin, another is not."""
    pairs, place = np.unique(alpha + 1j * beta, return_inverse=True)
    return rng.beta(pairs.real, pairs.imag)[place]


def shared_evidence(log_p: Floats, given: Given, told: Floats, rng: np.random.Generator, exact: int = EXACT) -> Floats:
    """(N,) Shapley value of each label in the game log Z of its item's labels.

    Args:
        log_p: (I, K) log-probabilities of the truths before any label, up to a constant.
        given: N labels.
        told: (N, K) nats of each label under each truth.
        rng: of orders, where an item has more than `exact` labels.
        exact: labels up to which all orders count.
    """
    found, start = np.zeros(len(given)), log_p - logsumexp(log_p, axis=1, keepdims=True)
    order = np.argsort(given.item, kind="stable")
    count = np.bincount(given.item, minlength=given.n_items)
    first = np.cumsum(count) - count
    for n in np.unique(count[count > 0]).tolist():
        items = np.flatnonzero(count == n)
        step = max(1, CELLS // (given.width * (2**n if n <= exact else n)))
        for begin in range(0, len(items), step):
            part = items[begin : begin + step]
            rows = order[first[part][:, None] + np.arange(n)]  # (I, n)
            share = _all_orders if n <= exact else _some_orders
            found[rows] = share(start[part], told[rows], rng)
    return found


def last_evidence(log_p: Floats, given: Given, told: Floats) -> Floats:
    """(N,) what each label adds to log Z of all others of its item; arguments as of `shared_evidence`."""
    whole = (log_p + given.per_item(told))[given.item]
    return np.asarray(logsumexp(whole, axis=1) - logsumexp(whole - told, axis=1))


def _all_orders(start: Floats, told: Floats, rng: np.random.Generator) -> Floats:
    """(I, n) Shapley values of n labels from all their subsets."""
    n = told.shape[1]
    inside = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1  # (2^n, n)
    nats = np.tensordot(inside.astype(float), told, axes=(1, 1)).transpose(1, 0, 2) + start[:, None]
    return np.asarray(logsumexp(nats, axis=2) @ _weights(inside))


def _weights(inside: Bools) -> Floats:
    """(2^n, n) by which the worths of subsets are summed to Shapley values."""
    n, size = inside.shape[1], inside.sum(axis=1)
    chance = np.array([factorial(s) * factorial(n - 1 - s) / factorial(n) for s in range(n)])  # of s before one
    joined, left = chance[np.maximum(size - 1, 0)], chance[np.minimum(size, n - 1)]
    return np.asarray(np.where(inside, joined[:, None], -left[:, None]))


def _some_orders(start: Floats, told: Floats, rng: np.random.Generator) -> Floats:
    """(I, n) Shapley values of n labels from drawn orders and their reverses; they sum to what exact ones sum to."""
    total = np.zeros(told.shape[:2])
    for _ in range(ORDERS):
        order = rng.random(total.shape).argsort(axis=1)
        for own in (order, order[:, ::-1]):
            before = start[:, None] + np.take_along_axis(told, own[:, :, None], axis=1).cumsum(axis=1)
            worth = np.concatenate([np.zeros((len(start), 1)), logsumexp(before, axis=2)], axis=1)
            total += np.take_along_axis(np.diff(worth, axis=1), own.argsort(axis=1), axis=1)
    return total / (2 * ORDERS)


def expected(posterior: Floats, choices: Ints, reliability: Floats) -> Floats:
    r"""(I,) information that a further label is expected to bring: its entropy, less what it has where truth is known.

    .. math:: I(q; l) = H(l) - h(s) - (1 - s) \log(K - 1), \qquad
              P(l) = s P(q = l) + (1 - s) \frac{1 - P(q = l)}{K - 1}

    A reliability of 1 / K brings nothing, and of two choices 0.1 brings what 0.9 does. Where the reliability is itself
    in doubt its mean is the chance that the next label is right, so that the formula holds of it.

    Args:
        posterior: (I, K) P(truth = k) as it is now; 0 for choices an item does not have.
        choices: (I,) K of each item; of one choice nothing is to be learned.
        reliability: (I,) of who is asked, in [0, 1].

    Example:
        >>> expected(np.array([[0.5, 0.5]]), np.array([2]), np.array([0.9])).round(4)
        array([0.3681])
    """
    others = np.maximum(choices - 1, 1)[:, None]
    s = np.asarray(reliability)[:, None]
    said = np.where(posterior > 0, s * posterior + (1 - s) * (1 - posterior) / others, 0.0)
    noise = -xlogy(s, s) - xlogy(1 - s, (1 - s) / others)
    found = -xlogy(said, said).sum(axis=1) - noise[:, 0]
    return np.asarray(np.where(choices > 1, np.maximum(found, 0.0), 0.0))


def further(posterior: Floats, choices: Ints, reliability: Floats) -> Floats:
    """Information a further label brings on an item drawn from all, of the shape of `reliability`, in nats.

    Args:
        posterior: (I, K) as for `expected`.
        choices: (I,) K of each item.
        reliability: of any shape; weighed on a grid, so that the cost is not items times annotators.
    """
    curve = [expected(posterior, choices, np.full(len(posterior), s)).mean() for s in GRID]
    return np.asarray(np.interp(reliability, GRID, curve))


def evidence(at: Standing, gold: Ints | None = None) -> Ints:
    """(J,) labels of each annotator that something else speaks of: another's label of the item, or a gold answer."""
    count = np.bincount(at.given.item, minlength=at.given.n_items)
    met = count > 1 if gold is None else (count > 1) | (gold >= 0)
    return np.bincount(at.given.annotator[met[at.given.item]], minlength=at.given.n_annotators).astype(np.int64)


def thin(reliability: Floats, met: Ints) -> Bools:
    """(J,) True for annotators with too little evidence to rank: fewer than 5 labels met, or hardly known reliability.

    How wide an interval is, is drawn and noisy: it is averaged over those with as much evidence who are as reliable to
    a tenth, so that annotators with the same figures are both ranked or neither.

    Args:
        reliability: (R, J) draws.
        met: (J,) as `evidence` counts.
    """
    low, high = np.quantile(reliability, [0.025, 0.975], axis=0)
    alike = np.unique(met + 1j * reliability.mean(axis=0).round(1), return_inverse=True)[1]
    width = np.bincount(alike, weights=high - low) / np.bincount(alike)
    return np.asarray((met < THIN) | (width[alike] > WIDE))
