"""Items as token ids: the prompt, and what stands for each choice."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints, Items
from crowdtune.lm.answers import ChoiceError, continuations, outputs, single_tokens
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.resolve import check, resolved
from crowdtune.ragged import Growing, Ragged, ragged, text_lengths
from crowdtune.wording import question

logger = logging.getLogger(__name__)
PART, LETTERS = 1024, 1 << 20  # most items, and characters of their texts, that are tokenized at a time
TELL = 10.0  # seconds between lines that say how far it is


@dataclass(frozen=True, eq=False)
class Encoded:
    """Items as a model reads them.

    Args:
        prompts: I rows of token ids; many lie in a file.
        answers: (I, K) what stands for each choice: a token, an output of the head, or, of texts, its place; -1 where
            an item has no such choice.
        format: how it was done, "auto" resolved.
        truncated: how many prompts and texts were too long and lost a part.
        offset: (I, K) nats to subtract before the softmax; 0 unless centred or weighed against another model.
        texts: I x K token ids of the choices as texts, [] for a tie; empty where one token stands for each.
        divisor: (I, K) by what the log-likelihood of a text is divided.
        names: each item's choices, where the model writes them; else empty.
    """

    prompts: Sequence[Sequence[int]] | Ragged
    answers: Ints
    format: PromptFormat
    truncated: int
    offset: Floats
    texts: list[list[list[int]]] = field(default_factory=list)
    divisor: Floats = field(default_factory=lambda: np.ones((0, 0)))
    names: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not isinstance(self.prompts, Ragged):
            object.__setattr__(self, "prompts", ragged(self.prompts, np.int32))

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def rows(self) -> Ragged:
        """The prompts' token ids, as they are kept."""
        assert isinstance(self.prompts, Ragged)
        return self.prompts

    def take(self, index: Ints) -> Encoded:
        """The items at `index`, in that order."""
        return replace(
            self,
            prompts=self.rows.take(index),
            answers=self.answers[index],
            offset=self.offset[index],
            texts=[self.texts[i] for i in index] if self.texts else [],
            divisor=self.divisor[index] if self.texts else self.divisor,
            names=[self.names[i] for i in index] if self.names else [],
        )

    def keep(self, kept: Bools) -> Encoded:
        """Only the texts where `kept` (I, K) is true; no time is spent on others, which then score 0."""
        texts = [[ids if kept[i, k] else [] for k, ids in enumerate(own)] for i, own in enumerate(self.texts)]
        return replace(self, texts=texts)

    def sizes(self) -> Ints:
        """(I, 3) tokens of each prompt, how many texts go on from it, and tokens of the longest."""
        prompt = self.rows.lengths()
        if not self.texts:
            return np.stack([prompt, prompt * 0, prompt * 0], axis=1)
        texts = [(sum(map(bool, own)), max(map(len, own), default=0)) for own in self.texts]
        return np.column_stack([prompt, np.array(texts, dtype=np.int64).reshape(-1, 2)])

    @property
    def ties(self) -> Bools:
        """(I, K) True for choices without a text beside choices that have one: ties of the two things compared."""
        texts = [[not ids for ids in own] for own in self.texts]
        found = np.zeros(self.answers.shape, dtype=bool)
        for row, own in zip(found, texts, strict=False):
            row[: len(own)] = own
        return found

    def with_ties(self, offset: Floats) -> Floats:
        """(I, K) offsets in which a tie has the mean of the two texts', as its score has the mean of theirs."""
        ties = self.ties
        return np.where(ties, offset[:, :2].mean(axis=1, keepdims=True), offset) if ties.any() else offset

    def lengths(self) -> Ints:
        """(I,) tokens a model reads for each item, its texts padded to the longest."""
        prompt, texts, longest = self.sizes().T
        return np.asarray(prompt + texts * longest)

    def feature(self, i: int) -> dict[str, Any]:
        """What `batch.collate` makes a batch of: prompt ids, answers, offset and, of texts, ids and divisor (K,)."""
        row: dict[str, Any] = {
            "input_ids": self.rows[i],
            "answers": self.answers[i],
            "offset": self.offset[i].astype(np.float32),
        }
        if self.texts:
            row |= {"texts": self.texts[i], "divisor": self.divisor[i].astype(np.float32)}
        return row


def encode(items: Items, lm: LanguageModel, form: PromptFormat, max_length: int) -> Encoded:
    """Tokenize items.

    Args:
        items: I items with texts and at least two choices each (style "reward": one, "responses": none).
        lm: whose tokenizer.
        form: style, template, chat.
        max_length: most tokens of a prompt, and of a text that is a choice; of a longer prompt the middle is left out,
            of a longer text the end.

    Raises:
        ChoiceError: a choice is not one distinct token at the answer position (styles "words", "letters").
    """
    form = resolved(items, lm, form)
    check(items, lm, form)
    if form.style == "auto":
        try:
            return encode(items, lm, replace(form, style="words"), max_length)
        except ChoiceError:
            return encode(items, lm, replace(form, style="letters"), max_length)
    made = _together(items, _parts(items, lm, form, max_length))
    _tell(made.truncated, max_length)
    return made


def _parts(items: Items, lm: LanguageModel, form: PromptFormat, max_length: int) -> Iterator[Encoded]:
    """The items encoded some at a time, so that no more than these are in memory as texts and lists."""
    told = time.monotonic()
    for start, end in _cuts(items):
        part = items if end - start == len(items) else items.take(np.arange(start, end))
        yield _encoded(part, asked(part, lm, form), lm, form, max_length)
        if time.monotonic() > told + TELL:
            told = time.monotonic()
            logger.info(f"{end:,} of {len(items):,} items are tokens")


def _cuts(items: Items) -> Iterator[tuple[int, int]]:
    """First and last place, and one more, of parts of at most so many items and, but for one long item, characters."""
    start = letters = 0
    for i, length in enumerate(text_lengths(items.prompts).tolist()):
        if i > start and (letters + length > LETTERS or i - start >= PART):
            yield start, i
            start, letters = i, 0
        letters += length
    yield start, len(items)


def _together(items: Items, parts: Iterable[Encoded]) -> Encoded:
    """Parts of these items as one."""
    k, shape = items.max_choices, (len(items), items.max_choices)
    prompts, texts, names = Growing(np.int32), list[list[list[int]]](), list[tuple[str, ...]]()
    answers, offset, divisor = np.full(shape, -1, dtype=np.int64), np.zeros(shape), np.ones(shape)
    truncated = start = 0
    for part in parts:
        if len(part) == len(items):
            return part
        for row in part.rows:
            prompts.add(row)
        place = slice(start, start + len(part)), slice(0, part.answers.shape[1])
        answers[place], offset[place] = part.answers, part.offset
        if part.texts:
            divisor[place] = part.divisor
            divisor[place[0], place[1].stop : k] = 1 / (part.format.beta or 1.0)
        texts += part.texts
        names += part.names
        truncated += part.truncated
        start += len(part)
    divisor = divisor if texts else np.ones((0, 0))
    return Encoded(prompts.done(), answers, part.format, truncated, offset, texts, divisor, names)


def _tell(truncated: int, max_length: int) -> None:
    if truncated:
        logger.warning(f"{truncated} prompts or answers are longer than max_length={max_length} tokens and lose a part")


def encode_asked(
    items: Items,
    asked: tuple[list[str], list[str], list[list[int]]],
    lm: LanguageModel,
    form: PromptFormat,
    max_length: int,
) -> Encoded:
    """Encode items whose prompts are ready, as `asked` gives them; style and everything else of the format resolved."""
    made = _encoded(items, asked, lm, form, max_length)
    _tell(made.truncated, max_length)
    return made


def _encoded(
    items: Items,
    asked: tuple[list[str], list[str], list[list[int]]],
    lm: LanguageModel,
    form: PromptFormat,
    max_length: int,
) -> Encoded:
    blanks, texts, prompts = asked
    answers, written = _answers(items, blanks, texts, lm, form)
    truncated = sum(len(ids) > max_length for ids in [*prompts, *(ids for own in written for ids in own)])
    prompts = [shorten(p, max_length) for p in prompts]
    written = [[ids[:max_length] for ids in own] for own in written]
    encoded = Encoded(prompts, answers, form, truncated, np.zeros(answers.shape), written)
    if form.style == "verbal":
        encoded = replace(encoded, names=[tuple(items.choices(i)) for i in range(len(items))])
    return replace(encoded, offset=-np.log(form.tie) * encoded.ties, divisor=_divisor(items, written, form))


def asked(items: Items, lm: LanguageModel, form: PromptFormat) -> tuple[list[str], list[str], list[list[int]]]:
    """What stands between each prompt and a choice that is a text, the prompts up to there, and their token ids."""
    blanks, texts = _cut([form.text(items, i, lm.tokenizer) for i in range(len(items))], form)
    return blanks, texts, lm.tokenizer(texts, add_special_tokens=not form.chat).input_ids if texts else []


def nothing(lm: LanguageModel, form: PromptFormat) -> list[int]:
    """Token ids of a prompt that asks nothing: the template's words, or where it has none the end of a text."""
    return lm.tokenizer(question("", (), "free", form.template).strip()).input_ids or [lm.end]


def _cut(texts: list[str], form: PromptFormat) -> tuple[list[str], list[str]]:
    """What stands between each prompt and a choice that is a text, and the prompts up to there.

    A blank at the end of a prompt would be a token of its own, and the choice other tokens than ever in running text.
    """
    if form.chat or form.style not in ("texts", "responses", "reward", "verbal"):
        return [""] * len(texts), texts
    stems = [text.rstrip() for text in texts]
    return [text[len(stem) :] or " " for text, stem in zip(texts, stems, strict=True)], stems


def shorten(prompt: list[int], max_length: int) -> list[int]:
    """Leave out the middle: the instruction stands at the start, the question and "Answer:" at the end."""
    if len(prompt) <= max_length:
        return prompt
    head = max_length // 2
    return prompt[:head] + prompt[len(prompt) - (max_length - head) :]


def _answers(
    items: Items, blanks: list[str], texts: list[str], lm: LanguageModel, form: PromptFormat
) -> tuple[Ints, list[list[list[int]]]]:
    """What stands for each choice, and the choices as texts where they are."""
    if form.style == "head":
        return outputs(items, lm), []
    if form.style in ("words", "letters"):
        return single_tokens(items, texts, lm, form), []
    places = np.where(items.choice_mask, np.arange(items.max_choices), -1)
    if form.style == "verbal":
        return places, []
    return places, continuations(items, blanks, texts, lm, form)


def _divisor(items: Items, written: list[list[list[int]]], form: PromptFormat) -> Floats:
    """(I, K) by what the log-likelihood of each text is divided."""
    if not written:
        return np.ones((0, 0))
    found = np.ones((len(items), items.max_choices))
    for i, own in enumerate(written):
        if form.normalise == "mean":
            found[i, : len(own)] = [max(len(ids), 1) for ids in own]
        elif form.normalise == "characters":
            found[i, : len(own)] = [max(len(text), 1) for text in items.choices(i)]
    return found / (form.beta or 1.0)
