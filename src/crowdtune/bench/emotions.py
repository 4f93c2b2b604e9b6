"""Planted emotions, shaped like GoEmotions: 28 choices, three to five unnamed annotators a text, most choices unused.

A text names one to three emotions and how much of each there is; what all people would say is planted, and the labels
are drawn from it. It says how a method copes with many choices and few labels, not how it reads emotions.
"""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import UNKNOWN, Annotations, Floats, Items

EMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
AMOUNTS = {"a lot of": 6.0, "some": 2.0, "a little": 1.0}  # of an emotion beside NEUTRAL
NEUTRAL = 0.5  # of "neutral" in every text
NAMED = 3  # emotions of a text at most
LABELS = (3, 4, 5)  # of a text, each number as likely


def emotions(count: int, rng: np.random.Generator) -> Annotations:
    """Draw `count` texts with the labels people gave them, as counts; there is no gold."""
    drawn = [_text(rng) for _ in range(count)]
    shares = np.array([shares for _, shares in drawn]).reshape(count, len(EMOTIONS))
    counts = rng.multinomial(rng.choice(LABELS, size=count), shares)
    none, zeros = np.zeros(0, dtype=np.int64), np.zeros(count, dtype=np.int64)
    ids, texts = [f"text-{i}" for i in range(count)], [text for text, _ in drawn]
    items = Items(ids, texts, [EMOTIONS], zeros, ["emotion"], zeros, np.full(count, UNKNOWN), [""] * count)
    return Annotations(items, [], none, none, none, counts=counts)


def _text(rng: np.random.Generator) -> tuple[str, Floats]:
    """A text, and (K,) what share of all people would give it each emotion."""
    named = rng.permutation(len(EMOTIONS) - 1)[: rng.integers(1, NAMED + 1)]
    amounts = rng.choice(list(AMOUNTS), size=len(named))
    weight = np.zeros(len(EMOTIONS))
    weight[-1] = NEUTRAL
    weight[named] = [AMOUNTS[str(amount)] for amount in amounts]
    text = ", ".join(f"{amount} {EMOTIONS[k]}" for amount, k in zip(amounts, named, strict=True))
    return text, weight / weight.sum()
