"""Oracle: the texts written out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crowdtune import InputError
from crowdtune.wording import answers, compared, natural_style, question
from tests.crowds import make_items, with_choices

PAIRS = [("a", "b"), ("c", "d")]


def test_styles() -> None:
    assert question("Q {choices}", ["x", "y"], "words") == "Q {choices}\nAnswer with one of: x, y.\nAnswer:"
    assert question("Q", ["x", "y"], "letters") == "Q\nA. x\nB. y\nAnswer:"
    assert question("Q", ["x", "y"], "free") == "Q\nAnswer:"
    assert question("Q", ["x", "y"], "words", "{choices}? {prompt}") == "x, y? Q"
    assert (answers("words", ["x", "y"]), answers("letters", ["x", "y"])) == (["x", "y"], ["A", "B"])
    with pytest.raises(InputError, match=r"27 choices; letters reach to 26\. Use style=words or texts"):
        answers("letters", ["x"] * 27)


def test_only_texts_of_their_own_are_compared() -> None:
    own = replace(with_choices(PAIRS, [-1, -1]), kinds=["pair"])
    sides = replace(make_items([-1, -1], ("left", "right")), kinds=["pair"])
    assert (compared(own), compared(sides), compared(make_items([0]))) == ([True], [False], [False])
    assert compared(replace(make_items([-1], ("this", "that")), kinds=["pair"])) == [True]


def test_a_menu_is_shown_where_it_is_one() -> None:
    tasks = [0, 1, 2]
    mixed = replace(make_items([-1] * 3, task=tasks), kinds=["choice", "grade", "text"])
    assert natural_style(mixed) == ["words", "words", "free"]
    assert natural_style(replace(with_choices(PAIRS, [-1, -1]), kinds=["pair"])) == ["free"]
