"""Answers written freely are compared by what they mean, so that two wordings of one answer are one.

`Exact` and `Numbers` are equal or not; `Embeddings` and `Judged` tell of pairs, and pairs may contradict each other:
a is b, b is c, a is not c. There groups are joined, the most alike first, while the mean over all pairs of two groups
is at or above the threshold (average linkage): a chain of near misses does not make one meaning. Answers are sorted
first, their order does not matter, and wordings that are `Exact`ly equal are one before anything else is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.denoise._grouping import components, linked, places
from crowdtune.denoise._numbers import every, number
from crowdtune.denoise._words import blank, normalised

BLANK = -1  # code of an answer that says nothing
THRESHOLD = (
    0.8  # cosine from which on two answers mean the same, where joining in error costs twice what splitting does
)
TINY = 1e-12

Sets = Sequence[Sequence[str]]  # of distinct answers that say something, sorted; one for each item


class Meaning(Protocol):
    """Tells which answers mean the same."""

    @property
    def name(self) -> str:
        """As users type it."""
        ...

    def codes(self, sets: Sets) -> list[Ints]:
        """Code of the meaning of every answer, equal within an item where the meaning is."""
        ...


@dataclass(frozen=True)
class Exact:
    """The same words, whatever their case, punctuation, articles, spaces and width of characters."""

    name: str = "exact"

    def codes(self, sets: Sets) -> list[Ints]:
        """Equal where `normalised` texts are."""
        return [places([normalised(text) for text in texts]) for texts in sets]


@dataclass(frozen=True)
class Numbers:
    """The same last number; answers without one are compared as `Exact` does.

    "20 %" is 20 and also 0.2, so where all three occur they are one.

    Args:
        tolerance: largest relative difference of equal numbers.
    """

    tolerance: float = 1e-9
    name: str = "numbers"

    def codes(self, sets: Sets) -> list[Ints]:
        """Equal where numbers are, or a chain of equal ones leads from one to the other."""
        size = [len(texts) for texts in sets]
        of = np.repeat(np.arange(len(size)), size)
        read = [number(text) for texts in sets for text in texts]
        links = [_words_alike(of, sets, read)]
        value = np.array([np.nan if n is None else n.value for n in read])
        percent = np.array([n is not None and n.percent for n in read])
        for scale in (1.0, 0.01) if percent.any() else (1.0,):
            links.append(self._alike(of, np.where(percent, value * scale, value)))
        return np.split(components(np.concatenate(links, axis=1), len(read)), np.cumsum(size)[:-1]) if size else []

    def _alike(self, of: Ints, value: Floats) -> Ints:
        """(2, L) neighbours, by size, whose values are equal, of one item each."""
        order = np.lexsort((value, of))[: len(value)]
        a, b = order[:-1], order[1:]
        least = np.maximum(np.abs(value[a]), np.abs(value[b])) * self.tolerance
        near = (of[a] == of[b]) & (np.abs(value[a] - value[b]) <= least)  # NaN, without a number, is near nothing
        return np.stack([a[near], b[near]])


@dataclass(frozen=True)
class Embeddings:
    """Alike in the vector space of a sentence encoder, which hardly sees opposites; other numbers are another meaning.

    Args:
        embed: texts -> (A, D), any length; called once for all items.
        threshold: mean cosine at or above which groups are one.
    """

    embed: Callable[[Sequence[str]], Floats]
    threshold: float = THRESHOLD
    name: str = "embeddings"

    def codes(self, sets: Sets) -> list[Ints]:
        """Groups by average linkage."""
        words, wordings = _wordings(sets)
        texts = sorted({text for some in wordings for text in some if len(some) > 1})
        if not texts:
            return words
        table = np.asarray(self.embed(texts), dtype=np.float64)
        table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), TINY)
        place = {text: a for a, text in enumerate(texts)}
        for i, some in enumerate(wordings):
            if len(some) > 1:
                own = table[[place[text] for text in some]]
                words[i] = linked(np.where(_other_numbers(some), -1.0, own @ own.T), self.threshold)[words[i]]
        return words


@dataclass(frozen=True)
class Judged:
    """What a judge, for example a language model, says of pairs; asked once of each pair, in alphabetical order.

    Args:
        same: pairs of texts -> whether each means the same; called once for all items.
    """

    same: Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
    name: str = "judged"

    def codes(self, sets: Sets) -> list[Ints]:
        """Groups by average linkage: two are one where the judge says so of half of their pairs."""
        words, wordings = _wordings(sets)
        pairs = sorted({pair for some in wordings for pair in combinations(some, 2)})
        said = dict(zip(pairs, self.same(pairs), strict=True)) if pairs else {}
        for i, some in enumerate(wordings):
            if len(some) > 1:
                alike = np.eye(len(some))
                for (a, one), (b, other) in combinations(enumerate(some), 2):
                    alike[a, b] = alike[b, a] = said[one, other]
                words[i] = linked(alike, 0.5)[words[i]]
        return words


def groups(answers: Sequence[str], meaning: Meaning) -> Ints:
    """(A,) code of the meaning of each answer to one item, by first appearance; -1 of one that says nothing.

    Example:
        >>> groups(["Paris", "London", "paris.", " "], Exact()).tolist()
        [0, 1, 0, -1]
    """
    return grouped([answers], meaning)[0]


def grouped(sets: Sequence[Sequence[str]], meaning: Meaning) -> list[Ints]:
    """`groups` of the answers to many items, at once."""
    distinct = [sorted({text for text in texts if not blank(text)}) for texts in sets]
    found: list[Ints] = []
    for texts, some, codes in zip(sets, distinct, meaning.codes(distinct), strict=True):
        code = dict(zip(some, codes.tolist(), strict=True))
        met: dict[int, int] = {}
        found.append(np.array([met.setdefault(code[t], len(met)) if t in code else BLANK for t in texts], np.int64))
    return found


def _wordings(sets: Sets) -> tuple[list[Ints], list[list[str]]]:
    """Code of the words of every answer, and for each code the first answer of an item in these words."""
    codes = Exact().codes(sets)
    first = [np.unique(own, return_index=True)[1].tolist() for own in codes]
    return codes, [[texts[a] for a in at] for texts, at in zip(sets, first, strict=True)]


def _other_numbers(texts: Sequence[str]) -> Bools:
    """(A, A) True where both texts hold numbers, and not the same."""
    held = [every(text) for text in texts]
    code, some = places(held), np.array([bool(numbers) for numbers in held])
    return np.asarray((code[:, None] != code) & some[:, None] & some)


def _words_alike(of: Ints, sets: Sets, read: Sequence[object]) -> Ints:
    """(2, L) pairs of answers of an item, both without a number, in the same words."""
    texts = [text for some in sets for text in some]
    first: dict[tuple[int, str], int] = {}
    bare = [a for a, n in enumerate(read) if n is None]
    return (
        np.array([(first.setdefault((int(of[a]), normalised(texts[a])), a), a) for a in bare], np.int64)
        .reshape(-1, 2)
        .T
    )
