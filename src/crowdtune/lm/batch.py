"""Batches of prompts and texts as a model reads them, and how it is put in order for asking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crowdtune.lm.load import LanguageModel
from crowdtune.lm.together import sharded

WORTH, WORTH_THERE = 64, 4096  # tokens a pass of its own for what prompts begin with must save, here and on a GPU


def collate(features: Sequence[dict[str, Any]], lm: LanguageModel) -> dict[str, Tensor]:
    """Features as `Encoded.feature` makes them, and whatever else, as a batch.

    Returns:
        prefix (1, P), the tokens that all prompts of causal language models begin with, P = 0 for others; input_ids and
        attention_mask (B, T) of what they go on with, padded left for causal language models, right for others; texts
        (B, K, L) padded with -1, where there are texts; everything else stacked.
    """
    prompts = [f["input_ids"] for f in features]
    parts = sharded(lm)  # then every rank must call the model equally often, whatever its batch
    shared = 0 if lm.pads_right or parts else common(prompts)
    if shared * (len(prompts) - 1) < (WORTH if lm.device.type == "cpu" else WORTH_THERE):
        shared = 0
    ids, mask = pad([prompt[shared:] for prompt in prompts], lm)
    batch = {"input_ids": ids, "attention_mask": mask, "prefix": torch.tensor([list(prompts[0][:shared])]).long()}
    for name in features[0]:
        if name == "texts":
            choices, fewest = features[0]["answers"].shape[0], 2 if parts else 1
            batch[name] = _pad_texts([f[name] for f in features], choices, fewest)
        elif name != "input_ids":
            batch[name] = torch.from_numpy(np.stack([f[name] for f in features]))
    return batch


def common(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all of several prompts begin with, one at least left of each; 0 where there is but one."""
    most = min(map(len, prompts)) - 1 if len(prompts) > 1 else 0
    first, last = min(prompts, key=list), max(prompts, key=list)  # what these two share, all between them share
    return next((place for place in range(most) if first[place] != last[place]), max(most, 0))


def pad(prompts: Sequence[Sequence[int]], lm: LanguageModel) -> tuple[Tensor, Tensor]:
    """(B, T) token ids and attention mask, padded on the side the model needs."""
    width = max(len(p) for p in prompts)
    ids = torch.full((len(prompts), width), int(lm.tokenizer.pad_token_id))
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        place = slice(0, len(prompt)) if lm.pads_right else slice(width - len(prompt), width)
        ids[row, place] = torch.tensor(prompt, dtype=torch.long)
        mask[row, place] = 1
    return ids, mask


def _pad_texts(texts: Sequence[Sequence[Sequence[int]]], choices: int, fewest: int) -> Tensor:
    """(B, K, L) token ids padded with -1; L is `fewest` at least."""
    width = max((len(ids) for own in texts for ids in own), default=0)
    table = np.full((len(texts), choices, max(width, fewest)), -1, dtype=np.int64)
    for row, own in zip(table, texts, strict=True):
        for k, ids in enumerate(own):
            row[k, : len(ids)] = ids
    return torch.from_numpy(table)


@contextmanager
def asking(lm: LanguageModel, bf16: bool) -> Iterator[None]:
    """The model in evaluation mode and without gradients, autocast to bfloat16 where wanted; afterwards as it was."""
    training = lm.model.training
    lm.model.eval()
    quietly = torch.no_grad() if sharded(lm) else torch.inference_mode()  # which would mark gathered weights for good
    try:
        with quietly, torch.autocast(lm.device.type, torch.bfloat16, enabled=bf16):
            yield
    finally:
        lm.model.train(training)
