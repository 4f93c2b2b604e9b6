"""Batches of prompts and texts as a model reads them, and how it is put in order for asking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crowdtune.lm.load import LanguageModel
from crowdtune.lm.packed import pack
from crowdtune.lm.together import sharded
from crowdtune.ragged import padded

RAGGED = ("labels", "annotators")  # features of an item of which it has as many as it has labels


def collate(features: Sequence[dict[str, Any]], lm: LanguageModel) -> dict[str, Any]:
    """Features as `Encoded.feature` makes them, and whatever else, as a batch.

    Returns:
        Everything stacked but prompts: those are what `packed.pack` makes of them, where the model can read it
        (`LanguageModel.packs`), else input_ids and attention_mask (B, T), padded left for causal language models, right
        for others. Texts (B, K, L), where there are texts, and labels and annotators (B, A) are padded with -1.
    """
    batch: dict[str, Any] = {}
    for name in features[0]:
        if name == "texts":
            choices = features[0]["answers"].shape[0]
            fewest = 2 if sharded(lm) else 1  # tokens: then every rank asks the model for texts after their prompts
            batch[name] = _pad_texts([f[name] for f in features], choices, fewest)
        elif name in RAGGED:
            batch[name] = torch.from_numpy(padded([f[name] for f in features], np.int64))
        elif name != "input_ids":
            batch[name] = torch.from_numpy(np.stack([f[name] for f in features]))
    prompts = [f["input_ids"] for f in features]
    if lm.packs:
        return batch | pack(prompts, [f["texts"] for f in features] if "texts" in batch else ())
    ids, mask = pad(prompts, lm)
    return batch | {"input_ids": ids, "attention_mask": mask}


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
