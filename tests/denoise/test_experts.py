"""Oracles: replies written by hand, what a tiny model's plain read-out gives, formulas of entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from crowdtune.backends import Reply, Request
from crowdtune.denoise import prompts
from crowdtune.denoise.experts import Context, Direct, Reasoning, Review, SelfCritical, paper_pool, uncertainty
from crowdtune.denoise.judges import Judge, SelfSelect
from crowdtune.denoise.question import Ask, Expert, Opinion, Question
from crowdtune.errors import InputError
from tests.denoise.asked import Scripted, in_turn

SKY = Question("What colour is the sky?", ("green", "blue", "red"))
DOG = Question("How many legs has a dog?", ("two", "four"))
FREE = Question("Who wrote Emma?")
BLUE = Opinion("blue", reason="it is what one sees")
RED = Opinion("red")


def test_direct_has_the_choice_read_off_by_letter() -> None:
    ask = in_turn(Reply("B", (0.25, 0.5, 0.25)), Reply("A", (0.9, 0.1)))
    sky, dog = Direct().answer([SKY, DOG], ask)
    assert (sky.answer, sky.shares, sky.reason) == ("blue", (0.25, 0.5, 0.25), "")
    assert (sky.uncertainty, sky.measure) == (pytest.approx(1.5 * math.log(2)), "entropy of choices")
    assert (dog.answer, dog.shares) == ("two", (0.9, 0.1))
    assert [request.choices for request in ask.calls[0]] == [("A", "B", "C"), ("A", "B")]
    assert "\n\nOptions:\nA. green\nB. blue\nC. red\n\n" in ask.calls[0][0].messages[0][1]


@pytest.mark.parametrize(("style", "begun"), [("words", []), ("texts", [("assistant", "Answer:")])])
def test_direct_has_the_choices_own_words_read_off(style: str, begun: list[tuple[str, str]]) -> None:
    ask = in_turn("blue")
    assert Direct(style).answer([SKY], ask)[0].answer == "blue"
    assert ask.last.choices == SKY.choices
    assert list(ask.last.messages[1:]) == begun
    assert ("Options: green, blue, red" in ask.last.messages[0][1]) == (style == "words")


def test_choices_that_are_letters_get_no_others() -> None:
    """Else B would stand for the choice D."""
    letters = Question("Which?", ("C", "D", "A", "B"))
    ask = in_turn("B", "So it is A.\nAnswer: B")
    assert Direct().answer([letters], ask)[0].answer == "B"
    assert Reasoning().answer([letters], ask)[0].answer == "B"
    assert ask.calls[0][0].choices == letters.choices


def test_a_free_answer_is_what_was_written() -> None:
    ask = in_turn(Reply("Jane Austen", log_probs=(-1.0, -3.0), entropies=(0.5, 0.1)), "Answer: Jane Austen")
    one, other = (Direct(max_tokens=9).answer([FREE], ask)[0] for _ in range(2))
    assert one.answer == other.answer == "Jane Austen"
    assert (one.uncertainty, one.measure) == (pytest.approx(0.3), "entropy per token")
    assert (ask.last.choices, ask.last.max_tokens) == ((), 9)


def test_a_free_answer_that_was_cut_off_is_none() -> None:
    """Half a sentence would become a label; a choice that was named before the end came stays named."""
    half = Reply("Answer: It is a truth universally", cut=True)
    assert Direct().answer([FREE], in_turn(half))[0].answer == ""
    assert Reasoning().answer([FREE], in_turn(half, half))[0].answer == ""
    assert Reasoning().answer([FREE], in_turn(half, "Jane Austen"))[0].answer == "Jane Austen"
    assert Reasoning().answer([SKY], in_turn(Reply("Answer: B\nSo I", cut=True)))[0].answer == SKY.choices[1]


def test_uncertainty_is_called_what_it_is() -> None:
    assert uncertainty(Reply("", (1.0, 0.0), (-1.0,), (1.0,))) == (0, "entropy of choices")
    assert uncertainty(Reply("", (), (-1.0, -2.0))) == (1.5, "nll per token")
    value, name = uncertainty(Reply("x"))
    assert math.isnan(value)
    assert name == ""


def test_nothing_read_is_no_opinion() -> None:
    found = Direct().answer([SKY], in_turn(Reply("", log_probs=(-1.0,))))[0]
    assert (found.answer, found.shares, found.uncertainty) == ("", (), 1.0)


def test_reasoning_reads_the_last_line_and_keeps_the_reason() -> None:
    text = "Light scatters.\nAnswer: B"
    ask = in_turn(Reply(text, log_probs=(-1.0,), entropies=(2.0,)))
    found = Reasoning(temperature=0.7, sample=2, max_tokens=99).answer([SKY], ask)[0]
    assert found == Opinion("blue", (), text, 2.0, "entropy per token")
    assert (ask.last.temperature, ask.last.sample, ask.last.max_tokens) == (0.7, 2, 99)
    assert len(ask.calls) == 1


def test_a_reason_without_an_answer_is_asked_what_it_comes_to() -> None:
    """Only the questions it is needed for, in the same conversation, with how likely each choice is."""
    ask = in_turn("Answer: A", "Scattering, I suppose.", Reply("B", (0.2, 0.8, 0.0)))
    dog, sky = Reasoning(temperature=0.7, sample=1).answer([DOG, SKY], ask)
    assert (dog.answer, dog.reason) == ("two", "Answer: A")
    assert (sky.answer, sky.shares, sky.reason) == ("blue", (0.2, 0.8, 0.0), "Scattering, I suppose.")
    assert sky.measure == "entropy of choices"
    second = ask.calls[1]
    assert len(second) == 1
    assert second[0].messages[:2] == (*ask.calls[0][1].messages, ("assistant", "Scattering, I suppose."))
    assert (second[0].choices, second[0].temperature) == (("A", "B", "C"), 0.0)
    free = Reasoning().answer([FREE], in_turn("It was an Englishwoman.", "Jane Austen"))[0]
    assert (free.answer, free.reason) == ("Jane Austen", "It was an Englishwoman.")


def test_self_criticism_ends_when_two_rounds_agree() -> None:
    """The dog after two rounds, the sky after three; who is done is not asked again."""
    said = {
        DOG.text: iter(["Answer: A", "nothing wrong", "Answer: A"]),
        SKY.text: iter(["Answer: A", "not green", "Answer: B", "fine", "Answer: B"]),
    }
    ask = Scripted(lambda request: next(said[request.messages[0][1].split("\n")[0]]))
    dog, sky = SelfCritical().answer([DOG, SKY], ask)
    assert (dog.answer, sky.answer) == ("two", "blue")
    assert [len(call) for call in ask.calls] == [2, 2, 2, 1, 1]
    assert dog.reason == "Answer: A\n\nnothing wrong\n\nAnswer: A\n\nRounds: 2, the last two agree."
    assert sky.reason.endswith("Answer: B\n\nRounds: 3, the last two agree.")
    assert [role for role, _ in ask.last.messages] == ["user", "assistant"] * 4 + ["user"]


def test_self_criticism_has_a_limit_and_then_stands_by_its_last_answer() -> None:
    ask = in_turn("Answer: A", "wrong", "Answer: B", "wrong", "Answer: C")
    found = SelfCritical().answer([SKY], ask)[0]
    assert (found.answer, found.reason.splitlines()[-1]) == ("red", "Rounds: 3, no two in a row agree.")
    ask = in_turn("hm", Reply("C", (0.0, 0.0, 1.0)))
    found = SelfCritical(rounds=1).answer([SKY], ask)[0]
    assert (found.answer, found.reason) == ("red", "hm\n\nRounds: 1, no two in a row agree.")
    with pytest.raises(InputError, match=r"rounds=0 of SelfCritical leaves nothing to do"):
        SelfCritical(rounds=0).answer([SKY], ask)


def test_two_silent_rounds_do_not_agree() -> None:
    ask = in_turn("hm", "?", "hm", "?", "Answer: B")
    assert SelfCritical().answer([SKY], ask)[0].answer == "blue"


@pytest.mark.parametrize(("style", "shown"), [("letters", "B"), ("words", "four"), ("texts", "Answer: four")])
def test_context_shows_examples_as_turns(style: str, shown: str) -> None:
    ask = in_turn("B" if style == "letters" else "blue")
    found = Context([[(DOG, "four"), (DOG, "two")]], style).answer([SKY], ask)[0]
    assert found.answer == "blue"
    alone = prompts.direct(SKY, style)
    assert ask.last.messages[4:] == alone
    assert ask.last.messages[1] == ("assistant", shown)
    assert ask.last.messages[0] == prompts.direct(DOG, style)[0]


def test_context_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match=r"Context has examples for 1 questions, 2 are asked"):
        Context([[]]).answer([SKY, DOG], in_turn())
    with pytest.raises(InputError, match=r"example's answer 'six' is not one of its choices \(two, four\)"):
        Context([[(DOG, "six")]]).answer([SKY], in_turn())


def test_a_reviewer_sees_both_answers_with_their_reasons() -> None:
    ask = in_turn(Reply("B", (0.1, 0.7, 0.2)))
    found = Review([BLUE], [RED]).answer([SKY], ask)[0]
    assert (found.answer, found.shares) == ("blue", (0.1, 0.7, 0.2))
    text = ask.last.messages[0][1]
    assert "answered: B. blue\nReasons given: it is what one sees" in text
    assert "answered: C. red\nReasons given: none" in text
    Review([Opinion("")], [RED], "words").answer([SKY], free := in_turn("red"))
    assert "answered: (none)" in free.last.messages[0][1]
    assert "answered: red" in free.last.messages[0][1]


def test_which_opinion_a_reviewer_sees_first_depends_on_the_question_alone() -> None:
    """Of 200 questions about half, within five s.d. of 7; changing the opinions about changes the text."""
    questions = [replace(SKY, text=f"What colour is sky {i}?") for i in range(200)]
    ask = Scripted(lambda request: "B")
    Review([BLUE] * 200, [RED] * 200).answer(questions, ask)
    Review([RED] * 200, [BLUE] * 200).answer(questions, ask)
    one, other = ([r.messages[0][1].index("blue\nR") < r.messages[0][1].index("red\nR") for r in c] for c in ask.calls)
    assert abs(sum(one) - 100) < 36
    assert one == [not first for first in other]


def test_self_select_is_the_probability_of_yes() -> None:
    ask = in_turn(Reply("Yes", (0.8, 0.2)), "No", "")
    found = SelfSelect().probability([SKY, DOG, FREE], ["blue", "six", "{me}"], ask)
    assert found[:2] == [0.8, 0.0]
    assert math.isnan(found[2])
    assert ask.last.choices == ("Yes", "No")
    assert "Somebody answered: {me}\n" in ask.last.messages[0][1]


def test_a_judge_asks_alike_whichever_answer_is_named_first() -> None:
    ask = Scripted(lambda request: Reply("Yes", (0.6, 0.4)))
    assert Judge().probability([FREE, FREE], [("Austen", "Jane"), ("Jane", "Austen")], ask) == [0.6, 0.6]
    assert ask.calls[0][0] == ask.calls[0][1]


def test_the_papers_pool_is_four_annotators_of_which_three_are_drawn() -> None:
    pool = paper_pool()
    assert [expert.name for expert in pool] == ["direct", "reasoning-0.7-1", "reasoning-0.7-2", "reasoning-0.7-3"]
    asked = []
    for expert in pool:
        expert.answer([SKY], ask := Scripted(lambda request: "B" if request.choices else "Answer: B"))
        asked.append((ask.last.temperature, ask.last.sample))
    assert asked == [(0.0, 0), (0.7, 0), (0.7, 1), (0.7, 2)]


def test_a_style_nobody_knows_and_too_many_options_are_told() -> None:
    with pytest.raises(InputError, match=r"unknown style 'letter'\. Did you mean 'letters'\?"):
        Direct("letter").answer([SKY], in_turn())
    with pytest.raises(InputError, match=r"30 choices; letters reach to 26\. Use style=words or texts"):
        Direct().answer([Question("Which?", tuple(map(str, range(30))))], in_turn())


def experts() -> Sequence[Expert]:
    short = Reasoning(temperature=0.7, max_tokens=4)
    examples = [[(DOG, "four")]] * 2
    return [Direct(), Direct("texts"), short, SelfCritical(max_tokens=4, rounds=2), Context(examples),
            Review([BLUE, Opinion("two")], [RED, Opinion("four")])]  # fmt: skip


def test_every_expert_answers_through_a_model(tiny: Path) -> None:
    """A tiny one, which says nothing of sense: what cannot be read is read off, as the backend itself reads it."""
    from crowdtune.lm.load import load
    from crowdtune.lm.local import Local

    backend = Local(load(str(tiny)), max_length=60, bf16=False)
    requests: list[Request] = []

    def ask(asked: Sequence[Request]) -> list[Reply]:
        requests.extend(asked)
        found = dict(backend.answer(asked))
        return [found[i] for i in range(len(asked))]

    for expert in experts():
        for question, opinion in zip([SKY, DOG], expert.answer([SKY, DOG], ask), strict=True):
            assert opinion.answer in question.choices
            assert not opinion.shares or sum(opinion.shares) == pytest.approx(1)
            assert opinion.uncertainty >= 0
            assert opinion.measure in ("entropy of choices", "entropy per token")
            assert isinstance(expert, Reasoning | SelfCritical) or not opinion.reason
    alone = ask([Request(prompts.direct(SKY, "letters"), ("A", "B", "C"))])[0]
    assert Direct().answer([SKY, DOG], ask)[0].shares == pytest.approx(alone.shares, abs=1e-6)
    assert 0 <= SelfSelect().probability([SKY], ["blue"], ask)[0] <= 1


EASY: Sequence[tuple[str, tuple[str, ...], str]] = [
    ("Which of these is an animal?", ("table", "dog", "hammer"), "dog"),
    ("What colour is the sky on a clear day?", ("green", "red", "blue"), "blue"),
    ("What is the capital of France?", ("Paris", "Berlin", "Madrid"), "Paris"),
    ("How many legs does a dog have?", ("two", "four", "six"), "four"),
    ("Which one do people eat?", ("bread", "stones", "glass"), "bread"),
    ("Which is the opposite of hot?", ("warm", "cold", "dry"), "cold"),
    ("What do bees make?", ("milk", "honey", "wool"), "honey"),
    ("Which of these can fly?", ("a fish", "a cow", "a bird"), "a bird"),
    ("In which season does it snow?", ("summer", "winter", "spring"), "winter"),
    ("What do we use to see?", ("ears", "hands", "eyes"), "eyes"),
    ("What freezes to become ice?", ("sand", "wood", "water"), "water"),
]


@pytest.mark.slow
def test_the_embedded_model_answers_easy_questions_above_chance() -> None:
    """Eleven of three choices: chance gives nine or more right once in a thousand cases."""
    from crowdtune.lm.load import load
    from crowdtune.lm.local import Local

    backend = Local(load(), max_length=256)
    ask: Ask = lambda requests: [reply for _, reply in sorted(backend.answer(requests), key=lambda pair: pair[0])]  # noqa: E731
    found = Direct("texts").answer([Question(text, choices) for text, choices, _ in EASY], ask)
    assert sum(opinion.answer == right for opinion, (_, _, right) in zip(found, EASY, strict=True)) >= 9
