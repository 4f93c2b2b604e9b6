r"""Read-outs: how the answer to an item is read off a model, (B, K) log-probabilities of its choices, with gradients.

| style | read-out |
|---|---|
| words, letters | softmax over the tokens that stand for the choices, at the answer position |
| texts | softmax over the likelihoods of whole texts after the prompt |
| responses | those likelihoods themselves |
| head | softmax over outputs of a classification head |
| reward | softmax over what a reward head says of each text (Bradley-Terry where two are compared) |

Every batch is one of `batch.collate`: a packed row, or input_ids and attention_mask (B, T); answers (B, K), -1 where an
item has no such choice; offset (B, K) nats. The prompt of an item is read once, whatever the number of its choices; in
a packed row what all prompts begin with as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from crowdtune.annotations import MASKED
from crowdtune.lm.heads import bare, only

Batch = Mapping[str, Any]
ReadOut = Callable[[Any, Batch], Tensor]


def at_answer(model: Any, batch: Batch) -> Tensor:
    """Score choices that are one token each.

    .. math:: p(k | x) = \\exp(z_{v_k} - o_k) / \\sum_{k'} \\exp(z_{v_{k'}} - o_{k'})

    with z the logits at the answer position, v_k the token of choice k and o its offset. No logits but those of the
    choices are computed, at this one position.
    """
    with only(model, batch["answers"].clamp(min=0)) as chosen:
        logits = _at_answer(model, batch)
    return _among_choices(chosen(logits).float() - batch["offset"], batch)


def _at_answer(model: Any, batch: Batch) -> Tensor:
    """(B, V) logits at the answer position."""
    if "row" in batch:
        return packed_logits(model, batch, batch["ends"])
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if _config(model).is_encoder_decoder:
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=_start(model, ids), use_cache=False)
    else:
        position = _positions(mask)
        last = _last(ids)
        out = model(input_ids=ids, attention_mask=mask, position_ids=position, logits_to_keep=last, use_cache=False)
    return out.logits.flatten(0, 1)  # type: ignore[no-any-return]


def packed_logits(model: Any, batch: Batch, places: Tensor) -> Tensor:
    """(M, V) logits at M places (M,) of a packed row; who sees whom is in the levels, and in no mask."""
    everyone = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=places.device)
    out = model(
        input_ids=batch["row"],
        position_ids=batch["position"],
        attention_mask=everyone,
        levels=batch["levels"],
        logits_to_keep=places,
        use_cache=False,
    )
    return out.logits.flatten(0, 1)  # type: ignore[no-any-return]


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
    there = text >= 0
    if "row" in batch:
        logits = packed_logits(model, batch, batch["before"][there])
    else:
        logits = text_logits(model, batch, row, text)[there]
    log_p = -torch.nn.functional.cross_entropy(logits.float(), text[there], reduction="none")
    item, choice = (code[:, None].expand_as(text)[there] for code in (row, column))
    return torch.zeros_like(batch["offset"]).index_put((item, choice), log_p, accumulate=True)


def text_logits(model: Any, batch: Batch, row: Tensor, text: Tensor) -> Tensor:
    """(P, L, V) logits of P texts' tokens (P, L) after the prompts in the batch's rows (P,)."""
    read = _decoded if _config(model).is_encoder_decoder else _continued if keeps(model) else _read_whole
    return read(model, batch, row, text)


def _continued(model: Any, batch: Batch, row: Tensor, text: Tensor) -> Tensor:
    """(P, L, V) logits of P texts' tokens: prompts once, then the texts of each on what the model kept of it."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    position = _positions(mask)
    read = model(input_ids=ids, attention_mask=mask, position_ids=position, logits_to_keep=_last(ids), use_cache=True)
    first = read.logits[row]
    if text.shape[1] == 1:
        return first  # type: ignore[no-any-return]
    kept = read.past_key_values
    kept.batch_select_indices(row)
    said, there = text[:, :-1].clamp(min=0), (text[:, :-1] >= 0).long()
    after = position[row, -1:] + 1 + torch.arange(said.shape[1], device=ids.device)
    seen = torch.cat([mask[row], there], dim=1)
    out = model(input_ids=said, attention_mask=seen, position_ids=after, past_key_values=kept, use_cache=True)
    return torch.cat([first, out.logits], dim=1)


def keeps(model: Any) -> bool:
    """Whether a model can keep what it made of a prompt: not while it trains with activation checkpointing."""
    return not (model.training and bare(model).is_activation_checkpointing)


def _read_whole(model: Any, batch: Batch, row: Tensor, text: Tensor) -> Tensor:
    """(P, L, V) logits of P texts' tokens, each read with its prompt."""
    said, there = text[:, :-1].clamp(min=0), (text[:, :-1] >= 0).long()
    ids = torch.cat([batch["input_ids"][row], said], dim=1)
    mask = torch.cat([batch["attention_mask"][row], there], dim=1)
    place, kept = _positions(mask), _last(ids, text.shape[1])
    return model(  # type: ignore[no-any-return]
        input_ids=ids, attention_mask=mask, position_ids=place, logits_to_keep=kept, use_cache=False
    ).logits


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


def _last(ids: Tensor, count: int = 1) -> Tensor:
    """(count,) the last places of rows, for a model that keeps logits there.

    As a number transformers would cut a view, and torch would copy a frozen head for each row to multiply it with that:
    on two cores 0.2 s and, for SmolLM2, 57 MB an item.
    """
    return torch.arange(ids.shape[1] - count, ids.shape[1], device=ids.device)


def _positions(mask: Tensor) -> Tensor:
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def _start(model: Any, ids: Tensor) -> Tensor:
    return torch.full((len(ids), 1), int(_config(model).decoder_start_token_id), device=ids.device)


def _config(model: Any) -> Any:
    return bare(model).config
