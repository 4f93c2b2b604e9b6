r"""The panel: models that read the items, and people who labelled them, believe in one truth for each.

.. math:: q_i(k) \propto c_i(k)^\gamma \prod_{n \in i} P(l_n \mid k, a_n)

c is a linear classifier on the items' features that begins as the pool of the experts, the mean of what they say, each
without its lean to one answer, and moves by how likely the given labels are (`learned`), across folds, so that no
item's own labels speak through it; the last factor the given labels under one coin for each annotator. Coins are found
with the classifier's lean and sharpness alone: with all its weights it would find its own labels right.

Experts are models that read the same text: what one gets wrong the others get wrong too. Counted as annotators they
confirm each other, and a classifier that learns to foretell them confirms them once more: whoever was right in 53 or
67 % of the items ends at 97 to 99 %. So they are pooled, and only whoever labelled by themselves is an annotator. An
expert's reliability is the mean posterior of what it answers.

Without a classifier, and with one label an item, sure experts and poor labels look like unsure experts and good labels:
the experts are then taken at their word. Fitted, their sharpness would side with them even where no label is wrong.

Whether annotators lie is asked of the experts first (`metrics.guard`). Where these cannot tell, nobody is taken for a
liar, that is for less reliable than a guess: else a few items on which a weak expert and the labels happen to differ
turn all labels round.

References:
    Luo et al., RobustFT, 2024, https://arxiv.org/abs/2412.14922, whose checker counts experts who agree;
    Raykar et al., Learning from crowds, 2010, for a classifier and annotators learned together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import log_softmax, logsumexp

from crowdtune.annotations import MASKED, Annotations, Bools, Floats, Items
from crowdtune.denoise.classifier import FOLDS
from crowdtune.denoise.learned import STRENGTHS, cross_learn
from crowdtune.em.coin import EDGE, Coin
from crowdtune.em.given import given
from crowdtune.em.prior import above_chance, solve_coin
from crowdtune.metrics.guard import Verdict, verdict

ROUNDS = 4  # of lean and annotators in turn
SURE = 1.0  # standard errors by which a classifier must foretell labels better
CENTRING = 20  # steps of taking off the lean to one answer
FEW = 5  # items for each choice, from which on a mean is a lean
LEAST = 1e-4  # probability of a choice that an expert leaves it


@dataclass(frozen=True, eq=False)
class Panel:
    """What is believed in the end.

    Args:
        posterior: (I, K) P(truth = k), rows sum to 1; even where nothing is known.
        pool: (I, K) log-probabilities of the experts together, without their lean; even without experts.
        classifier: (I, K) log-probabilities of a classifier that did not see the item's labels; None without one.
        annotators: reliability of each.
        sharpness: exponent of the models' answers; 1 = as sure as they should be, or where nothing tells.
        verdict: whether the experts can tell liars among the annotators; where not, nobody is taken for one.
        rounds: of the classifier.
    """

    posterior: Floats
    pool: Floats
    classifier: Floats | None
    annotators: Coin
    sharpness: float
    verdict: Verdict
    rounds: int = 0


def deliberate(
    annotations: Annotations, opinions: Sequence[Floats] = (), features: Floats | None = None, *, seed: int = 0
) -> Panel:
    """Fit what everybody says together.

    Args:
        annotations: N given labels, by one annotator or many.
        opinions: of each expert (I, K) probabilities; a row of zeros where it gave none.
        features: (I, D) of the items, for a classifier; None, or where choices differ between items, for none.
        seed: of the folds.
    """
    labels, pool = given(annotations), pooled(annotations.items, opinions)
    said = verdict(annotations, pool, per_task=False, seed=seed)
    liars = said.by in ("model", "gold")
    lowest = 0.0 if liars else above_chance(labels)
    least = EDGE if liars or not len(labels) else float((1 / labels.n_choices).mean())
    fit = partial(solve_coin, given=labels, lowest=lowest, least=least)
    learns = annotations.items.common_choices and len(np.unique(labels.item)) >= FOLDS
    if features is None or not learns:
        joined = (annotations.labels_per_item > 1).any()
        first = fit(pool, sharpness=None if joined else 1.0)
        return Panel(first.posterior, pool, None, first.annotators, first.sharpness, said)
    coins = fit(pool).annotators
    for _ in range(ROUNDS):  # the lean first: an answer may be commoner than the experts' mean says
        leaning = cross_learn(features, pool, coins.evidence(labels), seed=seed, ridges=STRENGTHS[:1])
        coins = fit(leaning.log_p, sharpness=1.0).annotators
    learned = cross_learn(features, pool, coins.evidence(labels), seed=seed)
    if _foretells(learned.log_p, leaning.log_p, coins.evidence(labels)):
        found = fit(learned.log_p)
    else:  # fitted to labels it cannot tell from guesses it would be taken for the truth, however right they are
        learned, found = leaning, fit(leaning.log_p, sharpness=1.0)
    return Panel(found.posterior, pool, learned.log_p, found.annotators, found.sharpness, said, ROUNDS + 1)


def _foretells(log_p: Floats, other: Floats, evidence: Floats) -> bool:
    """Whether one (I, K) foretells labels held out better than the other, by more than their noise."""
    gains = logsumexp(log_p + evidence, axis=1) - logsumexp(other + evidence, axis=1)
    return bool(gains.mean() > SURE * gains.std(ddof=1) / np.sqrt(len(gains)))


def pooled(items: Items, opinions: Sequence[Floats]) -> Floats:
    """(I, K) log of the mean of what the experts say, each without its lean; even where none says anything."""
    total = np.zeros((len(items), items.max_choices))
    for shares, spoken in zip(opinions, _spoken(opinions, len(items)), strict=True):
        total[spoken] += np.exp(centred(items, shares, spoken))[spoken]
    silent = total.sum(axis=1) == 0
    total[silent] = items.choice_mask[silent]
    return _log(items, total)


def centred(items: Items, shares: Floats, spoken: Bools) -> Floats:
    """(I, K) log-probabilities without what an expert says on average, whatever the item.

    A small model leans to one answer, or to one place in a list. Items with the same choices are centred together, and
    where items have choices of their own those with as many choices: an answer's place then says nothing of its truth.
    Of answers written freely it says who gave them first, so they stay as they are; and so do answers without
    probabilities: to make them even would halve whatever the commonest answer is said of. Of few items a mean is no
    lean.
    """
    log_p = _log(items, np.where(spoken[:, None], shares, items.choice_mask))
    kind = np.where(items.shared_choices[items.task], items.choice_set, -items.n_choices)
    listed = spoken & (np.array(items.kinds)[items.task] != "text") & (shares.max(axis=1, initial=0.0) < 1)
    for one in np.unique(kind[listed]).tolist():
        rows = np.flatnonzero(listed & (kind == one))
        if len(rows) < FEW * items.n_choices[rows[0]]:
            continue
        for _ in range(CENTRING):
            mean = logsumexp(log_p[rows], axis=0) - np.log(len(rows))
            log_p[rows] = log_softmax(log_p[rows] - np.where(items.choice_mask[rows], mean, 0.0), axis=1)
    return log_p


def _spoken(opinions: Sequence[Floats], n_items: int) -> Bools:
    """(E, I) whether an expert said anything of an item."""
    return np.array([shares.sum(axis=1) > 0 for shares in opinions], dtype=bool).reshape(len(opinions), n_items)


def _log(items: Items, shares: Floats) -> Floats:
    """(I, K) log-probabilities, nothing impossible but what an item does not have."""
    kept = np.where(items.choice_mask, np.maximum(shares, LEAST * shares.sum(axis=1, keepdims=True)), 0.0)
    total = kept.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(np.log(kept / np.where(total > 0, total, 1.0)), MASKED))
