"""Items as token ids: the prompt, and the one token that stands for each choice at the answer position."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crowdtune.annotations import Floats, Ints, Items
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import STYLES, PromptFormat

logger = logging.getLogger(__name__)
CONTEXT = 48  # characters before the answer that decide how it is tokenized; prompts that end alike are checked once


class ChoiceError(InputError):
    """A choice is not one distinct token at the answer position."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Items as a model reads them.

    Args:
        prompts: I lists of token ids.
        answers: (I, K) token that stands for each choice, -1 where an item has no such choice.
        format: how it was done, "auto" resolved.
        truncated: how many prompts were too long and lost their middle.
        offset: (I, K) log-probabilities to subtract before the softmax; 0 unless centred.
    """

    prompts: list[list[int]]
    answers: Ints
    format: PromptFormat
    truncated: int
    offset: Floats

    def __len__(self) -> int:
        return len(self.prompts)

    def take(self, index: Ints) -> Encoded:
        """The items at `index`, in that order."""
        return replace(
            self,
            prompts=[self.prompts[i] for i in index],
            answers=self.answers[index],
            offset=self.offset[index],
        )


def encode(items: Items, lm: LanguageModel, form: PromptFormat, max_length: int) -> Encoded:
    """Tokenize items; every choice must be one distinct token where the answer comes.

    Args:
        items: I items with texts and at least two choices each.
        lm: whose tokenizer.
        form: style, template, chat.
        max_length: most tokens of a prompt; of a longer one the middle is left out.
    """
    _check(items, form)
    if form.style == "auto":
        try:
            return encode(items, lm, replace(form, style="words"), max_length)
        except ChoiceError:
            return encode(items, lm, replace(form, style="letters"), max_length)
    texts = [form.text(items, i, lm.tokenizer) for i in range(len(items))]
    answers = _answer_tokens(items, texts, lm, form)
    prompts = lm.tokenizer(texts, add_special_tokens=not form.chat).input_ids if texts else []
    truncated = sum(len(p) > max_length for p in prompts)
    if truncated:
        logger.warning(f"{truncated} prompts are longer than max_length={max_length} tokens and lose their middle")
    prompts = [_shorten(p, max_length) for p in prompts]
    return Encoded(prompts, answers, form, truncated, np.zeros(answers.shape))


def _check(items: Items, form: PromptFormat) -> None:
    if form.style not in STYLES:
        raise InputError(f"style '{form.style}' is unknown. Allowed: {', '.join(STYLES)}.")
    if form.template and "{prompt}" not in form.template:
        raise InputError(f"template {form.template!r} has no {{prompt}}: every item would read the same. Add it.")
    for i in range(len(items)):
        if not items.prompts[i]:
            raise InputError(f"item '{items.ids[i]}' has no text to read. Add a prompt column, or pass --items FILE.")
        if items.n_choices[i] < 2:
            raise InputError(
                f"item '{items.ids[i]}' has {items.n_choices[i]} choices, at least two are needed. Pass --choices."
            )


def _shorten(prompt: list[int], max_length: int) -> list[int]:
    """Leave out the middle: the instruction stands at the start, the question and "Answer:" at the end."""
    if len(prompt) <= max_length:
        return prompt
    head = max_length // 2
    return prompt[:head] + prompt[len(prompt) - (max_length - head) :]


def _answer_tokens(items: Items, texts: Sequence[str], lm: LanguageModel, form: PromptFormat) -> Ints:
    tokens = np.full((len(items), items.max_choices), -1, dtype=np.int64)
    known: dict[tuple[int, str], list[int]] = {}
    for i, text in enumerate(texts):
        key = (int(items.choice_set[i]), "" if lm.is_encoder_decoder else text[-CONTEXT:])
        if key not in known:
            answers = form.answers(items.choices(i))
            known[key] = [_token(lm, key[1], a, form.chat) for a in answers]
            _check_distinct(known[key], answers, form)
        tokens[i, : len(known[key])] = known[key]
    return tokens


def _token(lm: LanguageModel, context: str, answer: str, chat: bool) -> int:
    """The one token that `answer` becomes after `context` (at the decoder's first position where there is one)."""
    if lm.is_encoder_decoder:
        ids = lm.tokenizer(answer, add_special_tokens=False).input_ids
        return int(ids[0]) if len(ids) == 1 else _raise_not_one(lm.tokenizer, answer, ids, "at the decoder's start")
    spaced = answer if chat or context[-1:].isspace() else f" {answer}"
    before = lm.tokenizer(context, add_special_tokens=False).input_ids
    after = lm.tokenizer(context + spaced, add_special_tokens=False).input_ids
    ids = after[len(before) :]
    if after[: len(before)] != before or len(ids) != 1:
        return _raise_not_one(lm.tokenizer, answer, ids, f"after {context[-12:]!r}")
    return int(ids[0])


def _raise_not_one(tokenizer: Any, answer: str, ids: Sequence[int], place: str) -> int:
    pieces = " ".join(repr(tokenizer.decode([t])) for t in ids)
    raise ChoiceError(
        f"choice '{answer}' is {len(ids)} tokens {place} ({pieces}), not one of its own. "
        "Use style=letters, or --rename it to a shorter word."
    )


def _check_distinct(tokens: list[int], answers: Sequence[str], form: PromptFormat) -> None:
    for n, token in enumerate(tokens):
        if token in tokens[:n]:
            twin = answers[tokens.index(token)]
            raise ChoiceError(
                f"choices '{twin}' and '{answers[n]}' are the same token at the answer position. "
                + ("Use style=letters." if form.style == "words" else "Use style=words.")
            )
