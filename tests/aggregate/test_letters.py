"""Oracle: counts of letter sequences without hashing, and cosines as weighted means."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from crowdtune.aggregate import spelt
from crowdtune.aggregate._letters import LENGTHS, WEIGHT, spelling

TEXTS = [
    *("The cat sat on the mat.", "the cat sits on a mat", "Stock prices fell sharply", "", "the  CAT sat on the mat."),
    *("no no no no no no no no, said she", "no, said she and went"),
]


def plain(one: str, other: str) -> float:
    """Cosine of the roots of counts; hashing to 1,024 places adds noise of about 1 / 32."""
    a, b = (
        Counter(t[k : k + n] for n in LENGTHS for k in range(len(t) - n + 1))
        for t in (f" {' '.join(text.lower().split())} " for text in (one, other))
    )
    return sum(np.sqrt(a[s] * b[s]) for s in a) / np.sqrt(a.total() * b.total())


def test_spelling_is_the_cosine_of_counts() -> None:
    table = spelling(TEXTS)
    for a, b in ((0, 1), (0, 2), (1, 2), (0, 0), (5, 6)):
        assert table[a] @ table[b] == pytest.approx(plain(TEXTS[a], TEXTS[b]), abs=4 / 32)
    assert not table[3].any()
    np.testing.assert_allclose(table[0], table[4])


def test_cosines_are_weighted_means() -> None:
    vectors = np.random.default_rng(0).normal(size=(len(TEXTS), 4))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mixed, letters = spelt(TEXTS, vectors), spelling(TEXTS)
    np.testing.assert_allclose(mixed @ mixed.T, (1 - WEIGHT) * unit @ unit.T + WEIGHT * letters @ letters.T, atol=1e-12)
    np.testing.assert_allclose(spelt(TEXTS, vectors, 0.0)[:, :4], unit)
