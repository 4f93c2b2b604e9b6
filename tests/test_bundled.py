"""Oracle: the lexicon file itself, read once more here; 5,586 entries, eight of them doubles, as its docstring says."""

from __future__ import annotations

import ast
import importlib.resources

import numpy as np
import pytest

from crowdtune import InputError
from crowdtune.bundled import CUTS, grades, rated_words, words

EVERY = 5586 - 8


def lexicon() -> list[tuple[str, float]]:
    text = (importlib.resources.files("vaderSentiment") / "vader_lexicon.txt").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line]
    return [(row[0], float(row[1])) for row in rows if row[0].isalpha() and abs(float(row[1])) >= 1]


def test_every_clear_word_is_there_with_its_side() -> None:
    rated = lexicon()
    items = words(EVERY, np.random.default_rng(0))
    assert len(rated) == 5586
    assert set(items.ids) == {word for word, _ in rated}
    sides = {word: {mean > 0 for w, mean in rated if w == word} for word, _ in rated[:200]}
    for i, word in enumerate(items.ids):
        if word in sides:
            assert (items.text(i, int(items.gold[i])) == "positive") in sides[word]


def test_known_words() -> None:
    items = words(EVERY, np.random.default_rng(0))
    side = dict(zip(items.ids, items.gold.tolist(), strict=True))
    assert [side[word] for word in ("excellent", "happy", "terrible", "murder")] == [0, 0, 1, 1]
    assert items.choices(0) == ("positive", "negative")
    assert items.prompts == items.ids


def test_same_seed_same_words() -> None:
    chosen = [words(50, np.random.default_rng(seed)).ids for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_more_words_than_there_are() -> None:
    with pytest.raises(InputError, match=rf"^the bundled example has {EVERY} words, {EVERY + 1} were asked for\.$"):
        words(EVERY + 1, np.random.default_rng(0))


def test_grades_are_the_mean_ratings_cut_where_it_is_said() -> None:
    """Oracle: the lexicon, and numpy's own digitising."""
    text = (importlib.resources.files("vaderSentiment") / "vader_lexicon.txt").read_text(encoding="utf-8")
    rated = {row[0]: float(row[1]) for row in (line.split("\t") for line in text.splitlines() if line)}
    items = grades(7209, np.random.default_rng(0))
    assert set(items.ids) == {word for word in rated if word.isalpha()}
    mean = np.array([rated[word] for word in items.ids])
    assert (items.gold[mean < 0] == np.digitize(mean[mean < 0], CUTS)).all()
    assert (items.gold[mean > 0] == np.digitize(mean[mean > 0], CUTS, right=True)).all()
    assert (np.bincount(items.gold) / 7209).round(2).tolist() == [0.14, 0.27, 0.26, 0.21, 0.11]


def test_known_grades() -> None:
    items = grades(7209, np.random.default_rng(0))
    said = {word: items.text(i, int(items.gold[i])) for i, word in enumerate(items.ids)}
    assert [said[w] for w in ("murder", "bored", "tranquil")] == ["terrible", "bad", "okay"]
    assert items.choices(0) == ("terrible", "bad", "okay", "good", "wonderful")
    with pytest.raises(InputError, match="the bundled example has 7209 words, 7210 were asked for"):
        grades(7210, np.random.default_rng(0))


def test_ratings_of_words_are_those_of_the_lexicon() -> None:
    """Oracle: the lexicon read as Python lists; the means of the file are those of its ratings."""
    text = (importlib.resources.files("vaderSentiment") / "vader_lexicon.txt").read_text(encoding="utf-8")
    rows = {row[0]: row for row in (line.split("\t") for line in text.splitlines() if line)}
    rated = rated_words(7209, np.random.default_rng(0))
    assert rated.counts is not None
    assert (rated.all_votes.sum(axis=1) == 10).all()
    for name, (negative, neutral, positive) in zip(rated.items.ids, rated.counts.tolist(), strict=True):
        given = ast.literal_eval(rows[name][3])
        assert negative == sum(r in (-4, -3, -2) for r in given)
        assert neutral == sum(r in (-1, 0, 1) for r in given)
        assert positive == sum(r in (2, 3, 4) for r in given)
    assert (len(rated), set(rated.items.gold.tolist()), rated.items.kinds) == (0, {-1}, ("grade",))
    assert rated.items.common_choices == ("negative", "neutral", "positive")


def test_words_with_the_same_seed_are_the_same_with_and_without_ratings() -> None:
    some = [rated_words(20, np.random.default_rng(3)).items.ids, grades(20, np.random.default_rng(3)).ids]
    assert some[0] == some[1]
    with pytest.raises(InputError, match="the bundled example has 7209 words, 7210 were asked for"):
        rated_words(7210, np.random.default_rng(0))
