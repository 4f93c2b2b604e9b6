"""Oracle: a brute-force EM in loops, the axiom that EM never falls, and a planted lopsided crowd.

Dawid and Skene's own table of 45 patients is not used: its first observer answers three times, and an annotator here
answers an item once.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.zipf_crowd import zipf_crowd

from crowdtune import Annotations, InputError
from crowdtune.aggregate.dawid_skene import DawidSkene
from crowdtune.annotations import Floats
from tests.crowds import LOPSIDED, crowd, from_table, lopsided, make_items, with_choices

STEPS = 12


def brute_force(annotations: Annotations, k: int, steps: int) -> tuple[list[list[float]], Floats, list[float]]:
    """Posterior, confusion [j, t, l] and log-likelihoods of EM without a prior, from the vote shares."""
    n, j = len(annotations.items), len(annotations.annotators)
    rows = list(zip(annotations.item.tolist(), annotations.annotator.tolist(), annotations.label.tolist(), strict=True))
    given = [[(a, label) for i2, a, label in rows if i2 == i] for i in range(n)]
    q = [[sum(label == t for _, label in g) / len(g) for t in range(k)] for g in given]
    logs = []
    for _ in range(steps):
        classes = [sum(q[i][t] for i in range(n)) / n for t in range(k)]
        confusion = np.zeros((j, k, k))
        for i, a, label in rows:
            for t in range(k):
                confusion[a, t, label] += q[i][t]
        for a in range(j):
            for t in range(k):
                total = confusion[a, t].sum()
                confusion[a, t] = confusion[a, t] / total if total else 1 / k
        log = 0.0
        for i in range(n):
            joint = [classes[t] * math.prod(confusion[a, t, label] for a, label in given[i]) for t in range(k)]
            q[i] = [p / sum(joint) for p in joint]
            log += math.log(sum(joint))
        logs.append(log)
    return q, confusion, logs


def exact(steps: int, prior: float = 0.0) -> DawidSkene:
    """As many steps as asked: no early stop."""
    return DawidSkene(prior=prior, max_steps=steps, tolerance=-1e9)


@pytest.mark.parametrize("missing", [0.0, 0.5])
@pytest.mark.parametrize("steps", [1, STEPS])
def test_against_brute_force(steps: int, missing: float) -> None:
    annotations = lopsided(40, np.random.default_rng(8), missing)
    annotations = annotations.take_items(np.flatnonzero(annotations.labels_per_item > 0))
    posterior, confusion, logs = brute_force(annotations, 3, steps)
    fit = exact(steps).fit(annotations)
    np.testing.assert_allclose(fit.posterior, posterior, atol=1e-9)
    np.testing.assert_allclose(fit.confusion["t0"], confusion, atol=1e-9)
    np.testing.assert_allclose(fit.log_posteriors["t0"], logs, rtol=1e-9)


@pytest.mark.parametrize("prior", [0.0, 0.5, 2.0, 20.0])
@pytest.mark.parametrize("seed", range(4))
def test_log_posterior_never_falls(seed: int, prior: float) -> None:
    annotations = lopsided(50, np.random.default_rng(seed), missing=0.6)
    values = np.array(exact(60, prior).fit(annotations).log_posteriors["t0"])
    assert len(values) == 60
    assert np.diff(values).min() >= -1e-9 * np.abs(values).max()
    assert values[-1] > values[0]


def test_prior_by_hand() -> None:
    """One item, one annotator who says 0 of 2 choices, prior 2, one step.

    Vote (1, 0). Confusion row 0: (2 + 1, 1) / 4, row 1: (1, 2) / 3; classes: (1 + 1, 1) / 3.
    Posterior: (2/3 * 3/4, 1/3 * 1/3) = (1/2, 1/9), so (9/11, 2/11).
    """
    fit = exact(1, prior=2.0).fit(from_table([[0]]))
    np.testing.assert_allclose(fit.confusion["t0"], [[[3 / 4, 1 / 4], [1 / 3, 2 / 3]]])
    np.testing.assert_allclose(fit.posterior, [[9 / 11, 2 / 11]])
    log_prior = 2 * math.log(3 / 4) + math.log(1 / 4) + math.log(1 / 3) + 2 * math.log(2 / 3)
    log_prior += math.log(2 / 3) + math.log(1 / 3)
    assert fit.log_posteriors["t0"] == pytest.approx([math.log(1 / 2 + 1 / 9) + log_prior])


def test_planted_confusion_is_found() -> None:
    """4000 items, 7 annotators: truths are all but known, so a cell's s.d. is at most sqrt(0.25 / n_t); bar 5 of them.

    With n_t about 1300 the bar is about 0.07; a transposed matrix is 0.2 to 0.5 off in the cells of truths 0 and 1.
    """
    annotations = lopsided(4000, np.random.default_rng(0))
    found = DawidSkene(prior=0).fit(annotations).confusion["t0"]
    fewest = np.bincount(annotations.items.gold).min()
    assert np.abs(found - LOPSIDED).max() < 5 * math.sqrt(0.25 / fewest)


def test_a_prior_keeps_a_thin_annotator_sober() -> None:
    """Someone who agreed once is not taken for perfect: with prior 2 the row is (2 + 1) / 4, with 0 it is 1."""
    table = [[0, 0, 0, 0 if i == 0 else -1] for i in range(30)] + [[1, 1, 1, -1] for _ in range(30)]
    annotations = from_table(table)
    rates = [DawidSkene(prior=prior).fit(annotations).confusion["t0"][3, 0, 0] for prior in (0.0, 2.0)]
    assert rates == pytest.approx([1.0, 0.75], abs=1e-3)


def test_stops_when_settled() -> None:
    annotations = lopsided(200, np.random.default_rng(0))
    values = DawidSkene().fit(annotations).log_posteriors["t0"]
    assert len(values) < 200
    assert values[-1] - values[-2] < 1e-6 * len(annotations) <= values[-2] - values[-3]


def test_different_choices_inside_a_task_are_refused() -> None:
    annotations = crowd(with_choices([("a", "b"), ("c", "d")], [-1, -1]), [(0, 0, 0), (1, 0, 1)])
    with pytest.raises(
        InputError,
        match=r"^dawid-skene needs the same choices on all items of a task, 't0' has different ones: a confusion "
        r"matrix would only model the position of answers\. Use majority, or crowdtune train\.$",
    ):
        DawidSkene().fit(annotations)


def test_tasks_with_different_numbers_of_choices() -> None:
    """A task of two choices beside one of three: the column it lacks stays 0 and its matrices are 2 x 2."""
    sets = {"choice_sets": [("a", "b"), ("x", "y", "z")], "choice_set": np.array([0, 0, 1, 1])}
    items = replace(make_items([-1] * 4, task=[0, 0, 1, 1]), **sets)
    fit = DawidSkene().fit(crowd(items, [(i, j, (i % 2) + (i > 1)) for i in range(4) for j in range(3)]))
    assert {task: c.shape for task, c in fit.confusion.items()} == {"t0": (3, 2, 2), "t1": (3, 3, 3)}
    assert fit.posterior.argmax(axis=1).tolist() == [0, 1, 1, 2]
    assert fit.posterior[:2, 2].tolist() == [0, 0]


def test_matrices_that_would_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven annotators of three choices need 63 numbers."""
    annotations = lopsided(20, np.random.default_rng(0))
    monkeypatch.setattr("crowdtune.aggregate.dawid_skene.MOST_CELLS", 63)
    DawidSkene().fit(annotations)
    monkeypatch.setattr("crowdtune.aggregate.dawid_skene.MOST_CELLS", 62)
    with pytest.raises(InputError, match=r"matrix of 3 x 3 for each of 7 annotators, .* Use one-coin or mace\.$"):
        DawidSkene().fit(annotations)


def test_a_hundred_thousand_labels_take_less_than_a_second() -> None:
    """A tenth of that on an idle machine."""
    annotations, _ = zipf_crowd(100_000, 2_000)
    start = time.perf_counter()
    DawidSkene().fit(annotations)
    assert time.perf_counter() - start < 1
