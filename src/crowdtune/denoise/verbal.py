"""Distributions a model behind a backend writes out: asked how people would answer, its percentages are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.backends import Request
from crowdtune.denoise.prompts import Messages
from crowdtune.denoise.question import Ask
from crowdtune.denoise.sampled import require_choices
from crowdtune.errors import InputError
from crowdtune.verbal import parse

ASKED = (
    "{prompt}\n\nMany people are asked this, and they may disagree. What share of them gives each of the answers "
    "{choices}?\nReply with one line of the form\n{form}\nwhere the percentages sum to 100%, and nothing else."
)
SHORT, EACH = 32, 16  # tokens of a reply, and for each choice


@dataclass(frozen=True, eq=False)
class Verbalised:
    """What a model wrote, read.

    Args:
        shares: (I, K) mean of the distributions read, rows sum to 1; even where none was.
        read: (I,) how many were.
        asked: of each item.
    """

    shares: Floats
    read: Ints
    asked: int

    def __str__(self) -> str:
        told = f"{int(self.read.sum()):,} of {self.asked * len(self.read):,} distributions read"
        silent = int((self.read == 0).sum())
        return told + (f"; {silent:,} items without any, taken for even" if silent else "")


def verbalised(items: Items, ask: Ask, *, samples: int = 1, temperature: float = 0.0) -> Verbalised:
    """Ask for the distribution of people's answers to every item.

    Args:
        items: I items with texts and two choices or more.
        ask: a backend with a store in front of it, so that no answer is paid for twice.
        samples: replies for each item, whose mean is taken.
        temperature: they are drawn at; above 0 where there are several.
    """
    if samples < 1 or (samples > 1 and temperature <= 0):
        raise InputError(f"samples={samples} at temperature={temperature}: several differ only above 0. Raise it.")
    require_choices(items)
    sets = [items.choices(i) for i in range(len(items))]
    requests = [
        Request(_messages(prompt, choices), (), SHORT + EACH * len(choices), temperature, g)
        for prompt, choices in zip(items.prompts, sets, strict=True)
        for g in range(samples)
    ]
    texts = [reply.text for reply in ask(requests)]
    total, read = np.zeros(items.choice_mask.shape), np.zeros(len(items), dtype=np.int64)
    for i, choices in enumerate(sets):
        for text in texts[i * samples : (i + 1) * samples]:
            if found := parse(text, choices):
                total[i, : len(choices)] += found.shares
                read[i] += 1
    even = items.choice_mask / items.n_choices[:, None]
    return Verbalised(np.where(read[:, None] > 0, total / np.maximum(read, 1)[:, None], even), read, samples)


def _messages(prompt: str, choices: Sequence[str]) -> Messages:
    named, form = ", ".join(choices), ", ".join(f"{choice} ..%" for choice in choices)
    return (("user", ASKED.format(prompt=prompt, choices=named, form=form)),)
