"""Write: answers by a language model, greedy or drawn, with what each token's distribution was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crowdtune.lm.batch import asking, pad
from crowdtune.lm.load import LanguageModel

LOOK_BACK = 8  # tokens in which the end of a text is looked for


@dataclass(frozen=True)
class Draw:
    """How the tokens of a text are chosen.

    Args:
        temperature: 0 takes the likeliest.
        seed: of the uniform numbers tokens are drawn with, one after another.
    """

    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Written:
    """A text as a model wrote it.

    Args:
        tokens: (T,) ids, the token that ends a text included.
        log_probs: (T,) log-probability in nats of each, by the model itself: at temperature 1.
        entropies: (T,) entropy in nats of the distribution of each, likewise.
        cut: whether it had not ended after the most tokens allowed.
    """

    tokens: list[int]
    log_probs: list[float]
    entropies: list[float]
    cut: bool


def write(
    lm: LanguageModel,
    prompts: Sequence[list[int]],
    draws: Sequence[Draw],
    max_tokens: int,
    *,
    stop: str = "",
    bf16: bool,
) -> list[Written]:
    """Go on from prompts, all in one batch.

    Args:
        lm: a model with a language-model head.
        prompts: B lists of token ids.
        draws: (B,) how the tokens of each are chosen. A text depends on its own alone, so far as the batch leaves its
            logits as they are: in float32 to the seventh digit, in bfloat16 to the third.
        max_tokens: most tokens of a text.
        stop: a text that ends an answer beside the model's own tokens; "" for none.
        bf16: autocast to bfloat16.
    """
    from transformers import LogitsProcessorList, StoppingCriteriaList

    ids, mask = (t.to(lm.device) for t in pad(prompts, lm))
    begin = 1 if lm.is_encoder_decoder else ids.shape[1]
    pen = _Pen(draws)
    with asking(lm, bf16):
        out = lm.model.generate(
            input_ids=ids,
            attention_mask=mask,
            generation_config=_plain(lm, max_tokens),
            logits_processor=LogitsProcessorList([pen]),
            stopping_criteria=StoppingCriteriaList([_Stop(lm.tokenizer, begin, stop)] if stop else []),
        )
    log_p, entropy = (torch.stack(kept, dim=1).tolist() for kept in (pen.log_probs, pen.entropies))
    texts = out[:, begin:].tolist()
    return [_upto(*row, _ends(lm), stop, lm.tokenizer) for row in zip(texts, log_p, entropy, strict=True)]


@dataclass
class _Pen:
    """Chooses the next token of each text and keeps what its distribution was; a logits processor of transformers."""

    draws: Sequence[Draw]
    log_probs: list[Tensor] = field(default_factory=list)
    entropies: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = [np.random.default_rng(draw.seed) for draw in self.draws]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(B, V) scores of 0 for the token chosen and -inf for all others."""
        log_p = scores.float().log_softmax(dim=1)
        token = log_p.argmax(dim=1)
        for b, (draw, random) in enumerate(zip(self.draws, self._random, strict=True)):
            if draw.temperature:
                token[b] = _drawn(log_p[b] / draw.temperature, random.random())
        self.log_probs.append(log_p.gather(1, token[:, None])[:, 0])
        self.entropies.append(torch.special.entr(log_p.exp()).sum(dim=1))
        return torch.full_like(scores, -torch.inf).scatter(1, token[:, None], 0.0)


def _drawn(score: Tensor, uniform: float) -> Tensor:
    """The token below whose share of the (V,) distribution the uniform number falls."""
    below = score.softmax(dim=0).cumsum(dim=0)
    return torch.searchsorted(below, below[-1:] * uniform, right=True)[0].clamp(max=len(below) - 1)


@dataclass(frozen=True)
class _Stop:
    """Tells which texts have come to `text`; a stopping criterion of transformers."""

    tokenizer: Any
    begin: int
    text: str

    def __call__(self, input_ids: Tensor, scores: Any) -> Tensor:
        """(B,) True where the text has just been written."""
        last = input_ids[:, max(self.begin, input_ids.shape[1] - LOOK_BACK) :]
        return torch.tensor([self.text in said for said in self.tokenizer.batch_decode(last)], device=input_ids.device)


def _plain(lm: LanguageModel, max_tokens: int) -> Any:
    """Nothing but the model's own distribution: what a model's files ask for beside it is switched off."""
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=max_tokens,
        do_sample=False,
        num_beams=1,
        temperature=1.0,
        top_p=1.0,
        top_k=50,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        min_length=0,
        use_cache=True,
        pad_token_id=lm.tokenizer.pad_token_id,
        eos_token_id=sorted(_ends(lm)),
        decoder_start_token_id=getattr(lm.model.config, "decoder_start_token_id", None),
    )


def _ends(lm: LanguageModel) -> set[int]:
    """Tokens that end a text: the tokenizer's, and those a chat model's files name."""
    named = getattr(lm.model.generation_config, "eos_token_id", None)
    return {lm.end, *(named if isinstance(named, list) else [named] if named is not None else [])}


def _upto(
    tokens: list[int], log_probs: list[float], entropies: list[float], ends: set[int], stop: str, tokenizer: Any
) -> Written:
    """What was written up to the first end; whatever follows is padding."""
    size = next((t + 1 for t, token in enumerate(tokens) if token in ends), 0)
    if not size and stop:
        size = next(
            (t for t in range(1, len(tokens) + 1) if stop in tokenizer.decode(tokens[max(0, t - LOOK_BACK) : t])), 0
        )
    end = size or len(tokens)
    return Written(tokens[:end], log_probs[:end], entropies[:end], not size)
