"""Oracles: torch's own attention, the same batch read row by row, logits of the whole vocabulary."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from crowdtune.annotations import Items
from crowdtune.lm import load as loading
from crowdtune.lm.attention import NAME, attend
from crowdtune.lm.batch import collate
from crowdtune.lm.encode import Encoded, encode
from crowdtune.lm.heads import only
from crowdtune.lm.load import LanguageModel, load, paired
from crowdtune.lm.packed import common
from crowdtune.lm.packed import pack as pack_row
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.read_out import READ_OUTS
from crowdtune.lm.score import score_and_read
from tests.tiny import tokenizer, word_items

FORMS = {
    "words": PromptFormat("words", "w5 w6 w7 {prompt} :"),
    "texts": PromptFormat("texts", "w5 w6 w7 {prompt} :"),
    "responses": PromptFormat("responses", "w5 w6 w7 {prompt} :"),
}

SMALL: dict[str, Any] = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
                         "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0}  # fmt: skip


@pytest.fixture(params=["llama", "gpt2"])
def lm(request: pytest.FixtureRequest) -> LanguageModel:
    made = load(str(request.getfixturevalue(f"tiny_{request.param}")))
    made.model.eval()
    return made


def uneven() -> Items:
    made = word_items(7)
    return replace(made, prompts=[p + " w3 w4" * (i % 3) for i, p in enumerate(made.prompts)])


def gradients(lm: LanguageModel, read_out: Any, encoded: Encoded) -> tuple[Tensor, list[Tensor]]:
    """(I, K) what is read off, and the gradient of a sum of it weighted unevenly."""
    batch = collate([encoded.feature(i) for i in range(len(encoded))], lm)
    lm.model.zero_grad()
    found = read_out(lm.model, batch)
    (found * torch.arange(1.0, found.numel() + 1).reshape(found.shape)).clamp(min=-1e6).sum().backward()
    return found.detach(), [p.grad.clone() for p in lm.model.parameters() if p.grad is not None]


def pack(lm: LanguageModel, yes: bool, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    monkeypatch.setattr(loading, "PACKED", [lm.model.config.model_type] if yes else [])
    assert lm.packs == yes
    return lm


@pytest.mark.parametrize("style", FORMS)
def test_a_packed_row_says_what_padded_rows_say(lm: LanguageModel, style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = encode(uneven(), lm, FORMS[style], 64)
    padded, slow = gradients(pack(lm, False, monkeypatch), READ_OUTS[style], encoded)
    packed, fast = gradients(pack(lm, True, monkeypatch), READ_OUTS[style], encoded)
    torch.testing.assert_close(packed, padded, rtol=1e-5, atol=1e-5)
    for one, other in zip(fast, slow, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * max(1.0, float(other.abs().max())))


@pytest.mark.parametrize("kind", loading.PACKED)
def test_every_kind_of_model_that_is_packed_can_be(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **SMALL)
    config.sliding_window = None
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    lm = paired(kind, model, tokenizer())
    encoded = encode(uneven(), lm, FORMS["texts"], 64)
    padded, _ = gradients(pack(lm, False, monkeypatch), READ_OUTS["texts"], encoded)
    packed, _ = gradients(pack(lm, True, monkeypatch), READ_OUTS["texts"], encoded)
    torch.testing.assert_close(packed, padded, rtol=1e-4, atol=1e-4)


def test_models_that_look_back_only_so_far_are_not_packed() -> None:
    config = transformers.AutoConfig.for_model("mistral", **SMALL, sliding_window=4)
    assert not paired("mistral", transformers.AutoModelForCausalLM.from_config(config), tokenizer()).packs


def test_hidden_states_are_of_items_alone(lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = encode(uneven(), lm, FORMS["words"], 64)
    table, hidden = score_and_read(pack(lm, False, monkeypatch), encoded, bf16=False)
    shared, read = score_and_read(pack(lm, True, monkeypatch), encoded, bf16=False)
    np.testing.assert_allclose(shared, table, atol=1e-5)
    np.testing.assert_allclose(read, hidden, atol=1e-5)


def test_nothing_is_padded_and_what_is_common_is_read_once() -> None:
    made = pack_row([[1, 2, 3], [1, 2, 4, 5]], [[[6, 7], [8]], [[9], [6, 7, 8]]])
    assert made["row"].tolist() == [[1, 2, 3, 4, 5, 6, 6, 7]]
    assert made["position"].tolist() == [[0, 1, 2, 2, 3, 3, 4, 5]]
    assert made["ends"].tolist() == [2, 4]
    assert made["before"].tolist() == [[2, 5, 0], [2, 0, 0], [4, 0, 0], [4, 6, 7]]


@given(
    st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=4), min_size=1, max_size=4),
    st.lists(st.lists(st.lists(st.integers(1, 9), max_size=3), min_size=2, max_size=2), min_size=4, max_size=4),
)
def test_every_token_sees_its_own_past(prompts: list[list[int]], texts: list[list[list[int]]]) -> None:
    """Where all scores are alike, attention is the mean of the values seen; here the values are the tokens."""
    made = pack_row(prompts, texts[: len(prompts)])
    value = made["row"][0].double().reshape(1, 1, -1, 1)
    said, _ = attend(SimpleNamespace(training=True), value * 0, value * 0, value, None, levels=made["levels"])
    for end, prompt in zip(made["ends"], prompts, strict=True):
        assert float(said[0, end]) == pytest.approx(np.mean(prompt))
    written = [(p, ids) for p, own in zip(prompts, texts, strict=False) for ids in own if ids]
    for before, (prompt, ids) in zip(made["before"], written, strict=True):
        wanted = [np.mean([*prompt, *ids[:n]]) for n in range(len(ids))]
        assert said[0, before[: len(ids)]].flatten().tolist() == pytest.approx(wanted)


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=5), min_size=1, max_size=6))
def test_what_prompts_begin_with(prompts: list[list[int]]) -> None:
    found = common(prompts)
    alike = [len({tuple(p[:n]) for p in prompts}) == 1 for n in range(min(map(len, prompts)))]
    assert found == (max(n for n, same in enumerate(alike) if same) if len(prompts) > 1 else 0)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_logits_of_the_choices_alone(kind: str, request: pytest.FixtureRequest) -> None:
    lm = load(str(request.getfixturevalue(f"tiny_{kind}")))
    lm.model.eval()
    encoded = encode(uneven(), lm, FORMS["words"], 64)
    few, some = gradients(lm, READ_OUTS["words"], encoded)
    lm.model.get_output_embeddings().__class__ = type("Other", (torch.nn.Linear,), {})  # no plain matrix: all logits
    all_, whole = gradients(lm, READ_OUTS["words"], encoded)
    torch.testing.assert_close(few, all_)
    for one, other in zip(some, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_bias_of_the_head_counts_and_one_added_later_is_let_be() -> None:
    head = torch.nn.Linear(4, 9)
    model: Any = SimpleNamespace(get_output_embeddings=lambda: head)
    hidden, tokens = torch.randn(3, 1, 4), torch.tensor([[1, 8], [0, 0], [4, 2]])
    expected = head(hidden)[:, -1].gather(1, tokens)
    with only(model, tokens) as chosen:
        torch.testing.assert_close(chosen(head(hidden)[:, -1]), expected)
    assert head(hidden).shape == (3, 1, 9)
    model.final_logits_bias = torch.zeros(1, 9)
    with only(model, tokens) as chosen:
        assert head(hidden).shape == (3, 1, 9)
        torch.testing.assert_close(chosen(head(hidden)[:, -1]), expected)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("rule", ["causal", "both ways", "padded", "after a cache"])
def test_attention_is_torchs(groups: int, rule: str) -> None:
    torch.manual_seed(0)
    seen, length = 7, 3 if rule == "after a cache" else 7
    query = torch.randn(2, 4, length, 8, dtype=torch.float64, requires_grad=True)
    key, value = (torch.randn(2, groups, seen, 8, dtype=torch.float64, requires_grad=True) for _ in range(2))
    mask = torch.ones(2, 1, length, seen, dtype=torch.bool).tril(seen - length)
    mask[1, :, :, 0] = False
    given_mask = mask if rule in ("padded", "after a cache") else None
    causal = rule == "causal"
    every = [part.repeat_interleave(4 // groups, 1) for part in (key, value)]
    expected = scaled_dot_product_attention(query, *every, attn_mask=given_mask, is_causal=causal, scale=0.3)
    said, _ = attend(SimpleNamespace(training=True), query, key, value, given_mask, scaling=0.3, is_causal=causal)
    rows = mask.any(-1) if given_mask is not None else torch.ones(2, 1, length, dtype=torch.bool)
    there = rows[..., None].expand_as(expected)
    torch.testing.assert_close(said.transpose(1, 2)[there], expected[there])
    sides = [(out.masked_fill(~there, 0) ** 2).sum() for out in (said.transpose(1, 2), expected)]
    found, wanted = (torch.autograd.grad(side, (query, key, value)) for side in sides)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_models_on_the_cpu_attend_by_it(lm: LanguageModel) -> None:
    assert lm.model.config._attn_implementation == NAME
    assert NAME not in lm.model.config.to_json_string()  # a saved model is anybody's
