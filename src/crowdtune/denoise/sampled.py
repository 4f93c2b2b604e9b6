"""Distributions of a model that only ever answers: asked several times at a temperature, its answers are counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.backends import Request
from crowdtune.denoise import prompts
from crowdtune.denoise.experts import STYLE
from crowdtune.denoise.parse import MARKED, parse
from crowdtune.denoise.question import Ask, Question
from crowdtune.errors import InputError

SAMPLES = 16  # answers for each item; a share's standard error is then 0.125 at most
SHORT = 32  # tokens of an answer
SMOOTHING = 0.5  # pseudo-answers of each choice, as Jeffreys' prior has
REFUSED = re.compile(
    r"\W*(?:i\s*(?:['’]m|\s+am)\s+(?:sorry|unable|not able)|sorry\b|unfortunately\b|as an? (?:ai|language model)\b"
    r"|i\s+(?:can\s?not|can['’]t|won['’]t|will not|(?:must |have to )?decline))",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a model answered, counted.

    Args:
        shares: (I, K) shares of answers with `smoothing` more of each choice, rows sum to 1; even where none was read.
        error: (I, K) standard error of them.
        answers: (I, K) answers read.
        asked: (I,) answers asked for.
        refused: (I,) answers that refuse to give one; never a choice, whatever choice they name.
        unread: (I,) other answers that name no choice, or several.
    """

    shares: Floats
    error: Floats
    answers: Ints
    asked: Ints
    refused: Ints
    unread: Ints

    def __str__(self) -> str:
        read, asked = int(self.answers.sum()), int(self.asked.sum())
        told = f"{read:,} of {asked:,} answers read"
        lost = [f"{int(self.refused.sum()):,} refused", f"{int(self.unread.sum()):,} without one clear choice"]
        silent = int((self.answers.sum(axis=1) == 0).sum())
        told += "" if read == asked else f": {', '.join(lost)}"
        return told + (f"; {silent:,} items without any, taken for even" if silent else "")


def sampled(
    items: Items,
    ask: Ask,
    *,
    samples: int = SAMPLES,
    temperature: float = 1.0,
    smoothing: float = SMOOTHING,
    style: str = STYLE,
) -> Sampled:
    """Ask for every item several times, and count.

    Args:
        items: I items with texts and two choices or more.
        ask: a backend with a store in front of it, so that no answer is paid for twice.
        samples: answers for each item.
        temperature: they are drawn at.
        smoothing: pseudo-answers of each choice, 0 for none.
        style: how options are shown; see `prompts`.
    """
    if samples < 1 or smoothing < 0 or temperature <= 0:
        raise InputError(
            f"samples={samples} must be 1 or more, smoothing={smoothing} 0 or more, temperature={temperature} above 0."
        )
    questions = [Question(items.prompts[i], items.choices(i)) for i in range(len(items))]
    require_choices(items)
    said = [prompts.direct(one, style) for one in questions]
    requests = [Request(one, (), SHORT, temperature, g) for one in said for g in range(samples)]
    texts = [reply.text for reply in ask(requests)]
    answers = np.zeros(items.choice_mask.shape, dtype=np.int64)
    refused, unread = np.zeros((2, len(items)), dtype=np.int64)
    for i, one in enumerate(questions):
        for text in texts[i * samples : (i + 1) * samples]:
            found = _read(text, one, style)
            if found:
                answers[i, one.choices.index(found)] += 1
            else:
                (refused if _refuses(text, one.choices) else unread)[i] += 1
    asked = np.full(len(items), samples)
    return Sampled(*smoothed(answers, items, smoothing), answers, asked, refused, unread)


def require_choices(items: Items) -> None:
    """Refuse items that nothing can be asked about."""
    for i, name in enumerate(items.ids):
        if not items.prompts[i] or items.n_choices[i] < 2:
            raise InputError(f"item '{name}' needs a text and two choices or more to be asked about. Add them.")


def smoothed(answers: Ints, items: Items, smoothing: float) -> tuple[Floats, Floats]:
    r"""(I, K) shares :math:`(c_k + a) / (n + a K)`, mean of a Dirichlet posterior, and its standard deviation."""
    mask, k = items.choice_mask, items.n_choices[:, None]
    total = answers.sum(axis=1, keepdims=True) + smoothing * k
    shares = np.where(mask, np.where(total > 0, (answers + smoothing) / np.maximum(total, 1e-12), 1 / k), 0.0)
    return shares, np.sqrt(shares * (1 - shares) / (total + 1))


def _read(text: str, question: Question, style: str) -> str:
    """The choice an answer names; "" where it refuses or names none."""
    letters = prompts.manner(question, style) == "letters"
    return "" if _refuses(text, question.choices) else parse(text, question.choices, letters=letters)


def _refuses(text: str, choices: Sequence[str]) -> bool:
    """Whether an answer begins as refusals do, is none of the choices word for word, and announces no answer after."""
    return bool(REFUSED.match(text)) and text.strip() not in choices and not MARKED.search(text)
