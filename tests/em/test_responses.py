"""Free responses. Oracles: enumeration of who knew, planted crowds, what must not change anything."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import betaln, logsumexp
from scipy.stats import spearmanr

from crowdtune.annotations import Floats
from crowdtune.em.alike import MIXED, Alike, _own, _rise, alike
from crowdtune.em.responses import Responses, solve_responses
from crowdtune.em.tilt import Tilt, normaliser, tilt
from tests.written import Written, log_ratios, written

BETA = (2.0, 1.0)
SPREAD = np.linspace(0.05, 0.95, 20)


def solved(w: Written, *, model: bool = True, similar: bool = True) -> Responses:
    """All that is known of a planted crowd, or only what a model says, or only what is alike."""
    rng = np.random.default_rng(1)
    pairs = alike(w.item, w.annotator, w.embeddings, None, rng) if similar else None
    count = int(w.annotator.max()) + 1
    return solve_responses(w.annotator, count, log_ratio=w.log_ratio if model else None, pairs=pairs)


def share(w: Written) -> Floats:
    """(J,) share of the planted responses that were known."""
    return np.asarray(np.bincount(w.annotator, w.knew) / np.bincount(w.annotator))


def enumerated(w: Written, found: Responses) -> tuple[Floats, Floats, float]:
    """(N,) exact P(knew), (J,) exact mean expertise, and the log of the total, of all 2^N states."""
    states = np.array(list(product([0, 1], repeat=len(w.item))), dtype=float)
    score = np.zeros(len(states))
    if found.log_ratios is not None:
        score += states @ found.log_ratios.nats
    if found.pairs is not None:
        p = found.pairs
        one, other = states[:, p.first], states[:, p.second]
        score += (one * other) @ (p.weight * p.nats[p.place]) + ((one != other) & p.same) @ (p.weight * np.log(MIXED))
    right = np.stack([states[:, w.annotator == a].sum(axis=1) for a in range(w.annotator.max() + 1)], axis=1)
    count = np.bincount(w.annotator)
    score += (betaln(BETA[0] + right, BETA[1] + count - right) - betaln(*BETA)).sum(axis=1)
    weight = np.exp(score - logsumexp(score))
    return weight @ states, weight @ ((BETA[0] + right) / (sum(BETA) + count)), float(logsumexp(score))


def test_one_annotators_responses_and_expertise_are_exact() -> None:
    """Enumeration; the grid of expertise is all that is approximate, 192 points of it."""
    w = written(np.array([0.9, 0.4, 0.1]), 4, 3, np.random.default_rng(0))
    found = solve_responses(w.annotator, 3, log_ratio=w.log_ratio, prior=BETA)
    knew, expertise, _ = enumerated(w, found)
    np.testing.assert_allclose(found.knew, knew, atol=1e-3)
    np.testing.assert_allclose(found.expertise, expertise, atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_pairs_come_near_enumeration_and_the_bound_stays_below(seed: int) -> None:
    """Twelve of 120 responses are enumerated, under the evidence fitted on all; between annotators the mean counts."""
    rng = np.random.default_rng(seed)
    w = written(np.array([0.9, 0.9, 0.4]), 40, 3, rng)
    big = alike(w.item, w.annotator, w.embeddings, None, rng)
    few = np.flatnonzero(w.item < 4)
    inside = (big.first < len(few)) & (big.second < len(few))
    pairs = Alike(*(x[inside] for x in (big.first, big.second, big.place, big.same, big.weight)), big.apart, big.both)
    part = Written(w.annotator[few], w.item[few], w.knew[few], w.log_ratio[few], w.embeddings[few])
    found = solve_responses(part.annotator, 3, log_ratio=part.log_ratio, pairs=pairs, prior=BETA)
    knew, expertise, total = enumerated(part, found)
    assert np.abs(found.knew - knew).mean() < 0.05
    assert np.abs(found.expertise - expertise).max() < 0.05
    assert found.log_ratios is not None
    assert found.pairs is not None
    nobody = np.zeros(len(few))
    assert found.bounds[-1] <= total + found.log_ratios.score(nobody) + found.pairs.score(nobody) + 0.01


@pytest.mark.parametrize(("model", "similar"), [(True, False), (False, True), (True, True)])
def test_planted_expertise_is_found(model: bool, similar: bool) -> None:
    """20 annotators of 100 responses each: their share is known to 0.05 at most where all who knew are told apart."""
    w = written(SPREAD, 400, 5, np.random.default_rng(0))
    found = solved(w, model=model, similar=similar)
    assert np.abs(found.expertise - share(w)).max() < 0.1
    assert spearmanr(found.expertise, share(w)).statistic > 0.95
    assert np.diff(found.bounds).min() >= 0
    assert ((found.knew > 0.5) == w.knew).mean() > 0.93


@pytest.mark.parametrize(("model", "similar"), [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("honest", [True, False])
def test_a_crowd_of_one_kind_is_not_divided(honest: bool, model: bool, similar: bool) -> None:
    w = written(np.full(20, float(honest)), 400, 5, np.random.default_rng(2))
    found = solved(w, model=model, similar=similar)
    if honest:
        assert found.expertise.mean() >= 0.9
        assert found.expertise.min() > 0.85
    else:
        assert found.expertise.mean() <= 0.1
    assert np.diff(found.bounds).min() >= 0


@pytest.mark.parametrize("similar", [False, True])
def test_two_of_three_write_off_the_prompt(similar: bool) -> None:
    """(a): only a model can tell, since whoever knew is alone with it."""
    w = written(np.array([0.95, 0.05, 0.05]), 100, 3, np.random.default_rng(3))
    found = solved(w, similar=similar)
    assert np.abs(found.expertise - share(w)).max() < 0.1


def test_one_response_per_item_is_enough_for_a_model() -> None:
    """(d): 100 responses each, nobody meets anybody."""
    w = written(SPREAD, 2000, 1, np.random.default_rng(4))
    found = solved(w)
    assert np.abs(found.expertise - share(w)).max() < 0.1
    assert len(found.pairs.first) == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_a_model_that_knows_nothing_leaves_it_to_likeness(noise: float) -> None:
    """(e)"""
    rng = np.random.default_rng(5)
    w = written(SPREAD, 400, 5, rng)
    pairs = alike(w.item, w.annotator, w.embeddings, None, rng)
    found = solve_responses(w.annotator, 20, log_ratio=noise * rng.normal(size=len(w.item)), pairs=pairs)
    assert np.abs(found.expertise - share(w)).max() < 0.1


@pytest.mark.parametrize("expertise", [0.0, 0.9, 1.0])
def test_unrelated_responses_show_what_means_nothing(expertise: float) -> None:
    """Without them a crowd that is off on a tenth, everybody alike, passes for honest: nothing tells the zero."""
    rng = np.random.default_rng(6)
    w = written(np.full(20, expertise), 400, 5, rng)
    unrelated = log_ratios(w.item, np.zeros(len(w.item), dtype=bool), rng)
    found = solve_responses(w.annotator, 20, log_ratio=w.log_ratio, unrelated=unrelated)
    assert abs(found.expertise.mean() - w.knew.mean()) < 0.07


def test_without_evidence_the_interval_says_so() -> None:
    found = solve_responses(np.repeat([0, 1], 50), 3)
    np.testing.assert_allclose(found.expertise, 0.5, atol=1e-6)
    assert (found.low < 0.05).all()
    assert (found.high > 0.95).all()


@pytest.mark.parametrize("prior", [(8.0, 2.0), (1.0, 9.0)])
def test_who_wrote_nothing_is_where_the_prior_is(prior: tuple[float, float]) -> None:
    found = solve_responses(np.zeros(3, dtype=np.int64), 2, log_ratio=np.full(3, 9.0), prior=prior)
    assert found.expertise[1] == pytest.approx(prior[0] / sum(prior), abs=1e-3)
    assert found.expertise[0] > found.expertise[1]


def test_intervals_hold_what_was_planted() -> None:
    """200 annotators of 50 responses that are plainly told apart: 95 % are expected, deviation 1.5 %; bar five away."""
    rng = np.random.default_rng(7)
    truth = rng.beta(2, 1, size=200)
    who = np.repeat(np.arange(200), 50)
    knew = rng.random(len(who)) < truth[who]
    found = solve_responses(who, 200, log_ratio=np.where(knew, 30.0, -30.0) + rng.normal(size=len(who)))
    assert ((found.low <= truth) & (truth <= found.high)).mean() > 0.87


def test_names_and_order_do_not_matter() -> None:
    """Fewer responses than the panel and at most 33 an item: nothing is drawn."""
    rng = np.random.default_rng(8)
    w = written(np.array([0.95, 0.9, 0.8, 0.3, 0.1]), 50, 4, rng)
    once = solved(w)
    order, people, things = rng.permutation(len(w.item)), rng.permutation(5), rng.permutation(50)
    item, who = things[w.item][order], people[w.annotator][order]
    pairs = alike(item, who, 3 * w.embeddings[order], None, np.random.default_rng(9))
    turned = solve_responses(who, 5, log_ratio=w.log_ratio[order], pairs=pairs)
    np.testing.assert_allclose(turned.knew, once.knew[order], atol=1e-6)
    np.testing.assert_allclose(turned.expertise[people], once.expertise, atol=1e-6)


def test_who_answers_all_items_alike_is_not_believed() -> None:
    """Four spammers write the same everywhere: identical answers to an item, and to any other."""
    rng = np.random.default_rng(10)
    w = written(np.repeat([1.0, 0.0], 4), 200, 5, rng)
    spam = w.annotator >= 4
    w.embeddings[spam] = w.embeddings[0]
    text = np.where(spam, 0, 1 + np.arange(len(spam)))
    found = solve_responses(w.annotator, 8, pairs=alike(w.item, w.annotator, w.embeddings, text, rng))
    assert found.expertise[:4].min() > 0.9
    assert found.expertise[4:].max() < 0.1


def test_the_same_text_is_known_by_both_or_neither() -> None:
    """Who never knows copies a good one's text once: that response is an answer."""
    rng = np.random.default_rng(11)
    w = written(np.array([0.95, 0.95, 0.95, 0.1]), 150, 4, rng)
    text = np.arange(len(w.item))
    bad = np.flatnonzero((w.annotator == 3) & ~w.knew)[0]
    good = np.flatnonzero((w.item == w.item[bad]) & (w.annotator != 3) & w.knew)[0]
    before = solve_responses(w.annotator, 4, pairs=alike(w.item, w.annotator, w.embeddings, text, rng)).knew
    w.embeddings[bad], text[bad] = w.embeddings[good], text[good]
    after = solve_responses(w.annotator, 4, pairs=alike(w.item, w.annotator, w.embeddings, text, rng)).knew
    assert before[bad] < 0.1
    assert after[bad] > 0.8
    assert after[good] > 0.9


def test_pairs_are_linear_in_responses() -> None:
    rng = np.random.default_rng(12)
    item = np.concatenate([np.zeros(2000, dtype=np.int64), 1 + np.repeat(np.arange(50), 5)])
    pairs = alike(item, np.arange(len(item)), rng.normal(size=(len(item), 8)), None, rng)
    assert len(pairs.first) == 16 * 2000 + 50 * 10
    assert (item[pairs.first] == item[pairs.second]).all()
    both = np.sort(np.stack([pairs.first, pairs.second]), axis=0)
    assert len(np.unique(both, axis=1).T) == len(pairs.first)


def test_the_histogram_of_knowers_is_the_most_probable_that_rises() -> None:
    """scipy's optimiser over all histograms under the same rule, from a rising start, finds none better."""
    rng = np.random.default_rng(13)
    w = written(np.full(6, 0.7), 40, 4, rng)
    knew = w.knew.astype(float)
    pairs = alike(w.item, w.annotator, w.embeddings, None, rng)
    fitted = pairs.refit(knew)
    base = pairs.apart * _rise()

    def of(steps: Floats) -> Alike:
        both = base * np.cumsum(np.exp(np.clip(steps, -30, 30)))
        return replace(pairs, both=both / both.sum())

    best = minimize(lambda steps: -of(steps).score(knew), np.linspace(-2, 0, len(base)), options={"maxiter": 60})
    assert (np.diff(np.log(fitted.both / base)) >= -1e-9).all()
    assert fitted.both.sum() == pytest.approx(1)
    assert fitted.score(knew) >= -best.fun - 1e-6
    assert fitted.score(knew) <= -best.fun + 2  # the optimiser comes near, so that the test means something


def test_similarities_are_measured_against_those_with_other_items() -> None:
    """A loop over all other items' responses; the variance is shrunk by 20 pseudo-similarities of the crowd's."""
    rng = np.random.default_rng(15)
    item = np.repeat(np.arange(4), 2)
    unit = rng.normal(size=(8, 5))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    own = [np.arctanh(unit[item != item[n]] @ unit[n]) for n in range(8)]
    mean, deviation = _own(unit, item, np.arange(8))
    crowd = np.mean([f.var() for f in own])
    np.testing.assert_allclose(mean, [f.mean() for f in own])
    np.testing.assert_allclose(deviation**2, [(6 * f.var() + 20 * crowd) / 26 for f in own], rtol=1e-4)


def test_a_text_shared_is_known_by_both_or_neither() -> None:
    """Two people, the first surely right: what the second wrote is right if it is the same text. Enumeration."""
    one, two = np.zeros(1, dtype=np.int64), np.arange(2)
    flat = np.full(len(_rise()), 1 / len(_rise()))
    log_ratio = np.array([99.0, 0.0])
    knew = []
    for same in (False, True):
        pairs = Alike(one, one + 1, one + 8, np.array([same]), np.ones(1), flat, flat)
        found = solve_responses(two, 2, log_ratio=log_ratio, pairs=pairs, prior=BETA)
        exact, _, _ = enumerated(Written(two, np.zeros(2, np.int64), two > 0, log_ratio, np.eye(2)), found)
        assert found.knew[1] == pytest.approx(exact[1], abs=0.03)
        knew.append(found.knew[1])
    assert knew[1] > knew[0] + 0.2


def test_a_crowd_of_two_kinds_is_learned_as_such() -> None:
    """Eight responses each, all known or none: the crowd's prior has two peaks, so nobody is drawn to its middle."""
    who = np.repeat(np.arange(40), 8)
    rng = np.random.default_rng(16)
    found = solve_responses(who, 40, log_ratio=np.where(who < 20, 20.0, -5.0) + rng.normal(size=len(who)))
    assert np.abs(found.expertise - (np.arange(40) < 20)).max() < 0.05


def test_normaliser_makes_both_kinds_distributions() -> None:
    """At the best pi, inside (0, 1), shares of the levels under either kind sum to 1."""
    rng = np.random.default_rng(14)
    ready = tilt(np.concatenate([rng.normal(-3, 2, 50), rng.normal(5, 3, 50)]))
    evidence = Tilt(ready.level, ready.count, np.arange(len(ready.level)), 0.5, 0.0).nats
    shares = np.linspace(0, 1, 20001)
    totals = (ready.count[:, None] * np.log1p(shares * np.expm1(evidence)[:, None])).sum(axis=0)
    assert normaliser(evidence, ready.count) == pytest.approx(totals.max(), abs=1e-4)
    off = ready.count / 100 / (1 + shares[totals.argmax()] * np.expm1(evidence))
    assert off.sum() == pytest.approx(1, abs=1e-3)
    assert (off * np.exp(evidence)).sum() == pytest.approx(1, abs=1e-3)


def test_responses_to_one_item_cannot_be_told_from_those_to_others() -> None:
    """Nothing shows how alike responses to different items are, whatever the item's number."""
    for number in (0, 5):
        found = alike(np.full(4, number), np.arange(4), np.eye(4), None, np.random.default_rng(0))
        assert not len(found.first)


def test_log_ratios_must_be_finite() -> None:
    with pytest.raises(ValueError, match="1 of 2 log-ratios are not finite; leave those out"):
        tilt(np.array([0.0, -np.inf]))


def test_nothing_and_little_can_be_solved() -> None:
    for n in range(3):
        rows = np.arange(n)
        pairs = alike(np.zeros(n, dtype=np.int64), rows, np.ones((n, 4)), None, np.random.default_rng(0))
        found = solve_responses(rows, n + 1, log_ratio=np.full(n, 3.0), pairs=pairs)
        assert found.knew.shape == (n,)
        assert len(pairs.first) == 0
        assert (found.low <= found.expertise).all()
