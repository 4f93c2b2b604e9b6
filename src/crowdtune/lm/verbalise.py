"""Ask a language model to write the distribution of people's answers, and read what it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Floats, Items
from crowdtune.errors import InputError
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.writing import Draw, write
from crowdtune.verbal import Verbal, parse

ROWS = 64  # texts written in a batch
SPARE = 8  # tokens beyond the longest form


@dataclass(frozen=True)
class Told:
    """How well a model kept to the form.

    Args:
        parsed: share of its texts that could be read.
        sums_to_one: of those, the share whose numbers sum to 0.95 to 1.05 as written.
        unread: places of the items of which no text could be read; they are given even shares.
    """

    parsed: float
    sums_to_one: float
    unread: tuple[int, ...]


def verbalised(
    lm: LanguageModel,
    items: Items,
    form: PromptFormat,
    *,
    samples: int = 1,
    temperature: float = 0.0,
    max_tokens: int = 0,
    max_length: int = 512,
    bf16: bool = True,
) -> tuple[Floats, Told]:
    """(I, K) shares a model writes for the choices of items, and how well it kept to the form.

    Args:
        lm: a model with a language-model head.
        items: I items with texts and choices.
        form: template and chat; the style is taken as "verbal".
        samples: texts for each item; the mean of those that can be read is taken.
        temperature: of drawing them; 0 takes the likeliest, once.
        max_tokens: most tokens of a text; 0 for what the longest distribution needs.
        max_length: most tokens of a prompt.
        bf16: autocast to bfloat16.
    """
    encoded = encode(items, lm, replace(form, style="verbal"), max_length)
    return shares(lm, encoded, samples=samples, temperature=temperature, max_tokens=max_tokens, bf16=bf16)


def shares(
    lm: LanguageModel,
    encoded: Encoded,
    *,
    samples: int = 1,
    temperature: float = 0.0,
    max_tokens: int = 0,
    bf16: bool = True,
) -> tuple[Floats, Told]:
    """The same of items as `encode` gives them with style "verbal"."""
    if samples < 1 or (samples > 1 and temperature <= 0):
        raise InputError(
            f"samples={samples} at temperature={temperature}: there is one likeliest text. Draw with a temperature "
            "above 0, or take one."
        )
    if not len(encoded):
        return np.zeros(encoded.answers.shape), Told(float("nan"), float("nan"), ())
    rows = np.repeat(np.arange(len(encoded)), samples).tolist()
    most = max_tokens or room(lm, encoded.names)
    texts = _texts(lm, [encoded.rows[i].tolist() for i in rows], temperature, most, bf16)
    return _told(encoded, rows, [parse(text, encoded.names[i]) for i, text in zip(rows, texts, strict=True)])


def room(lm: LanguageModel, names: Sequence[tuple[str, ...]]) -> int:
    """Most tokens a distribution takes over any of these sets of choices."""
    longest = [", ".join(f"{name} 100%" for name in choices) for choices in set(names)]
    return max(len(ids) for ids in lm.tokenizer(longest, add_special_tokens=False).input_ids) + SPARE


def _texts(lm: LanguageModel, prompts: Sequence[list[int]], temperature: float, most: int, bf16: bool) -> list[str]:
    """What follows each prompt, prompts of like length together."""
    texts = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
    for begin in range(0, len(order), ROWS):
        index = order[begin : begin + ROWS]
        said = write(lm, [prompts[row] for row in index], [Draw(temperature, row) for row in index], most, bf16=bf16)
        for row, one in zip(index, said, strict=True):
            texts[row] = lm.tokenizer.decode(one.tokens, skip_special_tokens=True)
    return texts


def _told(encoded: Encoded, rows: Sequence[int], read: Sequence[Verbal | None]) -> tuple[Floats, Told]:
    """Means over the texts of each item, and how many there are."""
    there = encoded.answers >= 0
    total, count = np.zeros(there.shape), np.zeros(len(encoded))
    found = [(i, verbal) for i, verbal in zip(rows, read, strict=True) if verbal is not None]
    for i, verbal in found:
        total[i, : len(verbal.shares)] += verbal.shares
        count[i] += 1
    even = there / np.maximum(there.sum(axis=1, keepdims=True), 1)
    shares = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], even)
    exact = sum(verbal.sums_to_one for _, verbal in found) / len(found) if found else float("nan")
    return shares, Told(len(found) / len(rows), exact, tuple(np.flatnonzero(count == 0).tolist()))
