"""Oracles: the game of nearest neighbours solved by all coalitions of labels, by every order of ties."""

from __future__ import annotations

from itertools import permutations as orders_of

import numpy as np
import pytest

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.credit import exact, knn_shapley, nearest
from crowdtune.errors import InputError
from tests.credit import games


def by_brute_force(right: Bools, distance: Floats, neighbours: int) -> Floats:
    """(N,) Shapley values of labels for one test point, the mean over all orders of the equally near."""

    def values(order: Ints) -> Floats:
        def worth(member: Bools) -> Floats:
            ranked = member[:, order]
            taken = ranked & (ranked.cumsum(axis=1) <= neighbours)
            return (taken * right[order]).sum(axis=1) / neighbours

        return exact(games.of(len(right), worth)).values

    found = {tuple(o) for o in orders_of(range(len(right))) if (np.diff(distance[list(o)]) >= 0).all()}
    return np.mean([values(np.array(order)) for order in found], axis=0)


@pytest.mark.parametrize("neighbours", [1, 2, 3, 9])
@pytest.mark.parametrize("seed", range(2))
def test_all_coalitions_of_labels(neighbours: int, seed: int) -> None:
    """Seven labels on four items, three annotators, three test points."""
    draw = np.random.default_rng(seed)
    item, who = np.array([0, 0, 1, 2, 2, 2, 3]), np.array([0, 1, 1, 0, 1, 2, 2])
    points, tests = draw.normal(size=(4, 2)), draw.normal(size=(3, 2))
    labels, gold = draw.integers(2, size=7), draw.integers(2, size=3)
    expected = np.zeros((3, 3))
    for t in range(3):
        distance = ((points[item] - tests[t]) ** 2).sum(axis=1)
        expected[t] = np.bincount(who, by_brute_force(labels == gold[t], distance, neighbours), minlength=3)
    found = knn_shapley(points[item], labels, who, tests, gold, neighbours=neighbours)
    assert found.values == pytest.approx(expected.mean(axis=0))
    assert found.error == pytest.approx(expected.std(axis=0, ddof=1) / np.sqrt(3))
    assert (found.players, found.coalitions) == (("0", "1", "2"), 0)


def crowd(size: int) -> tuple[Floats, Ints, Ints, Floats, Ints]:
    draw = np.random.default_rng(0)
    item = draw.integers(size // 3, size=size)
    points, truth = draw.normal(size=(size // 3, 4)), draw.integers(3, size=size // 3)
    who = draw.integers(6, size=size)
    return points[item], np.where(who < 5, truth[item], draw.integers(3, size=size)), who, points[:40], truth[:40]


def test_the_order_of_rows_and_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tie is not broken by the order of rows; memory is bounded by parts."""
    embeddings, labels, who, tests, gold = crowd(300)
    whole = knn_shapley(embeddings, labels, who, tests, gold)
    order = np.random.default_rng(1).permutation(300)
    monkeypatch.setattr(nearest, "CELLS", 700)
    found = knn_shapley(embeddings[order], labels[order], who[order], tests, gold)
    assert found.values == pytest.approx(whole.values)
    assert found.error == pytest.approx(whole.error)


def test_who_guesses_is_last_and_the_sum_is_the_worth() -> None:
    """The values sum to the share of right labels among the nearest five, ties shared."""
    embeddings, labels, who, tests, gold = crowd(600)
    found = knn_shapley(embeddings, labels, who, tests, gold, players=tuple("abcdef"))
    assert found.values.argmin() == 5
    worth = []
    for point, right in zip(tests, gold, strict=True):
        distance = ((embeddings - point) ** 2).sum(axis=1)
        edge = np.sort(distance)[4]
        inside, at = distance < edge - 1e-9, np.abs(distance - edge) < 1e-9
        worth.append(((labels == right)[inside].sum() + (5 - inside.sum()) * (labels == right)[at].mean()) / 5)
    assert found.values.sum() == pytest.approx(np.mean(worth))


def test_answers_as_texts_and_nothing() -> None:
    one = np.zeros((1, 2))
    found = knn_shapley(one, np.array(["yes"]), np.array([0]), one, np.array(["yes"]))
    assert found.values == pytest.approx([1 / 5])
    assert np.isnan(found.error).all()
    with pytest.raises(InputError, match="1 labels, 1 test labels, neighbours=0: each must be 1 or more"):
        knn_shapley(one, np.array([0]), np.array([0]), one, np.array([0]), neighbours=0)
