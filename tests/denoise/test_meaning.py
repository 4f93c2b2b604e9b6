"""Oracles: equal answers by hand; the laws of an equivalence; average linkage by brute force; plain loops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdtune.annotations import Floats
from crowdtune.denoise._grouping import linked
from crowdtune.denoise._words import blank
from crowdtune.denoise.meaning import BLANK, Embeddings, Exact, Judged, Meaning, Numbers, grouped, groups


def letters(texts: Sequence[str]) -> Floats:
    """A stand-in for an encoder: how often each letter of the alphabet occurs."""
    return np.array([[text.lower().count(chr(97 + k)) for k in range(26)] for text in texts], dtype=np.float64) + 0.01


def same_start(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    return [one[:1] == other[:1] for one, other in pairs]


MEANINGS: list[Meaning] = [Exact(), Numbers(), Embeddings(letters), Judged(same_start)]
ANSWER = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["Paris", "paris.", "the  Paris", "London", "", " ", "\u200b", "?!", "A", "Ｐaris"]),
    st.builds(str.format, st.sampled_from(["{}", "${}", "{}.0", "{}%", "is {}", "{}/2"]), st.integers(-3, 30)),
)


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (["Paris", " paris! ", "The PARIS", "Ｐａｒｉｓ", "“Paris”"], ["London", "Paris, France", "parish"]),
        (["-1.5", "\u22121.5"], ["1.5", "15", "-15"]),
        (["12:30", "12:30."], ["1230", "13:30"]),
        (["1,234", "1234"], ["12,34", "1.234"]),
        (["straße", "STRASSE"], ["strasse 1"]),
        (["A", "a."], ["an", "The", "B"]),
        (["?!", "?! "], ["?", "!?"]),
    ],
)
def test_words_by_hand(same: list[str], other: list[str]) -> None:
    codes = groups([*same, *other], Exact())
    assert set(codes[: len(same)].tolist()) == {0}
    assert 0 not in codes[len(same) :]


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        (["42", "$42", "The answer is 42.", "42.0", "43", "I don't know", "i dont know!"], [0, 0, 0, 0, 1, 2, 2]),
        (["20%", "0.2", "20", "0.3", "30"], [0, 0, 0, 1, 2]),
        (["20", "0.2", "1/5"], [0, 1, 1]),
        (["20%", "0.2%"], [0, 1]),
        (["0", "-0", "0.0", "1e-12"], [0, 0, 0, 1]),
        (["1/3", "0.333333333333", "0.3333"], [0, 0, 1]),
        (["12:30", "30", "13:30"], [0, 1, 2]),
        (["", " ", "5"], [BLANK, BLANK, 0]),
    ],
)
def test_numbers_by_hand(answers: list[str], codes: list[int]) -> None:
    assert groups(answers, Numbers()).tolist() == codes


def test_tolerance_is_relative() -> None:
    assert groups(["100", "101", "0.0100", "0.0101", "200"], Numbers(tolerance=0.02)).tolist() == [0, 0, 1, 1, 2]


def test_no_numbers_are_joined_across_items() -> None:
    found = grouped([["5", "6"], ["5", "five"], [], ["5", "5.0"]], Numbers())
    assert [codes.tolist() for codes in found] == [[0, 1], [0, 1], [], [0, 0]]


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda m: m.name)
@given(answers=st.lists(ANSWER, max_size=8), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_laws_of_an_equivalence(meaning: Meaning, answers: list[str], seed: int) -> None:
    """Codes make it symmetric and transitive; equal texts are one, blank ones apart, order and repeats do not count."""
    codes = groups(answers, meaning)
    assert [bool(code == BLANK) for code in codes] == [blank(text) for text in answers]
    met = [code for code in codes.tolist() if code != BLANK]
    assert sorted(set(met), key=met.index) == list(range(len(set(met))))
    code = dict(zip(answers, codes.tolist(), strict=True))
    assert [code[text] for text in answers] == codes.tolist()
    order = np.random.default_rng(seed).permutation(len(answers))
    turned = groups([answers[a] for a in order] + answers[:2], meaning)
    for a, b in combinations(range(len(answers)), 2):
        assert (codes[order[a]] == codes[order[b]]) == (turned[a] == turned[b])
    exact = groups(answers, Exact())
    for a, b in combinations(range(len(answers)), 2):
        if exact[a] == exact[b] and meaning.name != "numbers":
            assert codes[a] == codes[b]


def average(alike: Floats, threshold: float) -> set[frozenset[int]]:
    """Average linkage, by looking at all pairs of groups in every step."""
    found = [[a] for a in range(len(alike))]
    while len(found) > 1:
        mean = {(g, h): alike[np.ix_(found[g], found[h])].mean() for g, h in combinations(range(len(found)), 2)}
        (g, h), most = max(mean.items(), key=lambda pair: pair[1])
        if most < threshold:
            break
        found[g] += found.pop(h)
    return {frozenset(one) for one in found}


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_of_average_linkage(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(12, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    alike = points @ points.T
    for threshold in (-0.2, 0.3, 0.7, 0.95):
        codes = linked(alike, threshold)
        assert {frozenset(np.flatnonzero(codes == g).tolist()) for g in set(codes.tolist())} == average(
            alike, threshold
        )


def test_a_chain_of_near_misses_is_not_one_meaning() -> None:
    """Angles of 0, 20, 45, 65 degrees: all neighbours are above 0.9, but the mean of the two pairs' cosines is 0.69."""
    angle = np.radians([0, 20, 45, 65])
    table = dict(zip("abcd", np.stack([np.cos(angle), np.sin(angle)], axis=1), strict=True))
    close = Embeddings(lambda texts: np.array([table[text] for text in texts]), threshold=0.9)
    assert groups(["d", "b", "c", "a"], close).tolist() == [0, 1, 0, 1]
    assert groups(["x", "y"], Embeddings(lambda texts: np.array([[3.0, 4.0], [4.0, 3.0]]), 0.96)).tolist() == [0, 0]


def test_embeddings_are_asked_once_and_never_of_one_wording() -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> Floats:
        asked.extend(texts)
        return letters(texts)

    grouped([["no", "on"], ["Yes", "yes."], ["no", "yes"]], Embeddings(embed))
    assert asked == ["no", "on", "yes"]
    assert groups(["no", "on"], Embeddings(embed)).tolist() == [0, 0]


def test_other_numbers_are_another_meaning() -> None:
    close = Embeddings(lambda texts: np.ones((len(texts), 2)))
    assert groups(["born in 1944", "born in 1945", "in 1944", "born then"], close).tolist() in (
        [0, 1, 0, 0],
        [0, 1, 0, 1],
    )


def test_a_judge_is_asked_once_of_each_pair() -> None:
    asked: list[tuple[str, str]] = []

    def judge(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        asked.extend(pairs)
        return [{one.lower()[:3], other.lower()[:3]} == {"car", "aut"} for one, other in pairs]

    found = grouped([["car", "automobile", "bus", "Car."], ["automobile", "car"]], Judged(judge))
    assert [codes.tolist() for codes in found] == [[0, 0, 1, 0], [0, 0]]
    assert sorted(set(asked)) == sorted(asked)
    assert all(one < other for one, other in asked)


def test_many_items_take_seconds() -> None:
    """10,000 items of five answers: less than 10 seconds of a core for all comparisons together; a tenth of it here."""
    rng = np.random.default_rng(0)
    sets = [[f"it is {v}, {u}" for v, u in rng.integers(1, 9, size=(5, 2))] for _ in range(1000)]
    begin = process_time()
    for meaning in MEANINGS:
        grouped(sets, meaning)
    assert process_time() - begin < 10 / 10
