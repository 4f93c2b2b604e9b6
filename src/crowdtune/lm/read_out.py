r"""Read-outs: how the answer to an item is read off a model, (B, K) log-probabilities of its choices, with gradients.

| style | read-out |
|---|---|
| words, letters | softmax over the tokens that stand for the choices, at the answer position |
| texts | softmax over the likelihoods of whole texts after the prompt |
| responses | those likelihoods themselves |
| head | softmax over outputs of a classification head |
| reward | softmax over what a reward head says of each text (Bradley-Terry where two are compared) |

Every batch has prefix (1, P), input_ids and attention_mask (B, T) as `batch.collate` makes them, answers (B, K), -1
where an item has no such choice, and offset (B, K) nats. What is common is read once: a prompt, whatever the number of
its choices, and what all prompts of a batch begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from crowdtune.annotations import MASKED
from crowdtune.lm.heads import only

Batch = Mapping[str, Tensor]
ReadOut = Callable[[Any, Batch], Tensor]


def at_answer(model: Any, batch: Batch) -> Tensor:
    """Score choices that are one token each.

    .. math:: p(k | x) = \\exp(z_{v_k} - o_k) / \\sum_{k'} \\exp(z_{v_{k'}} - o_{k'})

    with z the logits at the answer position, v_k the token of choice k and o its offset. No logits but those of the
    batch's choices are computed, at this one position.
    """
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with only(model, batch["answers"].clamp(min=0)) as chosen:
        if _config(model).is_encoder_decoder:
            out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=_start(model, ids), use_cache=False)
        else:
            out = _after_prefix(model, batch, keep=False)
    return _among_choices(chosen(out.logits[:, -1]).float() - batch["offset"], batch)


def by_head(model: Any, batch: Batch) -> Tensor:
    """Score choices that are outputs of a classification head: the softmax of those an item has."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return _among_choices(logits.float().gather(1, batch["answers"].clamp(min=0)) - batch["offset"], batch)


def by_reward(model: Any, batch: Batch) -> Tensor:
    """Score choices that are texts by their rewards; see `by_text` for ties."""
    return _among_choices(_with_ties(reward(model, batch), batch) - batch["offset"], batch)


def reward(model: Any, batch: Batch) -> Tensor:
    """(B, K) what a head of one number says of each text after the prompt; 0 where there is none.

    Encoders that tell two sequences apart are told that the text is the second, as their tokenizer would tell them.
    """
    row, column, text = _existing(batch)
    ids = torch.cat([batch["input_ids"][row], text.clamp(min=0)], dim=1)
    mask = torch.cat([batch["attention_mask"][row], (text >= 0).long()], dim=1)
    second = torch.cat([torch.zeros_like(batch["input_ids"][row]), (text >= 0).long()], dim=1)
    order = (1 - mask).argsort(dim=1, stable=True)  # padding between prompt and text goes to the end
    ids, mask, second = (part.gather(1, order) for part in (ids, mask, second))
    config = _config(model)
    types = {"token_type_ids": second} if getattr(config, "type_vocab_size", 0) > 1 else {}
    said = model(input_ids=ids.masked_fill(mask == 0, config.pad_token_id), attention_mask=mask, **types).logits
    return torch.zeros_like(batch["offset"]).index_put((row, column), said[:, 0].float())


def by_text(model: Any, batch: Batch) -> Tensor:
    r"""Score choices that are texts.

    .. math:: p(k | x) \propto \exp(\ell_k / d_k - o_k), \qquad \ell_k = \sum_t \log p(y_{kt} | x, y_{k,<t})

    d is the divisor (tokens, characters, 1, or 1 / beta of DPO) and o the offset (0, the log-likelihood where nothing
    is asked, or beta times that of the untrained model). A tie of two things compared has no text: its score is the
    mean of theirs (Davidson's model).
    """
    score = log_likelihoods(model, batch) / batch["divisor"]
    return _among_choices(_with_ties(score, batch) - batch["offset"], batch)


def by_response(model: Any, batch: Batch) -> Tensor:
    """(B, K) log-likelihood in nats of each text after the prompt, each by itself."""
    return log_likelihoods(model, batch).masked_fill(batch["answers"] < 0, MASKED)


def by_packed_response(model: Any, batch: Batch) -> Tensor:
    """The same as `by_response` with all prompts and texts of the batch in one row, without a token of padding.

    Positions start again with each text, which is how transformers' causal models tell sequences apart, with every
    attention. A prompt is read again for each of its texts, so this pays where items have one response.
    """
    row, column, text = _existing(batch)
    whole, mask = _whole(batch)
    prompt = mask[row].bool()
    there = torch.cat([prompt, text >= 0], dim=1)
    ids = torch.cat([whole[row], text], dim=1)[there]
    said = torch.cat([torch.zeros_like(prompt), text >= 0], dim=1)[there].nonzero()[:, 0]
    position = (there.cumsum(dim=1) - 1)[there]
    logits = model(input_ids=ids[None], position_ids=position[None], logits_to_keep=said - 1, use_cache=False).logits[0]
    log_p = -torch.nn.functional.cross_entropy(logits.float(), ids[said], reduction="none")
    item, choice = (code[:, None].expand_as(text)[text >= 0] for code in (row, column))
    total = torch.zeros_like(batch["offset"]).index_put((item, choice), log_p, accumulate=True)
    return total.masked_fill(batch["answers"] < 0, MASKED)


READ_OUTS: dict[str, ReadOut] = {
    "words": at_answer,
    "letters": at_answer,
    "texts": by_text,
    "responses": by_response,
    "head": by_head,
    "reward": by_reward,
}


def log_likelihoods(model: Any, batch: Batch) -> Tensor:
    """(B, K) log-likelihood in nats of each choice's text after the prompt; 0 where there is none.

    Args:
        model: a causal or encoder-decoder model, possibly wrapped (peft, DDP).
        batch: with texts (B, K, L) token ids padded with -1.
    """
    row, column, text = _existing(batch)
    if not len(row):
        return torch.zeros_like(batch["offset"])
    logits = (_decoded if _config(model).is_encoder_decoder else _continued)(model, batch, row, text)
    there = text >= 0
    log_p = -torch.nn.functional.cross_entropy(logits[there].float(), text[there], reduction="none")
    item, choice = (code[:, None].expand_as(text)[there] for code in (row, column))
    return torch.zeros_like(batch["offset"]).index_put((item, choice), log_p, accumulate=True)


def _continued(model: Any, batch: Batch, row: Tensor, text: Tensor) -> Tensor:
    """(P, L, V) logits of P texts' tokens: prompts once, then the texts of each on what the model kept of it."""
    read = _after_prefix(model, batch, keep=True)
    first = read.logits[row]
    if text.shape[1] == 1:
        return first  # type: ignore[no-any-return]
    _, mask = _whole(batch)
    kept = read.past_key_values
    kept.batch_select_indices(row)
    said, there = text[:, :-1].clamp(min=0), (text[:, :-1] >= 0).long()
    after = mask.sum(dim=1)[row, None] + torch.arange(said.shape[1], device=said.device)
    seen = torch.cat([mask[row], there], dim=1)
    out = model(input_ids=said, attention_mask=seen, position_ids=after, past_key_values=kept, use_cache=True)
    return torch.cat([first, out.logits], dim=1)


def _after_prefix(model: Any, batch: Batch, *, keep: bool) -> Any:
    """Read prompts: what all begin with once, then what each goes on with. Logits at the last position of each."""
    prefix, (ids, mask) = batch["prefix"], _whole(batch)
    shared = prefix.shape[1]
    position = _positions(mask)
    if not shared or getattr(_bare(model), "is_gradient_checkpointing", False):  # which keeps nothing of what was read
        return model(input_ids=ids, attention_mask=mask, position_ids=position, logits_to_keep=1, use_cache=keep)
    kept = model(input_ids=prefix, logits_to_keep=prefix.new_zeros(0), use_cache=True).past_key_values
    kept.batch_repeat_interleave(len(ids))
    return model(
        input_ids=ids[:, shared:],
        attention_mask=mask,
        position_ids=position[:, shared:],
        past_key_values=kept,
        logits_to_keep=1,
        use_cache=True,
    )


def _whole(batch: Batch) -> tuple[Tensor, Tensor]:
    """(B, P + T) token ids of prompts and their mask; padding is between what all begin with and what follows."""
    before = batch["prefix"].expand(len(batch["input_ids"]), -1)
    ids = torch.cat([before, batch["input_ids"]], dim=1)
    return ids, torch.cat([torch.ones_like(before), batch["attention_mask"]], dim=1)


def _decoded(model: Any, batch: Batch, row: Tensor, text: Tensor) -> Tensor:
    """(P, L, V) logits of P texts' tokens: prompts are encoded once."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    start = _start(model, ids)
    read = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
    states = (read.encoder_last_hidden_state[row],)
    said = torch.cat([start[row], text[:, :-1].clamp(min=0)], dim=1)
    return model(  # type: ignore[no-any-return]
        encoder_outputs=states, attention_mask=mask[row], decoder_input_ids=said, use_cache=False
    ).logits


def _existing(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Row (P,), column (P,) and token ids (P, L) of the choices that have a text."""
    row, column = (batch["texts"] >= 0).any(dim=2).nonzero(as_tuple=True)
    return row, column, batch["texts"][row, column]


def _with_ties(score: Tensor, batch: Batch) -> Tensor:
    """(B, K) scores in which a choice without a text has the mean of the others."""
    there = (batch["texts"] >= 0).any(dim=2)
    tie = (batch["answers"] >= 0) & ~there
    mean = (score * there).sum(dim=1, keepdim=True) / there.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.where(tie, mean, score)


def _among_choices(score: Tensor, batch: Batch) -> Tensor:
    """(B, K) log-softmax over the choices an item has; -1e9 or less for others."""
    return score.masked_fill(batch["answers"] < 0, MASKED).log_softmax(dim=1)


def _positions(mask: Tensor) -> Tensor:
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def _start(model: Any, ids: Tensor) -> Tensor:
    return torch.full((len(ids), 1), int(_config(model).decoder_start_token_id), device=ids.device)


def _bare(model: Any) -> Any:
    """The model without what wraps it for several processes."""
    return getattr(model, "module", model)


def _config(model: Any) -> Any:
    return _bare(model).config
