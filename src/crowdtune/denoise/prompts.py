"""What experts are asked, word for word: each function gives the messages of a request.

| style | a question with choices is shown | the answer is |
|---|---|---|
| letters | with its options, a letter before each | a letter |
| words | with its options | one of them, word for word |
| texts | alone | one of the choices, by how likely it is as an answer: what small models do best |

Where two answers are shown, which stands first depends on a hash of the question, so that a lean to the first place
averages out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from crowdtune.denoise.question import Opinion, Question
from crowdtune.errors import InputError, unknown_name
from crowdtune.wording import answers, question

Messages = tuple[tuple[str, str], ...]
STYLES = ("letters", "words", "texts")
BEGUN = "Answer:"
YES_NO = ("Yes", "No")

SHOWN = {"letters": "{prompt}\n\nOptions:\n{choices}", "words": "{prompt}\n\nOptions: {choices}", "free": "{prompt}"}
ALONE = {
    "letters": "Reply with the letter of the right option and nothing else.",
    "words": "Reply with the right option, word for word, and nothing else.",
    "free": "Reply with the answer alone, without an explanation.",
}
CHOSEN = {"letters": "the letter of the option you choose", "words": "the option you choose", "free": "your answer"}
SETTLED = {
    "letters": "Which option does this come to? Reply with its letter and nothing else.",
    "words": "Which option does this come to? Reply with it, word for word, and nothing else.",
    "free": "What answer does this come to? Reply with that answer alone.",
}
REASON = "Work this out step by step. Write one last line after that, of the form\nAnswer: X\nwhere X is {chosen}."
REFLECT = (
    "Now read your work as a strict examiner would. Does every step follow from the one before? Is something assumed "
    "that the question does not say, or left out that it does? Tell what you would mark as wrong, or that you find "
    "nothing. Leave the answer itself for later."
)
AGAIN = "With these remarks in mind, work the question out anew, and close with a last line of the same form as before."
REVIEW = (
    "{shown}\n\nTwo colleagues have answered this.\n\n{first}\n\n{second}\n\n"
    "One of them may be wrong, or both. Weigh what they say, not the order they stand in. {alone}"
)
SELECT = "{shown}\n\nSomebody answered: {label}\n\nIs that the right answer? Reply with Yes or No and nothing else."
JUDGE = (
    "Question: {question}\n\nOne answer: {first}\n\nAnother answer: {second}\n\n"
    "Would somebody who holds one of these answers to be right have to hold the other to be right, too? How they are "
    "worded does not matter. Reply with Yes or No and nothing else."
)


def manner(asked: Question, style: str) -> str:
    """How this question is asked: "free" without choices; choices that are letters themselves get no others."""
    if style not in STYLES:
        raise unknown_name("style", style, STYLES)
    if not asked.choices:
        return "free"
    letters = answers("letters", asked.choices) if style == "letters" else []
    return "words" if {choice.strip().upper() for choice in asked.choices} & set(letters) else style


def menu(asked: Question, style: str) -> tuple[str, ...]:
    """What is to be said for each choice; () where the answer is free."""
    return tuple(answers(manner(asked, style), asked.choices))


def shown(asked: Question, style: str) -> str:
    """The question with its options."""
    how = _listed(asked, style)
    return question(asked.text, asked.choices, how, SHOWN[how])


def direct(asked: Question, style: str) -> Messages:
    """To be answered at once."""
    if manner(asked, style) == "texts":
        return (("user", asked.text), ("assistant", BEGUN))
    return (("user", f"{shown(asked, style)}\n\n{ALONE[_listed(asked, style)]}"),)


def context(asked: Question, examples: Sequence[tuple[Question, str]], style: str) -> Messages:
    """The same after examples that are answered as this one is to be."""
    turns: list[tuple[str, str]] = []
    for example, answer in examples:
        (role, text), *begun = direct(example, style)
        turns += [(role, text), ("assistant", " ".join([*(said for _, said in begun), told(example, answer, style)]))]
    return (*turns, *direct(asked, style))


def told(asked: Question, answer: str, style: str) -> str:
    """A known answer as it is to be said."""
    if asked.choices and answer not in asked.choices:
        raise InputError(f"the example's answer '{answer}' is not one of its choices ({', '.join(asked.choices)}).")
    return menu(asked, style)[asked.choices.index(answer)] if asked.choices else answer


def reasoning(asked: Question, style: str) -> Messages:
    """To be worked out, with the answer in the last line."""
    return (("user", f"{shown(asked, style)}\n\n{REASON.format(chosen=CHOSEN[_listed(asked, style)])}"),)


def settled(asked: Question, said: Messages, style: str) -> Messages:
    """What a conversation comes to, where it does not say so."""
    return (*said, ("user", SETTLED[_listed(asked, style)]))


def reflect(said: Messages) -> Messages:
    """What is wrong with the work so far?"""
    return (*said, ("user", REFLECT))


def again(said: Messages) -> Messages:
    """Once more, after a reflection."""
    return (*said, ("user", AGAIN))


def review(asked: Question, first: Opinion, second: Opinion, style: str) -> Messages:
    """Which of two opinions is right, or neither?"""
    one, two = (second, first) if turned(asked) else (first, second)
    text = REVIEW.format(
        shown=shown(asked, style),
        first=_opinion(asked, one, "One", style),
        second=_opinion(asked, two, "The other", style),
        alone=ALONE[_listed(asked, style)],
    )
    return (("user", text),)


def select(asked: Question, label: str) -> Messages:
    """Is the label right?"""
    return (("user", SELECT.format(shown=shown(asked, "words"), label=label)),)


def judge(asked: Question, answer: str, other: str) -> Messages:
    """Do two answers mean the same? Asked alike whichever is named first."""
    first, second = sorted((answer, other), reverse=turned(asked))
    return (("user", JUDGE.format(question=asked.text, first=first, second=second)),)


def turned(asked: Question) -> bool:
    """Whether the second of two answers is shown first: of half of all questions, always the same ones."""
    return bool(hashlib.blake2b("\n".join([asked.text, *asked.choices]).encode(), digest_size=1).digest()[0] % 2)


def _listed(asked: Question, style: str) -> str:
    """How the options of a question stand there where it is shown with them."""
    how = manner(asked, style)
    return "words" if how == "texts" else how


def _opinion(asked: Question, opinion: Opinion, who: str, style: str) -> str:
    place = asked.choices.index(opinion.answer) if opinion.answer in asked.choices else -1
    letter = menu(asked, style)[place] if place >= 0 and _listed(asked, style) == "letters" else ""
    answer = f"{letter}. {opinion.answer}" if letter else opinion.answer or "(none)"
    return f"{who} answered: {answer}\nReasons given: {opinion.reason.strip() or 'none'}"
