"""How texts are spelt: counts of their letter sequences as vectors, beside embeddings, which see what they mean."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from crowdtune.annotations import Floats

LENGTHS = range(3, 7)  # of letter sequences; words are told apart by spaces
WIDTH = 1024  # places they are hashed to
WEIGHT = 0.2  # of spelling, beside meaning; from 0.3 on cosines to references fall (docs/log.md)
TINY = 1e-12


def spelling(texts: Sequence[str]) -> Floats:
    """(A, 1024) vectors of length 1: roots of the counts of letter sequences, hashed with signs; 0 of an empty text."""
    table = np.zeros((len(texts), WIDTH))
    for row, text in zip(table, texts, strict=True):
        padded = f" {' '.join(text.lower().split())} "
        for sequence, times in Counter(padded[k : k + n] for n in LENGTHS for k in range(len(padded) - n + 1)).items():
            code = zlib.crc32(sequence.encode("utf-8", "surrogatepass"))
            row[code % WIDTH] += (1 if code >> 31 else -1) * np.sqrt(times)
    return _unit(table)


def spelt(texts: Sequence[str], embeddings: Floats, weight: float = WEIGHT) -> Floats:
    """(A, D + 1024) embeddings with the spelling beside them: cosines are the weighted mean of both.

    Args:
        texts: A of them.
        embeddings: (A, D), any length.
        weight: of spelling, 0 to 1.
    """
    return np.hstack([np.sqrt(1 - weight) * _unit(embeddings), np.sqrt(weight) * spelling(texts)])


def _unit(table: Floats) -> Floats:
    return np.asarray(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), TINY))
