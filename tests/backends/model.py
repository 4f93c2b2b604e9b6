"""A language model behind the server: what it writes greedily, with the 20 likeliest tokens at each place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from crowdtune.lm.load import LanguageModel
from tests.backends.server import Answer, completion, token


def prompt(lm: LanguageModel, messages: list[dict[str, str]]) -> Any:
    """(1, T) tokens of a conversation."""
    if lm.tokenizer.chat_template:
        told = lm.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    else:
        told = "\n".join(message["content"] for message in messages)
    return lm.tokenizer(told, return_tensors="pt", add_special_tokens=False).input_ids


def answering(lm: LanguageModel) -> Callable[[Answer], Answer]:
    """What the server answers by."""

    def answer(asked: Answer) -> Answer:
        ids = prompt(lm, asked["messages"])
        with torch.no_grad():
            made = lm.model.generate(
                ids, max_new_tokens=asked["max_tokens"], do_sample=False, output_logits=True,
                return_dict_in_generate=True, pad_token_id=lm.tokenizer.pad_token_id, eos_token_id=lm.end,
            )  # fmt: skip
        new = made.sequences[0, ids.shape[1] :].tolist()
        told = []
        for written, logits in zip(new, made.logits, strict=True):
            log_p, best = logits[0].float().log_softmax(-1).topk(min(20, logits.shape[-1]))
            top = {lm.tokenizer.decode([i]): float(p) for i, p in zip(best.tolist(), log_p, strict=True)}
            told.append(token(lm.tokenizer.decode([written]), top[lm.tokenizer.decode([written])], top))
        text = lm.tokenizer.decode(new, skip_special_tokens=True)
        finish = "stop" if new[-1] == lm.end else "length"
        return completion(text, told, finish, int(ids.shape[1]))

    return answer
