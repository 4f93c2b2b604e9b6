"""Experts who are a language model asked in one way or another.

Each asks about all questions at once, so that a backend can batch. Who answers at once has a choice read off, with how
likely each is; who reasons has the answer read in what was written, and read off only where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log, nan

from crowdtune.backends import Reply, Request
from crowdtune.denoise import prompts
from crowdtune.denoise.parse import parse
from crowdtune.denoise.prompts import Messages
from crowdtune.denoise.question import Ask, Expert, Opinion, Question
from crowdtune.errors import InputError

STYLE = "letters"  # how options are shown; `prompts` has the others
SHORT = 64  # tokens of an answer without a reason
LONG = 512  # tokens of a reason, as the paper's


@dataclass(frozen=True)
class Direct:
    """Answers at once.

    Args:
        style: how options are shown; see `prompts`.
        temperature: of a free answer; a choice is read off, so that it changes nothing where the backend can.
        sample: which of several answers at that temperature.
        max_tokens: of a free answer.
    """

    style: str = STYLE
    temperature: float = 0.0
    sample: int = 0
    max_tokens: int = SHORT

    @property
    def name(self) -> str:
        """As an annotator's."""
        return _name("direct", self.style, self.temperature, self.sample)

    def answer(self, questions: Sequence[Question], ask: Ask) -> list[Opinion]:
        """An opinion on each question, in order."""
        said = [prompts.direct(question, self.style) for question in questions]
        return _at_once(questions, said, ask, self)


@dataclass(frozen=True)
class Context:
    """Answers at once, after examples of questions like this one that are known to be answered rightly.

    Args:
        examples: for each question that will be asked, in order, its examples with their answers.
        style: as of `Direct`; likewise all others.
    """

    examples: Sequence[Sequence[tuple[Question, str]]]
    style: str = STYLE
    temperature: float = 0.0
    sample: int = 0
    max_tokens: int = SHORT

    @property
    def name(self) -> str:
        """As an annotator's."""
        return _name("context", self.style, self.temperature, self.sample)

    def answer(self, questions: Sequence[Question], ask: Ask) -> list[Opinion]:
        """An opinion on each question, in order."""
        _as_many("Context has examples for", len(self.examples), questions)
        pairs = zip(questions, self.examples, strict=True)
        return _at_once(questions, [prompts.context(q, shown, self.style) for q, shown in pairs], ask, self)


@dataclass(frozen=True)
class Review:
    """Decides between two opinions by what they say for themselves; may find a third answer right.

    Args:
        first: an opinion on each question that will be asked, in order.
        second: another. Which of both is shown first depends on the question.
        style: as of `Direct`; likewise all others.
    """

    first: Sequence[Opinion]
    second: Sequence[Opinion]
    style: str = STYLE
    temperature: float = 0.0
    sample: int = 0
    max_tokens: int = SHORT

    @property
    def name(self) -> str:
        """As an annotator's."""
        return _name("review", self.style, self.temperature, self.sample)

    def answer(self, questions: Sequence[Question], ask: Ask) -> list[Opinion]:
        """An opinion on each question, in order."""
        for opinions in (self.first, self.second):
            _as_many("Review has opinions on", len(opinions), questions)
        rows = zip(questions, self.first, self.second, strict=True)
        return _at_once(questions, [prompts.review(*row, self.style) for row in rows], ask, self)


@dataclass(frozen=True)
class Reasoning:
    """Reasons step by step and ends with its answer; where none can be read, it is asked what the reason comes to.

    Args:
        style: how options are shown; see `prompts`.
        temperature: of the reason.
        sample: which of several reasons at that temperature.
        max_tokens: of the reason.
    """

    style: str = STYLE
    temperature: float = 0.0
    sample: int = 0
    max_tokens: int = LONG

    @property
    def name(self) -> str:
        """As an annotator's."""
        return _name("reasoning", self.style, self.temperature, self.sample)

    def answer(self, questions: Sequence[Question], ask: Ask) -> list[Opinion]:
        """An opinion on each question, in order."""
        said = [prompts.reasoning(question, self.style) for question in questions]
        replies = ask([_written(one, self) for one in said])
        found = [_read(*row, self.style) for row in zip(questions, replies, strict=True)]
        said = [(*one, ("assistant", reply.text)) for one, reply in zip(said, replies, strict=True)]
        return _settle(questions, said, found, ask, self.style)


@dataclass(frozen=True)
class SelfCritical:
    """Reasons, looks for what is wrong with the reason, and reasons again, until two rounds in a row agree.

    A round is a reason; from the second on a reflection comes before it. The reason of an opinion holds all of them and
    ends with how many rounds there were.

    Args:
        style: how options are shown; see `prompts`.
        temperature: of reasons and reflections.
        sample: which of several attempts at that temperature.
        max_tokens: of each reason and reflection.
        rounds: most rounds; 1 does not reflect.
    """

    style: str = STYLE
    temperature: float = 0.0
    sample: int = 0
    max_tokens: int = LONG
    rounds: int = 3

    @property
    def name(self) -> str:
        """As an annotator's."""
        return _name("self-critical", self.style, self.temperature, self.sample)

    def answer(self, questions: Sequence[Question], ask: Ask) -> list[Opinion]:
        """An opinion on each question, in order."""
        if self.rounds < 1:
            raise InputError(f"rounds={self.rounds} of SelfCritical leaves nothing to do. Allow 1 or more.")
        said = [prompts.reasoning(question, self.style) for question in questions]
        found: list[list[Opinion]] = [[] for _ in questions]
        going = list(range(len(questions)))
        for n in range(self.rounds):
            if n:
                self._say(said, going, prompts.reflect, ask)
            turn = prompts.again if n else tuple  # the first reason has been asked for already
            for i, reply in zip(going, self._say(said, going, turn, ask), strict=True):
                found[i].append(_read(questions[i], reply, self.style))
            going = [i for i in going if not _stable(found[i])]
        ends = [replace(own[-1], reason=_transcript(one, own)) for one, own in zip(said, found, strict=True)]
        return _settle(questions, said, ends, ask, self.style)

    def _say(
        self, said: list[Messages], going: Sequence[int], turn: Callable[[Messages], Messages], ask: Ask
    ) -> list[Reply]:
        """Let conversations go on by a turn of the user's and what the model says to it."""
        for i in going:
            said[i] = turn(said[i])
        replies = ask([_written(said[i], self) for i in going])
        for i, reply in zip(going, replies, strict=True):
            said[i] = (*said[i], ("assistant", reply.text))
        return replies


def paper_pool(style: str = STYLE) -> tuple[Expert, ...]:
    """RobustFT's four: the model's answer at temperature 0, and three reasons drawn at 0.7."""
    return (Direct(style), *(Reasoning(style, temperature=0.7, sample=sample) for sample in range(3)))


def uncertainty(reply: Reply) -> tuple[float, str]:
    """How unsure a reply is, in nats, and what that is; NaN and "" where the backend tells nothing."""
    if reply.shares:
        return -sum(share * log(share) for share in reply.shares if share > 0), "entropy of choices"
    if reply.entropies:
        return sum(reply.entropies) / len(reply.entropies), "entropy per token"
    if reply.log_probs:
        return -sum(reply.log_probs) / len(reply.log_probs), "nll per token"
    return nan, ""


def _at_once(
    questions: Sequence[Question], said: Sequence[Messages], ask: Ask, how: Direct | Context | Review
) -> list[Opinion]:
    """Opinions without a reason."""
    menus = [prompts.menu(question, how.style) for question in questions]
    requests = [
        Request(one, menu, how.max_tokens, how.temperature, how.sample) for one, menu in zip(said, menus, strict=True)
    ]
    return [_chosen(*row, how.style) for row in zip(questions, ask(requests), strict=True)]


def _written(said: Messages, how: Reasoning | SelfCritical) -> Request:
    return Request(said, (), how.max_tokens, how.temperature, how.sample)


def _chosen(question: Question, reply: Reply, style: str) -> Opinion:
    """What a reply without a reason says; a part of a free answer is none."""
    if not question.choices:
        return Opinion("" if reply.cut else parse(reply.text) or reply.text, (), "", *uncertainty(reply))
    menu = prompts.menu(question, style)
    if reply.text not in menu:
        return Opinion("", (), "", *uncertainty(reply))
    return Opinion(question.choices[menu.index(reply.text)], reply.shares, "", *uncertainty(reply))


def _read(question: Question, reply: Reply, style: str) -> Opinion:
    """What a reply that ends with an answer says, itself the reason; a part of a free answer is none."""
    letters = prompts.manner(question, style) == "letters"
    found = "" if reply.cut and not question.choices else parse(reply.text, question.choices, letters=letters)
    return Opinion(found, (), reply.text, *uncertainty(reply))


def _settle(
    questions: Sequence[Question], said: Sequence[Messages], found: list[Opinion], ask: Ask, style: str
) -> list[Opinion]:
    """Where there is no answer yet, ask what the conversation comes to; the reason stays."""
    left = [i for i, opinion in enumerate(found) if not opinion.answer]
    menus = [prompts.menu(questions[i], style) for i in left]
    requests = [
        Request(prompts.settled(questions[i], said[i], style), menu, SHORT) for i, menu in zip(left, menus, strict=True)
    ]
    for i, reply in zip(left, ask(requests) if left else [], strict=True):
        found[i] = replace(_chosen(questions[i], reply, style), reason=found[i].reason)
    return found


def _stable(opinions: Sequence[Opinion]) -> bool:
    """Whether the last two rounds came to the same answer."""
    return len(opinions) > 1 and opinions[-1].answer == opinions[-2].answer != ""


def _transcript(said: Messages, opinions: Sequence[Opinion]) -> str:
    """All that was said, and after how many rounds it ended and why."""
    spoken = [text for role, text in said if role == "assistant"]
    end = "the last two agree" if _stable(opinions) else "no two in a row agree"
    return "\n\n".join([*spoken, f"Rounds: {len(opinions)}, {end}."])


def _name(base: str, style: str, temperature: float, sample: int) -> str:
    drawn = f"{temperature:g}-{sample + 1}" if temperature else ""
    return "-".join(filter(None, [base, style if style != STYLE else "", drawn]))


def _as_many(what: str, size: int, questions: Sequence[Question]) -> None:
    if size != len(questions):
        raise InputError(
            f"{what} {size} questions, {len(questions)} are asked. Make one for the questions it is asked."
        )
