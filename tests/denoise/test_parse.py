"""Oracles: what a person reads in such texts, the errors of the paper's release, and axioms under fuzzing."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crowdtune.denoise.parse import parse

FOUR = ("apples", "pears", "green apples", "ice cream")
WRITTEN = {
    "Answer: B": "pears",
    "**Answer:** B": "pears",
    "**Answer: B**": "pears",
    "*Answer*: **B**": "pears",
    "answer :  (b)": "pears",
    "(B)": "pears",
    "B.": "pears",
    "b": "pears",
    "Answer: B) pears\nI hope this helps! Tell me if A is what you meant.": "pears",
    "Answer: B. pears": "pears",
    "Answer: **B. pears**": "pears",
    "Answer: B - pears": "pears",
    "Answer: B, because it rains": "pears",
    "Answer: B because A is sour": "pears",
    "Answer: [C]": "green apples",
    "Answer: the letter D": "ice cream",
    "Answer:\n\n**D**": "ice cream",
    "The answer is B": "pears",
    "So the correct answer is: B.": "pears",
    "The answer is pears. Apples are sour.": "pears",
    "Option C.": "green apples",
    "Answer: Ice  Cream!": "ice cream",
    "Answer: green apples": "green apples",
    "Answer: I would say pears": "pears",
    "Answer: not A but B": "pears",
    "Answer: not apples but pears": "pears",
    "Answer: A\nOn reflection I was wrong.\nAnswer: B": "pears",
    "Answer: B\nThe answer is not A.": "pears",
    "Answer: B\n\nAnswer:": "pears",
    r"It follows that \boxed{B}.": "pears",
    r"$\boxed{\text{C}}$": "green apples",
    r"Answer: $\boxed{D}$": "ice cream",
    r"\boxed{A}, no. Answer: B": "pears",
    "I think it is A": "apples",
    "A is right": "apples",
}
NOTHING = [
    "Answer: A or B",
    "Answer: A, B",
    "A/B",
    "(A) or (B)",
    "Answer: apples and pears",
    "Answer: B) apples",
    "Answer: E",
    "Answer: I do not know",
    "The answer is not A.",
    "Answer: apple",
    "A man walks into a bar",
    "It is a pearl",
    "e.g. something else",
    "I",
    "",
    "Answer:",
    "\n",
    "First, apples are sour.\nThen there are",
]


@pytest.mark.parametrize(("text", "wanted"), WRITTEN.items())
def test_an_answer_is_read_however_it_is_set(text: str, wanted: str) -> None:
    assert parse(text, FOUR) == wanted


@pytest.mark.parametrize("text", NOTHING)
def test_what_names_none_or_two_is_no_answer(text: str) -> None:
    assert parse(text, FOUR) == ""


def test_the_releases_bug_8_longer_than_the_letter_first_characters_and_nothing_at_all() -> None:
    """There "A." and "**B**" are wrong answers, "I think B" is answer I, and an empty completion an IndexError."""
    assert [parse(text, ("yes", "no")) for text in ("A.", "**B**", "I think B", "")] == ["yes", "no", "no", ""]
    nine = [f"option {k}" for k in range(9)]
    assert parse("I think B", nine) == "option 1"
    assert parse("I", nine) == "option 8"
    assert parse("I am not sure", nine) == ""


def test_the_releases_bug_9_words_are_no_characters() -> None:
    """There any text with a letter in common agrees, and an answer read twice is its first character."""
    names = ("Chicago", "Denver Broncos")
    assert [parse(parse(f"Answer: {name}", names), names) for name in names] == list(names)
    assert parse("Answer: Chi", names) == parse("Answer: D.C.", names) == ""
    assert parse("Chicago") == ""
    assert parse("Answer: Chicago") == "Chicago"


def test_the_releases_bug_10_an_answer_of_two_words_is_whole() -> None:
    assert parse("Answer: Denver Broncos") == "Denver Broncos"
    assert parse("Answer: Denver Broncos", ("Denver", "Denver Broncos")) == "Denver Broncos"
    assert parse("It was the Denver Broncos, so", ("Denver", "Denver Broncos")) == "Denver Broncos"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("**Answer:** Denver Broncos", "Denver Broncos"),
        ("Answer: **Denver Broncos**", "Denver Broncos"),
        ("Answer: one line\nand another", "one line\nand another"),
        ("The answer is 42. That was easy.", "42"),
        ("so \\boxed{\\frac{1}{2}} it is", "\\frac{1}{2}"),
        ("Answer: $\\boxed{42}$", "42"),
        ('Answer: "Yes" and "No"', '"Yes" and "No"'),
        ("Answer: first\nAnswer: second", "second"),
        ("nothing announced", ""),
    ],
)
def test_a_free_answer_is_all_that_follows(text: str, wanted: str) -> None:
    assert parse(text) == wanted


def test_letters_stand_for_choices_only_where_they_were_shown_and_own_words_come_first() -> None:
    assert parse("Answer: B", ("pears", "apples"), letters=False) == ""
    assert parse("Answer: A", ("B", "A")) == "A"
    assert parse("Answer: 3.", ("1", "2", "3")) == "3"
    assert parse("Answer: 1,000", ("1", "1,000")) == "1,000"
    assert parse("Answer: very positive", ("positive", "very positive")) == "very positive"
    assert parse("Answer: NO", ("No", "no")) == ""


bounded = settings(deadline=None, max_examples=60, derandomize=True, database=None)
TEXT = st.text(max_size=40) | st.lists(
    st.sampled_from(
        [
            "Answer:",
            "answer is",
            "**",
            "(",
            ")",
            "A",
            "B",
            "I",
            "not",
            "or",
            "\n",
            "\\boxed{",
            "}",
            "yes",
            "no",
            ".",
            " ",
        ]
    ),
    max_size=12,
).map(" ".join)
CHOICES = st.lists(
    TEXT.filter(lambda text: text.split() != []), min_size=1, max_size=12, unique_by=lambda text: " ".join(text.split())
)


@bounded
@given(TEXT, CHOICES, st.booleans())
def test_what_is_read_is_a_choice_or_nothing(text: str, choices: list[str], letters: bool) -> None:
    assert parse(text, choices, letters=letters) in {*choices, ""}
    assert parse(text) in text


@bounded
@given(CHOICES, st.booleans())
def test_every_choice_is_read_as_itself(choices: list[str], letters: bool) -> None:
    flat = {" ".join(choice.split()) for choice in choices}
    for choice in choices:
        assume(" ".join(f"Answer: {choice}".split()) not in flat)  # else the text is another choice itself
        assert parse(choice, choices, letters=letters) == choice
        assert parse(f"Answer: {choice}", choices, letters=letters) == choice
