"""Oracles: each choice alone in a plain forward pass, its gradient, Davidson's and DPO's formulas by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from crowdtune.annotations import Items
from crowdtune.lm.answers import units
from crowdtune.lm.batch import collate
from crowdtune.lm.encode import encode, nothing
from crowdtune.lm.generate import generate
from crowdtune.lm.load import LanguageModel, _embedded, load, paired
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.read_out import READ_OUTS
from crowdtune.lm.score import against, score
from tests.tiny import word_items

TEXTS = PromptFormat("texts", "{prompt} Answer :")
SETS = [("w1 w2", "w3"), ("w4", "w5 w6 w7", "w8 w9"), ("w1", "w2 w1 w3")]


@pytest.fixture(params=["llama", "t5", "gpt2"])
def lm(request: pytest.FixtureRequest) -> LanguageModel:
    made = load(str(request.getfixturevalue(f"tiny_{request.param}")))
    made.model.eval()
    return made


@pytest.fixture(scope="module")
def embedded_tokenizer() -> LanguageModel:
    """A tiny model with the embedded model's tokenizer, which keeps blanks."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(_embedded())
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                         num_attention_heads=1)  # fmt: skip
    return paired("tiny", LlamaForCausalLM(config), tokenizer)


def items(kind: str = "choice") -> Items:
    """Prompts and texts of different lengths, items of two and three choices."""
    made = word_items(6)
    return replace(
        made,
        prompts=[p + " w3 w4" * (i % 3) for i, p in enumerate(made.prompts)],
        choice_sets=SETS,
        choice_set=np.arange(6) % 3,
        gold=np.zeros(6, dtype=np.int64),
        kinds=(kind,),
    )


def alone(lm: LanguageModel, prompt: str, text: str, end: bool = False) -> Tensor:
    """(L,) log-probabilities of a text's tokens, prompt and text in one unpadded sequence."""
    ids = lm.tokenizer(text, return_tensors="pt").input_ids
    if end:
        ids = torch.cat([ids, torch.tensor([[lm.tokenizer.eos_token_id]])], dim=1)
    before = lm.tokenizer(prompt, return_tensors="pt").input_ids
    if lm.is_encoder_decoder:
        start = torch.tensor([[lm.model.config.decoder_start_token_id]])
        logits = lm.model(input_ids=before, decoder_input_ids=torch.cat([start, ids[:, :-1]], dim=1)).logits[0]
    else:
        logits = lm.model(input_ids=torch.cat([before, ids], dim=1)).logits[0, before.shape[1] - 1 : -1]
    found: Tensor = logits.log_softmax(-1).gather(1, ids[0][:, None])[:, 0]
    return found


@pytest.mark.parametrize("normalise", ["sum", "mean", "characters"])
def test_texts_score_as_each_alone(lm: LanguageModel, normalise: str) -> None:
    data = items()
    table = score(lm, encode(data, lm, replace(TEXTS, normalise=normalise), 64), bf16=False)
    for i, prompt in enumerate(data.prompts):
        with torch.no_grad():
            by_token = [alone(lm, f"{prompt} Answer :", text) for text in data.choices(i)]
        divide = {"sum": lambda p, c: 1, "mean": lambda p, c: len(p), "characters": lambda p, c: len(c)}[normalise]
        wanted = torch.stack([p.sum() / divide(p, c) for p, c in zip(by_token, data.choices(i), strict=True)])
        np.testing.assert_allclose(table[i, : len(wanted)], wanted.log_softmax(0), atol=1e-5)
        assert np.isneginf(table[i, len(wanted) :]).all()


@pytest.mark.parametrize("template", ["{prompt} Answer : ", "{prompt} Answer :\n", "  {prompt}  Answer :"])
def test_blanks_at_the_end_of_a_prompt_belong_to_the_text(embedded_tokenizer: LanguageModel, template: str) -> None:
    """lm-evaluation-harness' rule: no token is lost, and prompt and text together are the text as it is read."""
    data = items()
    encoded = encode(data, embedded_tokenizer, replace(TEXTS, template=template), 64)
    for i, prompt in enumerate(data.prompts):
        whole = template.replace("{prompt}", prompt)
        blank = "" if whole[-1].isspace() else " "
        for text, ids in zip(data.choices(i), encoded.texts[i], strict=True):
            assert embedded_tokenizer.tokenizer.decode([*encoded.prompts[i], *ids]) == whole + blank + text


def test_what_is_written_goes_on_from_the_prompt_that_was_trained_on(embedded_tokenizer: LanguageModel) -> None:
    """Oracle: the prompts of `encode`, whatever blanks the template ends with."""
    read: list[list[int]] = []

    def write(input_ids: Tensor, attention_mask: Tensor, **kwargs: Any) -> Tensor:
        read.extend(ids[mask.bool()].tolist() for ids, mask in zip(input_ids, attention_mask, strict=True))
        return input_ids

    data, form = items("text"), PromptFormat("responses", "{prompt} Answer : ")
    model = SimpleNamespace(generate=write, training=False, device=torch.device("cpu"))
    model.eval = model.train = lambda mode=False: None
    model.config = embedded_tokenizer.model.config
    assert generate(replace(embedded_tokenizer, model=model), data, form, 64, bf16=False) == [""] * 6
    assert sorted(read) == sorted(row.tolist() for row in encode(data, embedded_tokenizer, form, 64).rows)


def test_an_item_nobody_answered_is_read_and_scores_nothing(lm: LanguageModel) -> None:
    data = replace(items("text"), choice_sets=[("w1 w2",), ()], choice_set=np.arange(6) % 2, gold=np.full(6, -1))
    table = score(lm, encode(data, lm, PromptFormat("responses", "{prompt} Answer :"), 64), bf16=False)
    np.testing.assert_array_equal(np.isfinite(table[:, 0]), np.arange(6) % 2 == 0)
    last = encode(data.take(np.array([1])), lm, PromptFormat("responses"), 64)
    assert score(lm, last, bf16=False).shape == (1, 0)


def test_a_prompt_that_asks_nothing_is_never_empty(lm: LanguageModel) -> None:
    assert nothing(lm, replace(TEXTS, template="{prompt}")) == [lm.tokenizer.eos_token_id]
    assert nothing(lm, TEXTS)[:2] == lm.tokenizer("Answer :").input_ids[:2]


def test_pmi_takes_off_what_a_text_is_likely_without_a_question(lm: LanguageModel) -> None:
    data = items()
    encoded = encode(data, lm, replace(TEXTS, normalise="pmi"), 64)
    table = score(lm, against(encoded, lm, bf16=False), bf16=False)
    with torch.no_grad():
        wanted = [alone(lm, f"{data.prompts[0]} Answer :", c).sum() - alone(lm, "Answer :", c).sum() for c in SETS[0]]
    np.testing.assert_allclose(table[0, :2], torch.stack(wanted).log_softmax(0), atol=1e-5)


def test_the_gradient_is_that_of_each_alone(lm: LanguageModel) -> None:
    """Prompts are read once: the gradient must flow through what was kept of them."""
    data = items()
    encoded = encode(data, lm, replace(TEXTS, normalise="mean"), 64)
    batch = collate([encoded.feature(i) for i in range(len(data))], lm)
    READ_OUTS["texts"](lm.model, batch)[:, 0].sum().backward()
    together = gradients(lm)
    for i, prompt in enumerate(data.prompts):
        means = torch.stack([alone(lm, f"{prompt} Answer :", text).mean() for text in data.choices(i)])
        means.log_softmax(0)[0].backward()
    assert together > 0.1
    np.testing.assert_allclose(together, gradients(lm), rtol=1e-4)


def gradients(lm: LanguageModel) -> float:
    """Norm of all gradients, which are cleared."""
    found = torch.cat([p.grad.flatten() for p in lm.model.parameters() if p.grad is not None]).norm()
    lm.model.zero_grad()
    return float(found)


def test_responses_are_log_likelihoods_up_to_their_end(lm: LanguageModel) -> None:
    data = items("text")
    encoded = encode(data, lm, replace(TEXTS, style="responses"), 64)
    table = score(lm, encoded, bf16=False)
    with torch.no_grad():
        wanted = [float(alone(lm, f"{data.prompts[1]} Answer :", c, end=True).sum()) for c in SETS[1]]
    np.testing.assert_allclose(table[1], wanted, rtol=1e-5)


def test_dpo_starts_undecided_and_moves_with_the_log_ratio(lm: LanguageModel) -> None:
    """sigmoid(beta * (log ratio of the first - log ratio of the second)), Rafailov et al. 2023, Eq. 7."""
    data = replace(items("pair"), choice_set=np.arange(6) % 2 * 2)
    encoded = encode(data, lm, PromptFormat("auto", "{prompt} Answer :"), 64)
    assert (encoded.format.style, encoded.format.beta, encoded.format.normalise) == ("texts", 0.1, "sum")
    referred = against(encoded, lm, bf16=False)
    np.testing.assert_allclose(np.exp(score(lm, referred, bf16=False)), 0.5, atol=1e-5)

    def margin(model: LanguageModel) -> Any:
        said = [alone(model, f"{data.prompts[0]} Answer :", c, end=True).sum() for c in data.choices(0)]
        return float(said[0] - said[1])

    moved = lm.copy()
    with torch.no_grad():
        for parameter in moved.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
        wanted = 1 / (1 + np.exp(-0.1 * (margin(moved) - margin(lm))))
    np.testing.assert_allclose(np.exp(score(moved, referred, bf16=False))[0, 0], wanted, atol=1e-5)


def test_a_tie_lies_between_the_two_compared(lm: LanguageModel) -> None:
    """Davidson: p(tie) = nu sqrt(p1 p2) / (p1 + p2 + nu sqrt(p1 p2)), here with nu = 1."""
    data = items("pair")
    data = replace(data, choice_sets=[(*pair[:2], "tie") for pair in SETS])
    plain = score(
        lm, encode(replace(data, choice_sets=[pair[:2] for pair in SETS]), lm, replace(TEXTS, beta=0), 64), False
    )
    table = np.exp(score(lm, encode(data, lm, replace(TEXTS, beta=0), 64), bf16=False))
    first, second = np.exp(plain).T
    between = np.sqrt(first * second)
    np.testing.assert_allclose(table[:, 2], between / (first + second + between), atol=1e-5)


def head(folder: Path, data: Items, kind: str = "head") -> LanguageModel:
    return load(str(folder), head=kind, outputs=units(data) if kind == "head" else ())


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_a_classification_head_by_its_logits(name: str, request: pytest.FixtureRequest) -> None:
    data = replace(word_items(5), prompts=["w1", "w1 w2 w3", "w4 w5", "w6", "w7"])
    lm = head(request.getfixturevalue(f"tiny_{name}"), data)
    assert lm.model.config.id2label == {0: "yes", 1: "no"}
    encoded = encode(data, lm, PromptFormat(), 64)
    assert encoded.format.style == "head"
    table = score(lm, encoded, bf16=False)
    for i, prompt in enumerate(data.prompts):
        with torch.no_grad():
            wanted = lm.model.eval()(**lm.tokenizer(prompt, return_tensors="pt")).logits[0].log_softmax(0)
        np.testing.assert_allclose(table[i], wanted, atol=1e-5)


def test_tasks_have_outputs_of_their_own(tiny_bert: Path) -> None:
    data = replace(
        word_items(80, n_tasks=2), choice_sets=[("yes", "no"), ("no", "maybe", "yes")], choice_set=np.arange(80) // 40
    )
    lm = head(tiny_bert, data)
    assert list(lm.model.config.id2label.values()) == ["t0: yes", "t0: no", "t1: no", "t1: maybe", "t1: yes"]
    encoded = encode(data, lm, PromptFormat(), 64)
    assert encoded.answers[[0, 40]].tolist() == [[0, 1, -1], [2, 3, 4]]
    assert np.isneginf(score(lm, encoded, bf16=False)[:40, 2]).all()


def test_items_of_one_task_find_the_outputs_of_a_head_of_several(tiny_bert: Path) -> None:
    lm = head(tiny_bert, word_items(80, n_tasks=2))
    one = replace(word_items(3), tasks=["t1"])
    assert encode(one, lm, PromptFormat(), 64).answers.tolist() == [[2, 3]] * 3


@pytest.mark.parametrize("style", ["words", "texts", "responses", "reward"])
def test_a_style_the_model_has_no_head_for_is_refused(style: str, tiny_bert: Path) -> None:
    with pytest.raises(
        ValueError, match=rf"style '{style}' needs head=\w+, the model has head=head\. Leave style at auto"
    ):
        encode(word_items(3), head(tiny_bert, word_items(3)), PromptFormat(style), 64)


def test_a_head_is_the_same_each_time_it_is_made(tiny_bert: Path) -> None:
    one, two = (head(tiny_bert, word_items(3)).model.classifier.weight for _ in range(2))
    torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_a_choice_without_an_output_is_named(tiny_bert: Path) -> None:
    lm = head(tiny_bert, word_items(3))
    with pytest.raises(ValueError, match=r"'maybe', which is no output of the model's head \(yes, no\)"):
        encode(word_items(3, ("yes", "maybe")), lm, PromptFormat(), 64)


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_a_reward_head_reads_prompt_and_text(name: str, request: pytest.FixtureRequest) -> None:
    """Bradley-Terry: the softmax of the rewards of prompt and text read by themselves, as transformers would."""
    data = items("pair")
    lm = head(request.getfixturevalue(f"tiny_{name}"), data, "reward")
    encoded = encode(data, lm, PromptFormat("auto", "{prompt} Answer :"), 64)
    assert encoded.format.style == "reward"
    data = replace(data, kinds=("choice",))
    encoded = encode(data, lm, PromptFormat("auto", "{prompt} Answer :"), 64)
    table = score(lm, encoded, bf16=False)
    for i in range(len(data)):
        asked = f"{data.prompts[i]} Answer :"
        with torch.no_grad():
            if name == "bert":  # a pair, the second of which has types of its own
                whole = [lm.tokenizer(asked, text, return_tensors="pt") for text in data.choices(i)]
                assert whole[0]["token_type_ids"].sum() == len(data.choices(i)[0].split()) + 1
            else:
                whole = [lm.tokenizer(f"{asked} {text} </s>", return_tensors="pt") for text in data.choices(i)]
            rewards = [lm.model.eval()(**inputs).logits[0, 0] for inputs in whole]
        np.testing.assert_allclose(table[i, : len(whole)], torch.stack(rewards).log_softmax(0), atol=1e-5)


def test_a_text_asked_several_questions_is_read_with_each(tiny_llama: Path) -> None:
    lm, data = load(str(tiny_llama)), word_items(80, n_tasks=2)
    asked = encode(data, lm, PromptFormat("words", "{prompt} Answer :"), 64)
    assert asked.format.name_task
    assert lm.tokenizer.decode(asked.prompts[0]) == "task w0 [UNK] Answer :"
    alone = replace(data, task=np.zeros(80, dtype=np.int64))
    assert not encode(alone, lm, PromptFormat("words", "{prompt} Answer :"), 64).format.name_task
