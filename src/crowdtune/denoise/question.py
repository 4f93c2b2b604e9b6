"""What experts are asked, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Protocol

from crowdtune.backends import Reply, Request

Ask = Callable[[Sequence[Request]], list[Reply]]  # a backend with a store in front of it; replies in order


@dataclass(frozen=True)
class Question:
    """An item as experts read it.

    Args:
        text: what is asked.
        choices: allowed answers, in code order; () where the answer is written freely.
    """

    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opinion:
    """What an expert says of a question.

    Args:
        answer: one of the choices, or a text; "" where none could be read.
        shares: (K,) probability of each choice, sums to 1; () where the expert cannot tell, or nothing was read.
        reason: what was written on the way to the answer; "" where nothing was.
        uncertainty: nats; NaN where it is not known.
        measure: what the uncertainty is: "entropy of choices", "entropy per token" (mean over tokens of the entropy
            of what each was drawn from) or "nll per token" (mean negative log-probability of the tokens written).
    """

    answer: str
    shares: tuple[float, ...] = ()
    reason: str = ""
    uncertainty: float = nan
    measure: str = ""


class Expert(Protocol):
    """Who answers questions."""

    @property
    def name(self) -> str:
        """As an annotator's."""
        ...

    def answer(self, questions: Sequence[Question], ask: Ask) -> list[Opinion]:
        """An opinion on each question, in order."""
        ...
