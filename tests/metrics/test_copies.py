"""Oracle: planted copies, and annotators who are alike for other reasons."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.annotations import Floats, Ints
from crowdtune.metrics.confusion import confusions, crowd_confusion
from crowdtune.metrics.copies import copied
from tests.crowds import from_table


def columns(reliability: list[float], rng: np.random.Generator, k: int = 3) -> tuple[Ints, Ints]:
    """(I,) truth and (I, J) labels of independent annotators on 200 items."""
    truth = rng.integers(k, size=200)
    wrong = (truth[:, None] + rng.integers(1, k, size=(200, len(reliability)))) % k
    return truth, np.where(rng.random((200, len(reliability))) < reliability, truth[:, None], wrong)


def found(table: Ints, truth: Ints, k: int = 3) -> list[int]:
    posterior: Floats = np.eye(k)[truth]
    return copied(from_table(table.tolist(), k=k), posterior, np.random.default_rng(0)).tolist()


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("faithful", [1.0, 0.95])
def test_a_copy_names_its_source(k: int, faithful: float) -> None:
    rng = np.random.default_rng(k)
    truth, table = columns([0.8, 0.7, 0.75, 0.9, 0.7], rng, k)
    own = rng.random(200) > faithful
    table[:, 4] = np.where(own, rng.integers(k, size=200), table[:, 1])
    assert found(table, truth, k) == [-1, 4, -1, -1, 1]


def test_who_copies_is_not_believed() -> None:
    """A posterior that takes the pair at its word everywhere leaves them no mistake; the others know of them."""
    _, table = columns([0.8, 0.7, 0.75, 0.9, 0.7], np.random.default_rng(1), 2)
    table[:, 4] = table[:, 1]
    assert found(table, table[:, 1], 2) == [-1, 4, -1, -1, 1]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(
    "reliability", [[0.95] * 6, [0.6] * 6, [0.05, 0.05, 0.8, 0.8, 0.8, 0.8], [0.02] * 2 + [0.9] * 4]
)
def test_neither_the_good_nor_liars_are_copies(reliability: list[float], k: int) -> None:
    """40 crowds of 15 pairs: liars of two choices say the same because they are nearly always wrong."""
    for seed in range(20):
        truth, table = columns(reliability, np.random.default_rng(seed), k)
        assert found(table, truth, k) == [-1] * 6


def test_two_who_always_say_the_same_thing_are_no_copies() -> None:
    truth, table = columns([0.8] * 5, np.random.default_rng(0))
    table[:, :2] = 1
    assert found(table, truth) == [-1] * 5


def test_hard_items_mislead_everybody() -> None:
    """On a quarter of the items all but one annotator give the same wrong answer."""
    truth, table = columns([0.9] * 6, np.random.default_rng(0))
    table[:50, :5] = (truth[:50, None] + 1) % 3
    assert found(table, truth) == [-1] * 6


def test_confusions_by_hand() -> None:
    """Truth 0, 0, 1: a0 says 0, 1, 1, a1 says 0, 0, 1. Crowd: row 0 is (3/4, 1/4), row 1 (0, 1); two pseudo-labels."""
    made, posterior = from_table([[0, 0], [1, 0], [1, 1]]), np.array([[1.0, 0], [1, 0], [0, 1]])
    np.testing.assert_allclose(crowd_confusion(made, posterior), [[0.75, 0.25], [0, 1]], atol=1e-8)
    both = confusions(made, posterior, np.array([1, 0]))
    np.testing.assert_allclose(both[1], [[(1 + 1.5) / 4, (1 + 0.5) / 4], [0, 1]], atol=1e-8)
    np.testing.assert_allclose(both[0], [[(2 + 1.5) / 4, 0.5 / 4], [0, 1]], atol=1e-8)


def test_a_truth_nobody_believes_in_is_answered_as_the_crowd_does() -> None:
    made = from_table([[0, 1], [0, 0]])
    np.testing.assert_allclose(crowd_confusion(made, np.array([[1.0, 0], [1, 0]]))[1], [0.75, 0.25])
