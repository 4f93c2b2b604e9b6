"""Planted truth for cleaning: numbered questions, labels wrong in a known share, a model right in another."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Floats
from tests.backends.server import completion

CHOICES = ("red", "green", "blue", "grey")
LETTERS = "ABCD"
REASONED = "step by step"
RIGHT = 0.9  # share of its answers in which the model is right
WRONG = 0.3  # share of the labels that are wrong


def truth(i: int) -> int:
    """Code of the right answer of question i."""
    return random.Random(f"truth {i}").randrange(len(CHOICES))


def drawn(i: int, wrong: float, what: str) -> int:
    """An answer to question i that is wrong in this share, then any other alike; always the same for the same words."""
    rng = random.Random(f"{what} {i}")
    return (truth(i) + rng.randrange(1, len(CHOICES))) % len(CHOICES) if rng.random() < wrong else truth(i)


def write(path: Path, n: int, free: bool = False) -> Path:
    """A file of n questions, one label each, with gold; free answers are numbers."""
    names = [str(100 + k) for k in range(len(CHOICES))] if free else CHOICES
    rows = []
    for i in range(n):
        told = {"annotator": "ann", "label": names[drawn(i, WRONG, "label")], "gold": names[truth(i)]}
        rows.append({"item": f"i{i}", "prompt": f"Question {i}?"} | told | ({} if free else {"choices": CHOICES}))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@dataclass
class Model:
    """What a server answers.

    Args:
        free: answers are sentences with a number.
        calls: bodies asked, as often as they were answered.
        until: calls after which the key is refused.
    """

    free: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    until: int = 10**9

    def __call__(self, asked: dict[str, Any]) -> Any:
        if self.calls.total() >= self.until:
            return 401, {}, {"error": {"message": "no credit left"}}
        self.calls[json.dumps(asked, sort_keys=True)] += 1
        text = asked["messages"][-1]["content"]
        i = int(re.findall(r"Question (\d+)\?", text)[-1])
        answer = drawn(i, 1 - RIGHT, f"{asked['model']} {len(asked['messages'])} {REASONED in text}")
        said = f"The answer is {100 + answer}." if self.free else LETTERS[answer]
        return completion(f"Let me see.\nAnswer: {said}" if REASONED in text else said)


def scattered(texts: Sequence[str], **_: Any) -> Floats:
    """Embeddings that say nothing: no encoder is loaded."""
    return np.random.default_rng(0).normal(size=(len(texts), 4))
