"""The backend that asks a model on this machine, by transformers.

Answers that are choices are read off, never written: one forward pass gives the probability of each. Free answers are
written in batches of alike length. A request gets the same answer whatever stands beside it, so far as the batch leaves
its logits as they are: in float32 always, in bfloat16 nearly so.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np

from crowdtune.annotations import Floats, Items
from crowdtune.backends import Reply, Request
from crowdtune.errors import InputError
from crowdtune.lm.answers import CONTEXT, ChoiceError, distinct_tokens
from crowdtune.lm.conversation import TURN, conversation
from crowdtune.lm.encode import Encoded, encode_asked, shorten
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import batches, score
from crowdtune.lm.writing import Draw, Written, write

logger = logging.getLogger(__name__)
VERSION = 1  # of how a conversation becomes an answer; part of the name, so that no stored reply is of another
SAMPLE = 64  # numbers of each parameter that tell one model's weights from another's


@dataclass(frozen=True, eq=False)
class Local:
    """A model on this machine as a backend.

    `choices` that are one distinct token each where the answer comes are read off as a softmax over these tokens,
    others as whole texts by their mean log-likelihood per token. `temperature` and `sample` are for free answers alone.

    Args:
        lm: a model with a language-model head.
        max_length: most tokens of a prompt, less where the model's own limit leaves no room for the answer; of a longer
            one the middle is left out.
        bf16: autocast to bfloat16.
        rows: answers written at once.
    """

    lm: LanguageModel
    _: KW_ONLY
    max_length: int
    bf16: bool = True
    rows: int = 16

    def __post_init__(self) -> None:
        if self.lm.head != "lm":
            raise InputError(f"model '{self.lm.name}' has head={self.lm.head} and cannot write. Load it with head=lm.")

    @cached_property
    def name(self) -> str:
        """The model's name and a hash of its weights, its chat template, the precision and the longest prompt.

        Made once: after training a model make a new backend of it.
        """
        made = hashlib.blake2b(digest_size=6)
        dtype = "bf16" if self.bf16 else str(self.lm.model.dtype)
        template = self.lm.tokenizer.chat_template or ""
        made.update(json.dumps([VERSION, dtype, self.max_length, template, len(self.lm.tokenizer)]).encode())
        for name, value in self.lm.model.named_parameters():
            some = value.detach().flatten()[:: max(value.numel() // SAMPLE, 1)]
            made.update(f"{name}{tuple(value.shape)}".encode() + some.float().cpu().numpy().tobytes())
        return f"{self.lm.name}-{made.hexdigest()}"

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Place of a request and its reply, batch by batch: answers that are choices first."""
        said = [conversation(request.messages, self.lm.tokenizer) for request in requests]
        yield from self._choose(requests, said, [i for i, request in enumerate(requests) if request.choices])
        texts = [text for text, _ in said]
        yield from self._write(requests, texts, [i for i, request in enumerate(requests) if not request.choices])

    @property
    def _chat(self) -> bool:
        return bool(self.lm.tokenizer.chat_template)

    def _choose(
        self, requests: Sequence[Request], said: Sequence[tuple[str, str]], places: list[int]
    ) -> Iterator[tuple[int, Reply]]:
        """Replies to requests with choices: those of single tokens, then those of whole texts."""
        choices = {i: self._said(requests[i], said[i][1]) for i in places}
        known: dict[tuple[str, tuple[str, ...]], bool] = {}
        single = [i for i in places if self._single(said[i][0], choices[i], known)]
        whole = sorted(set(places) - set(single))
        for style, index in (("words", single), ("texts", whole)):
            if index:
                encoded = self._encoded(style, [said[i] for i in index], [choices[i] for i in index])
                for batch in batches(encoded):
                    table = np.exp(score(self.lm, encoded.take(np.array(batch)), self.bf16))
                    for b, row in zip(batch, table, strict=True):
                        yield index[b], _chosen(requests[index[b]], row, len(encoded.prompts[b]))

    def _encoded(self, style: str, said: list[tuple[str, str]], choices: list[tuple[str, ...]]) -> Encoded:
        """Conversations with what stands for their choices."""
        texts = [text for text, _ in said]
        form = PromptFormat(style, chat=self._chat, normalise="mean" if style == "texts" else "sum", beta=0.0)
        ids = self.lm.tokenizer(texts, add_special_tokens=not self._chat).input_ids
        between = ["" if self._chat else blank for _, blank in said]
        longest = max(len(found) for found in self.lm.tokenizer(sorted({c for own in choices for c in own})).input_ids)
        room = self._limit(longest if style == "texts" else 1)
        encoded = encode_asked(items_of(texts, choices), (between, texts, ids), self.lm, form, room)
        if encoded.ties.any():
            i, k = np.argwhere(encoded.ties)[0].tolist()
            raise InputError(
                f"choice '{choices[i][k]}' has no token of its own after {texts[i][-12:]!r}. Give it another wording."
            )
        return encoded

    def _said(self, request: Request, before: str) -> tuple[str, ...]:
        """The choices as they go on from the conversation; what is tokenized as running text gets its blank there."""
        if not all(choice.strip() for choice in request.choices):
            raise InputError(f"a request has an empty choice among {list(request.choices)}. Name every choice.")
        return tuple(before + choice if self._chat else choice for choice in request.choices)

    def _single(self, text: str, choices: tuple[str, ...], known: dict[tuple[str, tuple[str, ...]], bool]) -> bool:
        """Whether each choice is one distinct token after the text; conversations that end alike are asked once."""
        key = (text[-CONTEXT:], choices)
        if key not in known:
            try:
                distinct_tokens(self.lm, key[0], choices, PromptFormat("words", chat=self._chat))
                known[key] = True
            except ChoiceError:
                known[key] = False
        return known[key]

    def _write(
        self, requests: Sequence[Request], texts: Sequence[str], places: list[int]
    ) -> Iterator[tuple[int, Reply]]:
        """Replies to the others: those with like limits together, the shortest prompts first."""
        if not places:
            return
        found = self.lm.tokenizer([texts[i] for i in places], add_special_tokens=not self._chat).input_ids
        limits = [self._limit(requests[i].max_tokens) for i in places]
        longer = sum(len(ids) > most for ids, most in zip(found, limits, strict=True))
        if longer:
            logger.warning(
                f"{longer} conversations are longer than max_length={self.max_length} tokens and lose a part"
            )
        prompts = {i: shorten(ids, most) for i, ids, most in zip(places, found, limits, strict=True)}
        order = sorted(places, key=lambda i: (requests[i].max_tokens, len(prompts[i])))
        while order:
            most = requests[order[0]].max_tokens
            batch = [i for i in order[: self.rows] if requests[i].max_tokens == most]
            order = order[len(batch) :]
            draws = [_draw(requests[i]) for i in batch]
            stop = "" if self._chat else TURN
            written = write(self.lm, [prompts[i] for i in batch], draws, most, stop=stop, bf16=self.bf16)
            for i, one in zip(batch, written, strict=True):
                yield i, self._reply(one, len(prompts[i]))

    def _limit(self, max_tokens: int) -> int:
        """Most tokens of a prompt that leaves room for the answer."""
        reach = getattr(self.lm.model.config, "max_position_embeddings", None)
        room = (
            self.max_length if reach is None or self.lm.is_encoder_decoder else min(self.max_length, reach - max_tokens)
        )
        if room < 1:
            raise InputError(
                f"max_tokens={max_tokens} leaves no room for a question: model '{self.lm.name}' reads {reach} tokens. "
                "Ask for a shorter answer."
            )
        return room

    def _reply(self, written: Written, prompt_tokens: int) -> Reply:
        text = self.lm.tokenizer.decode(written.tokens, skip_special_tokens=True)
        return Reply(
            text=(text if self._chat else text.split(TURN)[0]).strip(),
            log_probs=tuple(written.log_probs),
            entropies=tuple(written.entropies),
            prompt_tokens=prompt_tokens,
            tokens=len(written.tokens),
            cut=written.cut,
        )


def items_of(texts: Sequence[str], choices: Sequence[tuple[str, ...]]) -> Items:
    """Conversations as items, each with its own choices."""
    sets = {one: place for place, one in enumerate(dict.fromkeys(choices))}
    return Items(
        ids=[str(i) for i in range(len(texts))],
        prompts=list(texts),
        choice_sets=list(sets),
        choice_set=np.array([sets[one] for one in choices], dtype=np.int64),
        tasks=[""],
        task=np.zeros(len(texts), dtype=np.int64),
        gold=np.full(len(texts), -1, dtype=np.int64),
        splits=[""] * len(texts),
    )


def _chosen(request: Request, row: Floats, prompt_tokens: int) -> Reply:
    shares = row[: len(request.choices)] / row[: len(request.choices)].sum()
    return Reply(request.choices[int(shares.argmax())], tuple(shares.tolist()), prompt_tokens=prompt_tokens)


def _draw(request: Request) -> Draw:
    """From the request alone, so that it is answered alike in every batch and process."""
    asked = json.dumps([request.messages, request.temperature, request.sample]).encode()
    return Draw(request.temperature, int.from_bytes(hashlib.blake2b(asked, digest_size=8).digest()))
