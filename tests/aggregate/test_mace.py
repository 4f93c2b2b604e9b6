"""Oracles: variational Bayes in loops, the axiom that its bound never falls, a planted crowd with a derived bar."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.special import digamma

from crowdtune import Annotations, InputError
from crowdtune.aggregate.mace import Mace
from tests.crowds import crowd, from_table, lopsided, with_choices

NO_STOP = -math.inf


def brute_force(annotations: Annotations, k: int, steps: int) -> list[list[float]]:
    """Posterior of Beta(1/2, 1/2) and Dirichlet(10) from the vote shares, knowing and guessing alike at first."""
    n, j = len(annotations.items), len(annotations.annotators)
    rows = list(zip(annotations.item.tolist(), annotations.annotator.tolist(), annotations.label.tolist(), strict=True))
    given = [[(a, label) for i2, a, label in rows if i2 == i] for i in range(n)]
    q = [[sum(label == t for _, label in g) / len(g) for t in range(k)] for g in given]
    knows, guesses = [[0.5] * j for _ in range(2)]
    habit = [[1 / k] * k for _ in range(j)]
    for _ in range(steps):
        knew, count = [0.0] * j, [0] * j
        said = [[0.0] * k for _ in range(j)]
        for i, a, label in rows:
            share = q[i][label] * knows[a] / (knows[a] + guesses[a] * habit[a][label])
            knew[a] += share
            count[a] += 1
            said[a][label] += 1 - share
        for a in range(j):
            knows[a] = math.exp(digamma(0.5 + knew[a]) - digamma(1 + count[a]))
            guesses[a] = math.exp(digamma(0.5 + count[a] - knew[a]) - digamma(1 + count[a]))
            habit[a] = [math.exp(digamma(10 + s) - digamma(10 * k + sum(said[a]))) for s in said[a]]
        for i in range(n):
            q[i] = [
                math.prod(knows[a] * (label == t) + guesses[a] * habit[a][label] for a, label in given[i])
                for t in range(k)
            ]
            q[i] = [p / sum(q[i]) for p in q[i]]
    return q


@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_against_brute_force(missing: float) -> None:
    """At the limit: of two starts the better is kept, so single steps need not be those from the vote."""
    annotations = lopsided(40, np.random.default_rng(8), missing)
    annotations = annotations.take_items(np.flatnonzero(annotations.labels_per_item > 0))
    found = Mace(max_steps=1000, tolerance=1e-14).fit(annotations).posterior
    np.testing.assert_allclose(found, brute_force(annotations, 3, 200), atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_never_falls(seed: int) -> None:
    annotations = lopsided(50, np.random.default_rng(seed), missing=0.6)
    values = np.array(Mace(max_steps=60, tolerance=NO_STOP).fit(annotations).log_posteriors["t0"])
    assert len(values) == 60
    assert np.diff(values).min() >= -1e-9 * np.abs(values).max()
    assert values[-1] > values[0]


def test_who_always_says_the_same_is_not_believed() -> None:
    """Six say 0 whatever is asked, four are right on 90 % of 600 items: as right as the best rule for those four.

    That rule's accuracy is enumerated over the 81 answers of the four; the bar is 5 s.d. of the mean below it.
    """
    best = 0.0
    for answers in itertools.product(range(3), repeat=4):
        likely = [math.prod(0.9 if a == t else 0.05 for a in answers) / 3 for t in range(3)]
        best += max(likely)
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=600)
    wrong = (truth[:, None] + rng.integers(1, 3, size=(600, 4))) % 3
    honest = np.where(rng.random((600, 4)) < 0.9, truth[:, None], wrong)
    table = np.concatenate([honest, np.zeros((600, 6), dtype=np.int64)], axis=1)
    annotations = from_table(table.tolist(), truth.tolist(), 3)
    right = Mace().fit(annotations).posterior.argmax(axis=1) == truth
    assert right.mean() > best - 5 * math.sqrt(best * (1 - best) / 600)
    assert (annotations.votes.argmax(axis=1) == truth).mean() < 0.5


def test_different_choices_inside_a_task_are_refused() -> None:
    annotations = crowd(with_choices([("a", "b"), ("c", "d")], [-1, -1]), [(0, 0, 0), (1, 0, 1)])
    with pytest.raises(InputError, match=r"^mace needs the same choices on all items of a task.* Use one-coin"):
        Mace().fit(annotations)
