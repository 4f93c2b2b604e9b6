"""Log-probabilities of choices: a softmax over their tokens alone, read at the answer position alone.

The logits of the whole vocabulary are computed at one position per item, never at all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crowdtune.annotations import MASKED, Floats, Singles
from crowdtune.lm.encode import Encoded
from crowdtune.lm.load import LanguageModel

SCORING_TOKENS = 4096  # in a forward pass without gradients


def pad(prompts: Sequence[Sequence[int]], lm: LanguageModel) -> tuple[Tensor, Tensor]:
    """(B, T) token ids and attention mask, padded left for causal, right for encoder-decoder models."""
    width = max(len(p) for p in prompts)
    ids = torch.full((len(prompts), width), int(lm.tokenizer.pad_token_id))
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        place = slice(0, len(prompt)) if lm.is_encoder_decoder else slice(width - len(prompt), width)
        ids[row, place] = torch.tensor(prompt)
        mask[row, place] = 1
    return ids, mask


def choice_log_probs(model: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """Score the choices of each item, with gradients.

    .. math:: p(k | x) = \\exp(z_{v_k} - o_k) / \\sum_{k'} \\exp(z_{v_{k'}} - o_{k'})

    with z the logits at the answer position, v_k the token of choice k and o its offset.

    Args:
        model: a causal or encoder-decoder model, possibly wrapped (peft, DDP).
        batch: input_ids, attention_mask: (B, T) as `pad` makes them; answers: (B, K) token ids, -1 where an item has
            no such choice; offset: (B, K) nats.

    Returns:
        (B, K) log-probabilities in float32; -1e9 or less where an item has no such choice.
    """
    logits = answer_logits(model, batch)
    exists = batch["answers"] >= 0
    chosen = logits.float().gather(1, batch["answers"].clamp(min=0)) - batch["offset"]
    return chosen.masked_fill(~exists, MASKED).log_softmax(dim=1)


def answer_logits(model: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """(B, V) logits of the whole vocabulary at the answer position."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    config = getattr(model, "module", model).config
    if config.is_encoder_decoder:
        start = torch.full((len(ids), 1), int(config.decoder_start_token_id), device=ids.device)
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
    else:
        position = (mask.cumsum(dim=1) - 1).clamp(min=0)
        out = model(input_ids=ids, attention_mask=mask, position_ids=position, logits_to_keep=1, use_cache=False)
    logits: Tensor = out.logits[:, -1]
    return logits


def score(lm: LanguageModel, encoded: Encoded, bf16: bool = True) -> Floats:
    """(I, K) log-probabilities of all items without gradients; -inf where an item has no such choice.

    Args:
        lm: the model, put into evaluation mode while it scores.
        encoded: I items.
        bf16: autocast to bfloat16.
    """
    table = np.full(encoded.answers.shape, -np.inf)
    for index, log_p in _scored(lm, encoded, bf16):
        table[index] = log_p
    table[encoded.answers < 0] = -np.inf
    return table


def score_and_read(lm: LanguageModel, encoded: Encoded, bf16: bool = True) -> tuple[Floats, Singles]:
    """The table of `score`, and (I, H) hidden states from which its logits were made, in the same pass."""
    read: list[Tensor] = []
    hook = lm.model.get_output_embeddings().register_forward_pre_hook(
        lambda module, inputs: read.append(inputs[0][:, -1].float().cpu())
    )
    try:
        table = score(lm, encoded, bf16)
    finally:
        hook.remove()
    order = np.concatenate([*_batches(encoded), np.zeros(0, np.int64)]).astype(np.int64)
    hidden = np.empty((len(encoded), read[0].shape[1] if read else 0), dtype=np.float32)
    hidden[order] = torch.cat(read).numpy() if read else 0
    return table, hidden


def _scored(lm: LanguageModel, encoded: Encoded, bf16: bool) -> Iterator[tuple[list[int], Floats]]:
    """Batches of items with their (B, K) log-probabilities."""
    training = lm.model.training
    lm.model.eval()
    try:
        with torch.inference_mode(), torch.autocast(lm.device.type, torch.bfloat16, enabled=bf16):
            for index in _batches(encoded):
                ids, mask = pad([encoded.prompts[i] for i in index], lm)
                batch = {
                    "input_ids": ids,
                    "attention_mask": mask,
                    "answers": torch.from_numpy(encoded.answers[index]),
                    "offset": torch.from_numpy(encoded.offset[index]).float(),
                }
                batch = {name: value.to(lm.device) for name, value in batch.items()}
                yield index, choice_log_probs(lm.model, batch).cpu().numpy()
    finally:
        lm.model.train(training)


def _batches(encoded: Encoded) -> Iterator[list[int]]:
    """Cut items, shortest first, into batches of at most SCORING_TOKENS tokens with their padding."""
    batch: list[int] = []
    for i in sorted(range(len(encoded)), key=lambda i: len(encoded.prompts[i])):
        if batch and (len(batch) + 1) * len(encoded.prompts[i]) > SCORING_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
