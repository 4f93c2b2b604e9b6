"""Oracles: three answers by hand, planted spreads on synthetic vectors, and the plain medoid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune import Annotations, InputError, Items
from crowdtune.aggregate import answers, medoid
from crowdtune.aggregate._medoid import _variances
from crowdtune.annotations import Floats
from tests.crowds import crowd


def writers(
    n: int, spread: Floats, per_item: int, rng: np.random.Generator, width: int = 32
) -> tuple[Annotations, Floats, Floats]:
    """Items with `per_item` answers, each a point around the item's truth; embeddings, and the truths."""
    truth = rng.normal(size=(n, width)) / np.sqrt(width)
    who = rng.random((n, len(spread))).argsort(axis=1)[:, :per_item]
    noise = rng.normal(size=(n, per_item, width)) / np.sqrt(width)
    spam = (spread > 5)[who][..., None]
    given = np.where(spam, 0, truth[:, None]) + np.where(spam, 1, spread[who][..., None]) * noise
    none, ids = np.zeros(n, dtype=np.int64), [f"i{i}" for i in range(n)]
    sets = [tuple(f"i{i} says {a}" for a in range(per_item)) for i in range(n)]
    items = Items(ids, ids, sets, np.arange(n), ["t0"], none, none - 1, [""] * n, ("text",))
    triples = [(i, int(j), a) for i in range(n) for a, j in enumerate(who[i])]
    return crowd(items, triples, len(spread)), given.reshape(-1, width), truth


def cosine(found: Floats, truth: Floats) -> float:
    length = np.linalg.norm(found, axis=1) * np.linalg.norm(truth, axis=1)
    return float(((found * truth).sum(axis=1) / length).mean())


def test_three_answers_by_hand() -> None:
    """Angles of 0, 10 and 90 degrees, all annotators alike: the mean lies at 27 degrees, so the second is nearest."""
    none = np.zeros(1, dtype=np.int64)
    items = Items(["i"], ["i"], [("a", "b", "c")], none, ["t"], none, none - 1, [""], ("text",))
    angle = np.radians([0, 10, 90])
    table = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = medoid(crowd(items, [(0, 0, 0), (0, 1, 1), (0, 2, 2)]), table)
    assert found.posterior[0].argsort().tolist() == [2, 0, 1]
    assert found.posterior.sum() == pytest.approx(1)
    closeness = found.columns["closeness"]
    assert closeness[2] < 0.3 < 0.7 < min(closeness[:2])


def test_who_writes_anything_is_not_listened_to() -> None:
    """Half of the crowd writes at random; chosen is what the others wrote, nearer to the truth than plain medoids."""
    rng = np.random.default_rng(0)
    spread = np.array([0.3, 0.5, 0.8, 0.5, 0.8, 9, 9, 9, 9, 9])
    annotations, table, truth = writers(300, spread, 4, rng)
    found = medoid(annotations, table)
    best = found.posterior.argmax(axis=1)
    chosen = annotations.annotator.reshape(300, 4)[np.arange(300), best]
    heard = (annotations.annotator.reshape(300, 4) < 5).sum(axis=1) >= 1
    assert (spread[chosen] < 5)[heard].mean() > 0.93
    unit = (table / np.linalg.norm(table, axis=1, keepdims=True)).reshape(300, 4, -1)
    plain = ((unit - unit.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).argmin(axis=1)
    ours, theirs = (cosine(unit[np.arange(300), pick], truth) for pick in (best, plain))
    assert ours > theirs + 0.05
    closeness = np.array(found.columns["closeness"])
    assert closeness[:5].min() > closeness[5:].max()


def test_planted_variances_are_found() -> None:
    """2,000 items of three answers by six: 1,000 labels each in 32 dimensions, so a variance is off by 1 %; bar 6 %.

    Left in its own mean, or with the mean's own variance, it would be off by a third.
    """
    spread = np.array([0.4, 0.5, 0.6, 0.8, 1.0, 1.2])
    annotations, table, _ = writers(2000, spread, 3, np.random.default_rng(2))
    found, usual = _variances(annotations, table)
    np.testing.assert_allclose(found, spread**2, rtol=0.06)
    assert usual == pytest.approx(float((spread**2).mean()), rel=0.06)


def test_length_of_embeddings_and_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    annotations, table, _ = writers(40, np.array([0.3, 0.6, 0.9, 9.0, 0.5]), 3, rng)
    once = medoid(annotations, table).posterior
    longer = table * rng.uniform(0.5, 2, size=(len(table), 1))
    np.testing.assert_allclose(medoid(annotations, longer).posterior, once, atol=1e-9)
    order = rng.permutation(len(annotations))
    np.testing.assert_allclose(medoid(annotations.take_labels(order), table).posterior, once, atol=1e-9)


def test_an_item_with_one_answer_has_it_and_one_without_is_open() -> None:
    none = np.zeros(3, dtype=np.int64)
    items = Items(list("xyz"), list("xyz"), [("a", "b"), ("c",)], np.array([0, 1, 0]), ["t"], none, none - 1, [""] * 3)
    found = medoid(crowd(items, [(0, 0, 0), (1, 0, 0)]), np.eye(3))
    np.testing.assert_allclose(found.posterior[1:], [[1, 0], [0.5, 0.5]])
    assert found.posterior[0].argmax() == 0
    assert found.columns["closeness"] == [None]


def test_answers_are_listed_once_in_order() -> None:
    none = np.zeros(2, dtype=np.int64)
    items = Items(["x", "y"], ["x", "y"], [("b", "a"), ("a", "c")], np.arange(2), ["t"], none, none - 1, [""] * 2)
    assert answers(items) == ["b", "a", "c"]
    with pytest.raises(InputError, match=r"shape \(2, 5\) for 3 distinct answers; give \(3, D\)"):
        medoid(crowd(items, [(0, 0, 0)]), np.zeros((2, 5)))


def test_the_same_answer_of_two_is_two_voices() -> None:
    """An answer given twice outweighs one given once, halfway between being impossible."""
    none = np.zeros(1, dtype=np.int64)
    items = Items(["i"], ["i"], [("a", "b")], none, ["t"], none, none - 1, [""], ("text",))
    found = medoid(crowd(items, [(0, 0, 0), (0, 1, 1), (0, 2, 1)]), np.eye(2)).posterior
    assert found[0, 1] > found[0, 0]
    turned = replace(items, choice_sets=[("b", "a")])
    same = medoid(crowd(turned, [(0, 0, 1), (0, 1, 0), (0, 2, 0)]), np.eye(2)).posterior
    np.testing.assert_allclose(same[0, ::-1], found[0])
