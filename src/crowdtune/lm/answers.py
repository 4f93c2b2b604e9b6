"""What stands for a choice: one token, a text after the prompt, or an output of a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from crowdtune.annotations import Ints, Items
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.wording import compared

CONTEXT = 48  # characters before the answer that decide how it is tokenized; prompts that end alike are checked once


class ChoiceError(InputError):
    """A choice is not one distinct token at the answer position."""


def single_tokens(items: Items, texts: Sequence[str], lm: LanguageModel, form: PromptFormat) -> Ints:
    """(I, K) the one distinct token of each choice where the answer comes, -1 where an item has no such choice.

    Args:
        items: I items.
        texts: their prompts.
        lm: whose tokenizer.
        form: words or letters, chat.
    """
    tokens = np.full((len(items), items.max_choices), -1, dtype=np.int64)
    known: dict[tuple[int, str], list[int]] = {}
    for i, text in enumerate(texts):
        key = (int(items.choice_set[i]), "" if lm.is_encoder_decoder else text[-CONTEXT:])
        if key not in known:
            known[key] = distinct_tokens(lm, key[1], form.answers(items.choices(i)), form)
        tokens[i, : len(known[key])] = known[key]
    return tokens


def distinct_tokens(lm: LanguageModel, context: str, answers: Sequence[str], form: PromptFormat) -> list[int]:
    """The one token that each answer becomes after `context`, no two alike, or a ChoiceError."""
    tokens = [_token(lm, context, answer, form.chat) for answer in answers]
    _check_distinct(tokens, answers, form)
    return tokens


def continuations(
    items: Items, blanks: Sequence[str], texts: Sequence[str], lm: LanguageModel, form: PromptFormat
) -> list[list[list[int]]]:
    """I x K token ids of the choices as texts after their prompts; [] for a tie of the two things compared.

    Prompt and choice are tokenized together, as they will be read, and cut where the prompt's own tokens end; encoders
    with a reward head read them as a pair. What is trained on as a whole (with DPO, too) ends with the end-of-sequence
    token.

    Args:
        items: I items.
        blanks: what stands between prompt and choice.
        texts: the prompts up to there.
        lm: whose tokenizer.
        form: texts, responses or reward; chat.
    """
    ties = np.array(compared(items), dtype=bool)[items.task]
    written = [(i, k, c) for i in range(len(items)) for k, c in enumerate(items.choices(i)) if not (ties[i] and k == 2)]
    found: list[list[list[int]]] = [[[] for _ in items.choices(i)] for i in range(len(items))]
    if not written:
        return found
    special = not form.chat
    if lm.is_encoder_decoder:
        ids = lm.tokenizer([c for _, _, c in written], add_special_tokens=False).input_ids
    else:
        if lm.head != "lm" and lm.tokenizer.sep_token is not None:
            whole = lm.tokenizer([texts[i] for i, _, _ in written], [c for _, _, c in written])
        else:
            whole = lm.tokenizer([texts[i] + blanks[i] + c for i, _, c in written], add_special_tokens=special)
        before = [len(ids) for ids in lm.tokenizer(list(texts), add_special_tokens=special).input_ids]
        ids = [row[before[i] :] for row, (i, _, _) in zip(whole.input_ids, written, strict=True)]
    end = [] if form.style == "texts" and not form.beta else [lm.end]
    for row, (i, k, _) in zip(ids, written, strict=True):
        found[i][k] = row if row[-1:] == end else row + end
    return found


def outputs(items: Items, lm: LanguageModel) -> Ints:
    """(I, K) which output of a classification head stands for each choice, -1 where an item has no such choice.

    Outputs are called by task and choice where the head was trained on several tasks, however many these items have.
    """
    place = {name: unit for unit, name in lm.model.config.id2label.items()}
    table = np.full((len(items), items.max_choices), -1, dtype=np.int64)
    for i in range(len(items)):
        for k, choice in enumerate(items.choices(i)):
            unit = place.get(unit_name(items.tasks[items.task[i]], choice), place.get(choice))
            if unit is None:
                raise InputError(
                    f"item '{items.ids[i]}' has the choice '{choice}', which is no output of the model's head "
                    f"({', '.join(place)}). Give it the choices it was trained on."
                )
            table[i, k] = unit
    return table


def name_outputs(lm: LanguageModel, items: Items) -> None:
    """Call the outputs of a head what the choices are called, in their order, where nobody has named them yet.

    For a model that the user made: transformers calls its outputs LABEL_0, LABEL_1 and so on.
    """
    config = lm.model.config
    if lm.head != "head" or any(name != f"LABEL_{unit}" for unit, name in config.id2label.items()):
        return
    names = units(items)
    if len(names) != config.num_labels:
        raise InputError(
            f"the model's head has {config.num_labels} outputs, the items have {len(names)} choices "
            f"({', '.join(names)}). Load the model with num_labels={len(names)}."
        )
    config.id2label = dict(enumerate(names))
    config.label2id = {name: unit for unit, name in enumerate(names)}


def units(items: Items) -> tuple[str, ...]:
    """Names of the outputs a classification head needs: the choices; with several tasks, those of each."""
    items.require_shared_choices("a classification head", "style=texts, or style=letters, with a language model")
    several = len(items.tasks) > 1
    sets = {m: items.choices(int(np.flatnonzero(items.task == m)[0])) for m in np.unique(items.task).tolist()}
    return tuple(unit_name(items.tasks[m] if several else "", c) for m, choices in sets.items() for c in choices)


def unit_name(task: str, choice: str) -> str:
    """What a head's output is called."""
    return f"{task}: {choice}" if task else choice


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
        "Use style=letters, style=texts for choices that are whole texts, or --rename it to a shorter word."
    )


def _check_distinct(tokens: list[int], answers: Sequence[str], form: PromptFormat) -> None:
    for n, token in enumerate(tokens):
        if token in tokens[:n]:
            twin = answers[tokens.index(token)]
            raise ChoiceError(
                f"choices '{twin}' and '{answers[n]}' are the same token at the answer position. "
                + ("Use style=letters." if form.style == "words" else "Use style=words.")
            )
