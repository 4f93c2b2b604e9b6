"""The floor. Oracles: enumeration of all counts, planted p, and labels held back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from crowdtune.metrics.disagreement import Asked
from crowdtune.metrics.distances import js_distance
from crowdtune.metrics.floor import fitted_prior, floor, halves, shares
from tests.crowds import make_items, with_choices

RNG = np.random.default_rng


def test_one_known_share_by_enumeration() -> None:
    """4,000 items of one p = 0.3, ten labels each: the expectation is a sum over 11 counts. The prior must find that
    all items are alike. The mean's s.d. over samples is 0.1 / sqrt(4000) = 0.0016; the bar is five of them."""
    n, p, items = 10, np.array([0.3, 0.7]), make_items([-1] * 4000)
    all_counts = np.arange(n + 1)
    tables = np.stack([all_counts, n - all_counts], axis=1) / n
    exact = float(binom.pmf(all_counts, n, p[0]) @ js_distance(tables, np.tile(p, (n + 1, 1))))
    said = RNG(0).binomial(n, p[0], 4000)
    found = floor(np.stack([said, n - said], axis=1), items, RNG(1), draws=20)
    assert found["all"]["measures"]["js_distance"]["value"] == pytest.approx(exact, abs=0.008)


@pytest.mark.parametrize("labels", [3, 20])
def test_what_the_truth_itself_scores(labels: int) -> None:
    """p* drawn from a lopsided Dirichlet: the floor is what p* scores, on all items and in every tercile, though its
    terciles are of shares. The s.d. of a mean of 100 items or more is below 0.12 / sqrt(100); the bar is four of
    them scaled by the size."""
    rng = RNG(labels)
    truth = rng.dirichlet([0.9, 0.5, 0.2], 1200)
    counts = np.array([rng.multinomial(labels, row) for row in truth])
    items = make_items([-1] * 1200, ["a", "b", "c"])
    asked, least = Asked.of(shares(counts), counts, items), floor(counts, items, rng, draws=25)
    for name, rows in asked.groups().items():
        if len(rows) < 100:
            continue
        perfect = asked.take(rows).measured(truth).under(np.ones((1, len(rows))))
        for key in ("js_distance", "total_variation", "brier", "accuracy"):
            bar = 4 * (0.5 if key == "accuracy" else 0.12) / np.sqrt(len(rows))
            assert least[name]["measures"][key]["value"] == pytest.approx(perfect[key][0], abs=bar), (name, key)


def test_labels_held_back_are_as_far_as_foretold() -> None:
    """Ten of a hundred labels: the floor of the ten is nearly their distance from the other ninety, which are off p*,
    too: by the variance of ninety, so the distance is sqrt(1 + 10 / 90) times the floor, within 5 %."""
    rng = RNG(3)
    truth = rng.dirichlet([0.9, 0.5, 0.4], 1200)
    hundred = np.array([rng.multinomial(100, row) for row in truth])
    ten = np.stack([rng.multivariate_hypergeometric(row, 10) for row in hundred])
    apart = js_distance(shares(ten), shares(hundred - ten)).mean()
    foretold = floor(ten, make_items([-1] * 1200, ["a", "b", "c"]), rng, draws=40)["all"]["measures"]["js_distance"]
    assert apart == pytest.approx(foretold["value"] * np.sqrt(1 + 10 / 90), rel=0.05)


def test_the_prior_finds_the_concentration() -> None:
    """Maximum likelihood of 3,000 items: the relative s.d. of s is about 3 %."""
    rng = RNG(0)
    truth = rng.dirichlet([2.0, 1.0, 1.0], 3000)
    counts = np.array([rng.multinomial(8, row) for row in truth])
    assert fitted_prior(counts, make_items([-1] * 3000, ["a", "b", "c"]))[0] == pytest.approx([2, 1, 1], rel=0.15)


def test_people_who_all_agree_leave_no_floor() -> None:
    counts = np.tile([10, 0], (300, 1))
    assert floor(counts, make_items([-1] * 300), RNG(0), draws=20)["all"]["measures"]["js_distance"]["value"] < 0.02


def test_items_of_different_choices_and_none_at_all() -> None:
    items = with_choices([("a", "b", "c"), ("d", "e")] * 15, [-1] * 30)
    counts = np.where(items.choice_mask, 3, 0)
    prior = fitted_prior(counts, items)
    assert (prior > 0).tolist() == items.choice_mask.tolist()
    assert floor(counts, items, RNG(0), draws=5)["all"]["items"] == 30
    assert floor(counts[:0], items.take(np.zeros(0, np.int64)), RNG(0), draws=5)["all"]["measures"] == {}


def test_halves_are_as_far_as_two_samples() -> None:
    """One p, two halves of five labels: enumeration of both counts. The s.d. of the mean is 0.2 / sqrt(3000)."""
    n, p = 5, 0.3
    own = binom.pmf(np.arange(n + 1), n, p)
    table = np.stack([np.arange(n + 1), n - np.arange(n + 1)], axis=1) / n
    exact = sum(own[a] * own[b] * js_distance(table[[a]], table[[b]])[0] for a in range(n + 1) for b in range(n + 1))
    said = RNG(0).binomial(2 * n, p, 3000)
    found = halves(np.stack([said, 2 * n - said], axis=1), make_items([-1] * 3000), RNG(1), draws=5)
    assert found["all"]["measures"]["js_distance"]["value"] == pytest.approx(exact, abs=0.015)
