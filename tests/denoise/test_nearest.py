"""Oracle: every cosine by itself in exact fractions or float64, sorted; and axioms of order, scale and exclusion."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from crowdtune import InputError
from crowdtune.denoise import nearest as module
from crowdtune.denoise.nearest import nearest


def brute(queries: Any, base: Any, k: int, own: Any = None, allowed: Any = None) -> Any:
    """Places, one query and one row at a time."""
    found = np.full((len(queries), k), -1)
    for q, query in enumerate(queries.astype(float)):
        ranked = []
        for b, row in enumerate(base.astype(float)):
            norm = np.linalg.norm(query) * np.linalg.norm(row)
            cosine = round(float(query @ row / norm), 10) if norm else 0.0
            if (own is None or own[q] != b) and (allowed is None or allowed[b]):
                ranked.append((-cosine, b))
        ranked = sorted(ranked)[:k]
        found[q, : len(ranked)] = [b for _, b in ranked]
    return found


@pytest.mark.parametrize("k", [1, 3, 40])
@pytest.mark.parametrize(("rows", "width"), [(1, 3), (2, 1), (63, 4), (150, 2), (130, 8)])
def test_as_brute_force_with_ties_and_exclusions(k: int, rows: int, width: int) -> None:
    rng = np.random.default_rng(rows * 10 + k)
    base = rng.integers(-2, 3, size=(rows, width))  # few different rows, many ties, rows of zeros
    queries = np.concatenate([base[: min(rows, 20)], rng.integers(-2, 3, size=(15, width))])
    own = np.concatenate([np.arange(min(rows, 20)), np.full(15, -1)])
    allowed = rng.random(rows) < 0.7
    for asked in ({}, {"own": own}, {"allowed": allowed}, {"own": own, "allowed": allowed}):
        assert (nearest(queries, base, k, **asked)[0] == brute(queries, base, k, **asked)).all()


@pytest.mark.parametrize("block", [1, 1_000, module.BLOCK])
def test_large_tables_in_blocks_of_any_size(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    base, queries = rng.normal(size=(1_000, 24)), rng.normal(size=(12, 24))
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "PAIRS", 7)
    index, cosine = nearest(queries, base, 4)
    assert (index == brute(queries, base, 4)).all()
    unit, theirs = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, base))
    np.testing.assert_allclose(cosine, (unit[:, None] * theirs[index]).sum(axis=2), atol=1e-9)
    assert (np.diff(cosine, axis=1) <= 0).all()


def test_near_ties_that_single_precision_cannot_tell_apart() -> None:
    """The cosines differ by 1e-9: in float32 all are 1."""
    angle = 1e-4 + 1e-5 * np.array([5, 3, 1, 4, 2])
    base = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert nearest(np.array([[1.0, 0.0]]), base, 5)[0].tolist() == [[2, 4, 1, 3, 0]]


def test_length_does_not_count_nor_the_smallest_or_largest_number() -> None:
    rng = np.random.default_rng(0)
    base, queries = rng.normal(size=(100, 6)), rng.normal(size=(9, 6))
    index, cosine = nearest(queries, base, 5)
    scaled, same = nearest(queries * 1e-200, base * rng.choice([1e-300, 1.0, 1e300], size=(100, 1)), 5)
    assert (scaled == index).all()
    np.testing.assert_allclose(same, cosine, atol=1e-9)


def test_a_text_that_a_base_repeats_ten_thousand_times() -> None:
    base = np.ones((10_000, 16))
    base[7_000:] = np.eye(16)[0]
    index, cosine = nearest(np.ones((50, 16)), base, 3, own=np.arange(50))
    assert index[0].tolist() == [1, 2, 3]
    assert index[2].tolist() == [0, 1, 3]
    assert index[49].tolist() == [0, 1, 2]
    np.testing.assert_allclose(cosine, 1.0)


def test_fewer_than_k() -> None:
    base = np.eye(3)
    index, cosine = nearest(base, base, 3, own=np.arange(3), allowed=np.array([True, True, False]))
    assert index.tolist() == [[1, -1, -1], [0, -1, -1], [0, 1, -1]]
    assert np.isnan(cosine[:, 2]).all()
    for nobody in (np.zeros((0, 3)), np.eye(3)):
        index, cosine = nearest(nobody, base, 2, allowed=np.zeros(3, dtype=bool))
        assert index.shape == cosine.shape == (len(nobody), 2)
        assert (index == -1).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": 0}, "k=0 must be at least 1"),
        ({"base": np.ones((4, 3))}, "queries are 2 wide and base 3"),
        ({"base": np.ones(4)}, "a table of embeddings"),
        ({"queries": np.array([[0.0, 1.0], [np.nan, 0.0]])}, "row 1 of queries"),
        ({"base": np.array([[np.inf, 0.0]])}, "row 0 of base"),
        ({"own": np.array([0])}, "own must name"),
        ({"own": np.array([0, 9])}, "own must name"),
        ({"allowed": np.ones(2, dtype=bool)}, "allowed must say"),
        ({"allowed": np.array([0, 1, 2, 3])}, "allowed must say"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], words: str) -> None:
    asked = {"queries": np.ones((2, 2)), "base": np.ones((4, 2)), "k": 1} | changes
    with pytest.raises(InputError, match=words):
        nearest(**asked)


def test_a_base_too_large_needs_an_index_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"3 clean items are too many.*pip install 'crowdtune\[index\]'"):
        nearest(np.eye(3), np.eye(3), 1, exact=2)


@pytest.mark.parity
def test_the_index_finds_nearly_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5,000 points in 40 clumps, each clump much narrower than their distance: the cells searched hold them."""
    pytest.importorskip("faiss", reason="pip install -e .[parity]")
    monkeypatch.setattr(module, "CELLS", 64)
    monkeypatch.setattr(module, "SEARCHED", 8)
    rng = np.random.default_rng(1)
    base = rng.normal(size=(40, 32))[rng.integers(40, size=5_000)] + 0.1 * rng.normal(size=(5_000, 32))
    own = np.arange(300)
    exact = nearest(base[:300], base, 3, own=own)[0]
    found, cosine = nearest(base[:300], base, 3, own=own, exact=100)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(exact.tolist(), found.tolist(), strict=True)]) > 0.95 * 3
    assert not (found == own[:, None]).any()
    assert (np.diff(cosine, axis=1) <= 0).all()
    assert (nearest(base[:300], base, 3, own=own, exact=100)[0] == found).all()
