"""Oracle: the planted probabilities. Bars are 5 s.d. of the binomial share they bound; counts are exact."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crowdtune import Annotations, InputError
from crowdtune.metrics.crowd import annotator_accuracy
from crowdtune.simulate import NOISES, simulate
from tests.crowds import make_items, with_choices

N = 8000


def bar(p: float, n: int) -> float:
    return 5 * math.sqrt(p * (1 - p) / n) + 1e-12


def simulated(k: int, planted: list[float], noise: str, weight: float = 5.0, overlap: str = "shared") -> Annotations:
    gold = np.random.default_rng(1).integers(k, size=N).tolist()
    return simulate(
        make_items(gold, [f"c{c}" for c in range(k)]),
        np.array(planted),
        noise=noise,
        weight=weight,
        overlap=overlap,
        rng=np.random.default_rng(2),
    )


def wrong(annotations: Annotations, j: int) -> tuple[np.ndarray, np.ndarray]:
    """Truths and labels of annotator j where they differ."""
    truth = annotations.items.gold[annotations.item]
    rows = (annotations.annotator == j) & (truth != annotations.label)
    return truth[rows], annotations.label[rows]


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("noise", NOISES)
def test_everyone_is_right_as_often_as_asked(noise: str, k: int) -> None:
    planted = [0.9, 0.4, 0.1, 0.0, 1.0]
    found = annotator_accuracy(simulated(k, planted, noise))
    for asked, got in zip(planted, found, strict=True):
        assert abs(got - asked) <= bar(asked, N)


@pytest.mark.parametrize("k", [3, 5])
def test_uniform_errors_are_alike(k: int) -> None:
    truth, label = wrong(simulated(k, [0.2], "uniform"), 0)
    for offset in range(1, k):
        assert abs(((label - truth) % k == offset).mean() - 1 / (k - 1)) <= bar(1 / (k - 1), len(truth))


@pytest.mark.parametrize("weight", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_asymmetric_errors_favour_the_next_choice(k: int, weight: float) -> None:
    """w / (w + K - 2) by counting odds: w for the next choice, 1 for each of the K - 2 others."""
    truth, label = wrong(simulated(k, [0.3], "asymmetric", weight), 0)
    share = 1.0 if k == 2 else weight / (weight + k - 2)
    assert abs(((label - truth) % k == 1).mean() - share) <= bar(share, len(truth))


@pytest.mark.parametrize("k", [2, 3, 4])
def test_systematic_errors_are_one_offset_per_annotator(k: int) -> None:
    annotations = simulated(k, [0.2, 0.2, 0.2, 0.2], "systematic")
    for j in range(4):
        truth, label = wrong(annotations, j)
        assert set((label - truth) % k) == {1 + j % (k - 1)}


def test_reliability_per_task() -> None:
    planted = np.array([[0.9, 0.2], [0.1, 0.6]])
    items = make_items([0, 1] * (N // 2), task=[0] * (N // 2) + [1] * (N // 2))
    annotations = simulate(items, planted, rng=np.random.default_rng(0))
    right = items.gold[annotations.item] == annotations.label
    for j in range(2):
        for m in range(2):
            rows = (annotations.annotator == j) & (items.task[annotations.item] == m)
            assert abs(right[rows].mean() - planted[j, m]) <= bar(planted[j, m], int(rows.sum()))


def test_number_of_choices_may_differ_between_items() -> None:
    """Two choices for the first item, four for the second: every label is allowed and every wrong one occurs."""
    mixed = with_choices([("a", "b"), ("a", "b", "c", "d")], [1, 3])
    annotations = simulate(mixed, np.full(200, 0.2), rng=np.random.default_rng(0))
    given = [set(annotations.label[annotations.item == i]) for i in range(2)]
    assert given == [{0, 1}, {0, 1, 2, 3}]


@pytest.mark.parametrize(("overlap", "each"), [("shared", 5), ("exclusive", 1), ("3", 3)])
def test_overlap(overlap: str, each: int) -> None:
    annotations = simulated(3, [0.5] * 5, "uniform", overlap=overlap)
    assert set(annotations.labels_per_item) == {each}
    for count in annotations.labels_per_annotator:
        assert abs(count / N - each / 5) <= bar(each / 5, N)


def test_same_seed_same_bytes() -> None:
    one, two = (simulated(3, [0.7, 0.2], "asymmetric", overlap="1") for _ in range(2))
    for name in ("item", "annotator", "label"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    other = simulate(one.items, np.array([0.7, 0.2]), overlap="1", rng=np.random.default_rng(3))
    assert other.label.tobytes() != one.label.tobytes()


@pytest.mark.parametrize("overlap", ["0", "3", "-1", "all", "²", "1.5", ""])
def test_unknown_overlap(overlap: str) -> None:
    with pytest.raises(
        InputError,
        match=rf"^overlap '{overlap}' is unknown\. Allowed: shared, exclusive, or labels per item from 1 to 2\.$",
    ):
        simulated(2, [0.5, 0.5], "uniform", overlap=overlap)


def test_unknown_noise() -> None:
    with pytest.raises(InputError, match=r"^unknown noise 'unifrom'\. Did you mean 'uniform'\? Known: asymmetric, sy"):
        simulated(2, [0.5], "unifrom")


def test_items_without_gold() -> None:
    with pytest.raises(
        InputError, match=r"^item 'i1' has no gold answer; annotators can only be simulated where the truth is known\.$"
    ):
        simulate(make_items([0, -1]), np.array([0.5]), rng=np.random.default_rng(0))


def test_items_with_one_choice() -> None:
    with pytest.raises(InputError, match=r"^item 'i0' has one choice; annotators can only err between two at least\."):
        simulate(make_items([0], ["yes"]), np.array([0.5]), rng=np.random.default_rng(0))


def test_reliabilities_for_other_tasks() -> None:
    with pytest.raises(
        InputError, match=r"^the reliabilities are for 2 tasks, the items have 1 \(t0\)\. Give as many\.$"
    ):
        simulate(make_items([0]), np.full((3, 2), 0.5), rng=np.random.default_rng(0))
