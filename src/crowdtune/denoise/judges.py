"""Judges of what others said: a language model that is asked for Yes or No and gives a probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

from crowdtune.backends import Request
from crowdtune.denoise import prompts
from crowdtune.denoise.prompts import Messages
from crowdtune.denoise.question import Ask, Question

MOST_TOKENS = 8  # where the backend has to write Yes or No


@dataclass(frozen=True)
class SelfSelect:
    """Says how probable it is that the label of a question is right."""

    def probability(self, questions: Sequence[Question], labels: Sequence[str], ask: Ask) -> list[float]:
        """(I,) probability that each label is right; NaN where nothing could be read.

        Args:
            questions: I questions.
            labels: (I,) the answer each was given.
            ask: the model.
        """
        return _yes([prompts.select(*row) for row in zip(questions, labels, strict=True)], ask)


@dataclass(frozen=True)
class Judge:
    """Says how probable it is that two answers to a question mean the same, alike whichever is named first."""

    def probability(self, questions: Sequence[Question], pairs: Sequence[tuple[str, str]], ask: Ask) -> list[float]:
        """(I,) probability that the answers of each pair mean the same; NaN where nothing could be read.

        Args:
            questions: I questions.
            pairs: (I,) two answers to each.
            ask: the model.
        """
        return _yes([prompts.judge(question, *pair) for question, pair in zip(questions, pairs, strict=True)], ask)


def _yes(said: Sequence[Messages], ask: Ask) -> list[float]:
    """(I,) probability of Yes; 1 or 0 where the backend tells the answer alone."""
    replies = ask([Request(one, prompts.YES_NO, MOST_TOKENS) for one in said])
    by_text = dict(zip(prompts.YES_NO, (1.0, 0.0), strict=True))
    return [reply.shares[0] if reply.shares else by_text.get(reply.text, nan) for reply in replies]
