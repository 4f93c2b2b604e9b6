"""Ask a language model to write the distribution of people's answers, and read what it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Floats, Items
from crowdtune.errors import InputError
from crowdtune.lm.encode import asked, shorten
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.writing import Draw, write
from crowdtune.verbal import parse, written

ROWS = 64  # texts written in a batch
SPARE = 8  # tokens beyond the longest form


@dataclass(frozen=True)
class Told:
    """How well a model kept to the form.

    Args:
        parsed: share of its texts that could be read; items with none are given even shares.
        sums_to_one: of those, the share whose numbers sum to 0.95 to 1.05 as written.
        unread: places of items of which no text could be read.
    """

    parsed: float
    sums_to_one: float
    unread: tuple[int, ...]


def verbal_items(items: Items, form: PromptFormat) -> tuple[Items, PromptFormat]:
    """Items whose text is the whole question for a distribution, and the format that adds nothing to it.

    Args:
        items: I items with choices.
        form: its template ("" for the question of style "verbal"), chat and name_task.
    """
    asking = replace(form, style="verbal", chat=False)
    prompts = [asking.text(items, i, None) for i in range(len(items))]
    return replace(items, prompts=prompts), PromptFormat(
        "responses", "{prompt}", form.chat, normalise="sum", beta=0.0, name_task=False
    )


def room(lm: LanguageModel, items: Items) -> int:
    """Most tokens a distribution over the choices of any of these items takes."""
    forms = {items.choices(i) for i in range(len(items))}
    longest = [", ".join(f"{name} 100%" for name in choices) for choices in forms]
    return max(len(ids) for ids in lm.tokenizer(longest, add_special_tokens=False).input_ids) + SPARE


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
        max_tokens: most tokens of a text; 0 for what the longest needs.
        max_length: most tokens of a prompt.
        bf16: autocast to bfloat16.
    """
    if samples < 1 or (samples > 1 and temperature <= 0):
        raise InputError(f"samples={samples} at temperature={temperature}: the likeliest text is one. Set either.")
    if not len(items):
        return np.zeros((0, items.max_choices)), Told(float("nan"), float("nan"), ())
    questions, plain = verbal_items(items, form)
    prompts = [shorten(ids, max_length) for ids in asked(questions, lm, plain)[2]]
    rows = np.repeat(np.arange(len(items)), samples).tolist()
    texts = _written(lm, prompts, rows, Draw(temperature), max_tokens or room(lm, items), bf16)
    return _shares(items, rows, texts)


def _written(
    lm: LanguageModel, prompts: Sequence[list[int]], rows: Sequence[int], draw: Draw, max_tokens: int, bf16: bool
) -> list[str]:
    """A text for each of `rows`, prompts of like length together."""
    texts = [""] * len(rows)
    order = sorted(range(len(rows)), key=lambda r: len(prompts[rows[r]]))
    seeds = np.random.default_rng(draw.seed).integers(2**31, size=len(rows)).tolist()
    for begin in range(0, len(order), ROWS):
        index = order[begin : begin + ROWS]
        draws = [Draw(draw.temperature, seeds[r]) for r in index]
        for r, said in zip(
            index, write(lm, [prompts[rows[r]] for r in index], draws, max_tokens, bf16=bf16), strict=True
        ):
            texts[r] = lm.tokenizer.decode(said.tokens, skip_special_tokens=True)
    return texts


def _shares(items: Items, rows: Sequence[int], texts: Sequence[str]) -> tuple[Floats, Told]:
    total = np.zeros((len(items), items.max_choices))
    read = np.zeros(len(items))
    exact = 0
    for i, text in zip(rows, texts, strict=True):
        found = parse(text, items.choices(i))
        if found is not None:
            total[i, : len(found.shares)] += found.shares
            read[i] += 1
            exact += found.sums_to_one
    even = items.choice_mask / np.maximum(items.n_choices, 1)[:, None]
    shares = np.where(read[:, None] > 0, total / np.maximum(read, 1)[:, None], even)
    parsed = int(read.sum())
    return shares, Told(parsed / len(texts), exact / max(parsed, 1), tuple(np.flatnonzero(read == 0).tolist()))


def verbal_targets(shares: Floats, items: Items) -> list[str]:
    """(I,) distributions over the items' choices, as a model is to write them."""
    return [
        written(row[:size].tolist(), items.choices(i))
        for i, (row, size) in enumerate(zip(shares, items.n_choices, strict=True))
    ]
