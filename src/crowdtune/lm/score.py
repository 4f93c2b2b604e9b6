"""Score items: the table of log-probabilities a model gives their choices."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from accelerate.utils import send_to_device
from torch import Tensor

from crowdtune.annotations import Floats, Singles
from crowdtune.lm.batch import asking, collate
from crowdtune.lm.encode import Encoded, nothing
from crowdtune.lm.load import LanguageModel
from crowdtune.lm.read_out import READ_OUTS, ReadOut, reward
from crowdtune.lm.together import dealt, summed
from crowdtune.lm.verbalise import shares
from crowdtune.ragged import scratch

logger = logging.getLogger(__name__)
SCORING_TOKENS = 4096  # in a forward pass without gradients
TEXT_TOKENS = 2048  # the same where choices are texts, whose logits are of the whole vocabulary
TINY = 1e-12  # a share written as 0 counts as this much in a logarithm
STEP = 4  # tokens by which texts may differ to count as equally long; then prompts are sorted


def score(lm: LanguageModel, encoded: Encoded, bf16: bool = True) -> Floats:
    """(I, K) log-probabilities of all items without gradients; -inf where an item has no such choice.

    Args:
        lm: the model, put into evaluation mode while it scores.
        encoded: I items. With style "responses" the log-likelihoods of the texts, in nats; with "verbal" the logs of
            the shares the model writes.
        bf16: autocast to bfloat16.
    """
    if encoded.format.style == "verbal":
        said, told = shares(lm, encoded, bf16=bf16)
        logger.info(f"{told.parsed:.1%} of {len(encoded)} distributions could be read")
        return np.where(encoded.answers >= 0, np.log(np.maximum(said, TINY)), -np.inf)
    return _table(lm, encoded, bf16, READ_OUTS[encoded.format.style])


def rewards(lm: LanguageModel, encoded: Encoded, bf16: bool = True) -> Floats:
    """(I, K) numbers a reward head gives the texts of items; -inf where an item has no such choice."""
    return _table(lm, encoded, bf16, reward)


def _table(lm: LanguageModel, encoded: Encoded, bf16: bool, read_out: ReadOut) -> Floats:
    """(I, K) what is read off the model; -inf where an item has no such choice."""
    table = np.zeros(encoded.answers.shape)
    for index, found in _read(lm, encoded, bf16, read_out):
        table[index] = found
    table = summed(table)
    table[encoded.answers < 0] = -np.inf
    return table


def score_and_read(lm: LanguageModel, encoded: Encoded, bf16: bool = True) -> tuple[Floats, Singles]:
    """The table of `score`, and (I, H) hidden states from which its logits were made, in the same pass.

    Where choices are texts or outputs of a head there is no one such state: H is 0.
    """
    if encoded.format.style not in ("words", "letters"):
        return score(lm, encoded, bf16), np.zeros((len(encoded), 0), dtype=np.float32)
    read: list[Tensor] = []
    hook = lm.model.get_output_embeddings().register_forward_pre_hook(
        lambda module, inputs: read.append(inputs[0].flatten(0, 1).float().cpu())
    )
    table, hidden = np.zeros(encoded.answers.shape), np.zeros((len(encoded), 0), dtype=np.float32)
    try:
        for index, found in _read(lm, encoded, bf16, READ_OUTS[encoded.format.style]):
            hidden = hidden if hidden.size else scratch((len(encoded), read[-1].shape[1]), np.float32)
            table[index], hidden[index] = found, read.pop().numpy()
    finally:
        hook.remove()
    if read and not hidden.size:  # of several processes this one was dealt nothing that counts
        hidden = scratch((len(encoded), read[-1].shape[1]), np.float32)
    table = summed(table)
    table[encoded.answers < 0] = -np.inf
    return table, summed(hidden)


def against(encoded: Encoded, untrained: LanguageModel, bf16: bool = True) -> Encoded:
    """`encoded` with the offsets its format asks for: log-likelihoods by the untrained model; as it is where none.

    With `beta` (DPO) those of the same texts after the same prompts; with normalise="pmi" those of the texts after a
    prompt that asks nothing.
    """
    form = encoded.format
    if not form.refers:
        return encoded
    plain = replace(encoded, format=replace(form, style="responses"))
    if form.normalise == "pmi":
        plain = replace(plain, prompts=[nothing(untrained, form)] * len(encoded))
    known = score(untrained, plain, bf16) / encoded.divisor
    known = encoded.with_ties(np.where(encoded.answers >= 0, known, 0.0))
    return replace(encoded, offset=encoded.offset + known)


def _read(lm: LanguageModel, encoded: Encoded, bf16: bool, read_out: ReadOut) -> Iterator[tuple[list[int], Floats]]:
    """Batches of items with (B, K) what is read off the model; of several processes those dealt to this one."""
    with asking(lm, bf16):
        for index, counts in dealt(list(batches(encoded))):
            batch = collate([encoded.feature(i) for i in index], lm)
            found = read_out(lm.model, send_to_device(batch, lm.device)).cpu().numpy()
            if counts:
                yield index, found


def batches(encoded: Encoded) -> Iterator[list[int]]:
    """Places of items in batches of alike ones, with their padding of at most so many tokens."""
    sizes = encoded.sizes()
    most = TEXT_TOKENS if encoded.texts else SCORING_TOKENS
    batch: list[int] = []
    for i in np.lexsort((sizes[:, 0], sizes[:, 2] // STEP)).tolist():
        prompt, texts, longest = sizes[[*batch, i]].T
        if batch and len(prompt) * prompt.max() + texts.sum() * longest.max() > most:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
