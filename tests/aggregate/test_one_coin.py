"""Oracle: reliabilities planted in thin crowds, and Dawid-Skene and the vote on the same labels."""

from __future__ import annotations

import numpy as np

from crowdtune import Annotations
from crowdtune.aggregate import aggregator
from crowdtune.metrics.accuracy import accuracy
from crowdtune.simulate import simulate
from tests.crowds import crowd, make_items, with_choices


def thin_crowd(seed: int) -> Annotations:
    """600 items, three labels each by 90 annotators, who are right on 95 % of the items or on 55 %."""
    rng = np.random.default_rng(seed)
    return simulate(make_items(rng.integers(2, size=600)), rng.choice([0.95, 0.55], size=90), overlap="3", rng=rng)


def test_thin_crowds_are_read_better_than_by_votes_or_matrices() -> None:
    """Mean of eight crowds of 20 labels per annotator."""
    right: dict[str, list[float]] = {}
    for seed in range(8):
        annotations = thin_crowd(seed)
        for name in ("one-coin", "dawid-skene", "majority"):
            posterior = aggregator(name).fit(annotations).posterior
            right.setdefault(name, []).append(accuracy(posterior, annotations.items.gold))
    mean = {name: float(np.mean(values)) for name, values in right.items()}
    assert mean["one-coin"] > mean["dawid-skene"]
    assert mean["one-coin"] > mean["majority"] + 0.03


def test_items_may_have_choices_of_their_own() -> None:
    """Two annotators who agree on every item outvote one who never does."""
    sets = [("a", "b"), ("x", "y", "z"), ("p", "q", "r", "s")]
    annotations = crowd(
        with_choices(sets, [-1] * 3),
        [(i, j, i if j < 2 else (i + 1) % len(sets[i])) for i in range(3) for j in range(3)],
    )
    posterior = aggregator("one-coin").fit(annotations).posterior
    assert posterior.argmax(axis=1).tolist() == [0, 1, 2]
    assert posterior[0, 2:].tolist() == [0, 0]


def test_log_posterior_never_falls() -> None:
    values = aggregator("one-coin").fit(thin_crowd(0)).log_posteriors["t0"]
    assert np.diff(values).min(initial=0) > -1e-9


def test_intervals_hold_the_planted_reliabilities() -> None:
    """90 annotators of about 20 labels: 95 % intervals miss 4.5 on average, more than 12 with probability 1e-3."""
    annotations = thin_crowd(0)
    planted = np.random.default_rng(0)
    planted.integers(2, size=600)
    truth = planted.choice([0.95, 0.55], size=90)
    found = aggregator("one-coin").fit(annotations).intervals
    low, high = np.array(found["reliability_low"]), np.array(found["reliability_high"])
    assert ((truth < low) | (truth > high)).sum() <= 12
    assert (high - low).mean() < 0.5
