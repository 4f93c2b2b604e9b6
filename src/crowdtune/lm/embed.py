"""Sentence embeddings by MiniLM-L6, from a wheel: no network."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from crowdtune.annotations import Floats
from crowdtune.lm.load import encoder_folder

WIDTH = 384  # of an embedding
MAX_TOKENS = 256  # of a text, as the model was trained; the rest is cut off
TEXTS = 128  # in a forward pass


def embed(texts: Sequence[str]) -> Floats:
    """(I, 384) embedding of each text: the mean over its tokens, of length 1."""
    tokenizer, model = _encoder()
    table = np.zeros((len(texts), WIDTH))
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # texts of a pass are about equally long
    with torch.inference_mode():
        for begin in range(0, len(order), TEXTS):
            index = order[begin : begin + TEXTS]
            batch = tokenizer(
                [texts[i] for i in index], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
            )
            mask = batch["attention_mask"][..., None]
            mean = (model(**batch).last_hidden_state * mask).sum(dim=1) / mask.sum(dim=1)
            table[index] = torch.nn.functional.normalize(mean.double(), dim=1).numpy()
    return table


@functools.cache
def _encoder() -> tuple[Any, Any]:
    """Tokenizer and model, loaded once in a process."""
    from transformers import AutoModel, AutoTokenizer

    folder = encoder_folder()
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
