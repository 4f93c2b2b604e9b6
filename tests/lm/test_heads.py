"""Heads, new and trained. Oracles: each item alone in a plain forward pass; weights written by hand."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForMaskedLM

from crowdtune.errors import InputError
from crowdtune.examples import from_annotations
from crowdtune.lm.encode import encode
from crowdtune.lm.load import load
from crowdtune.lm.prompts import PromptFormat
from crowdtune.lm.score import score
from crowdtune.simulate import reliability, simulate
from crowdtune.training import CrowdTrainer
from tests.tiny import save_bert, save_encoder, tokenizer, word_items
from tests.training.test_trainer import config


@pytest.mark.parametrize("kind", ["deberta", "modernbert", "roberta"])
def test_every_encoder_is_scored_as_each_item_alone_and_trained(kind: str, tmp_path: Path) -> None:
    """The user's own model, made and named by transformers' habits."""
    folder = save_encoder(kind, tmp_path / kind)
    data = replace(word_items(6), prompts=["w1", "w1 w2 w3", "w4 w5", "w6", "w7 w8 w9 w1", "w2"])
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    made = simulate(data, reliability("0.9,0.9"), rng=np.random.default_rng(0))
    args = config(tmp_path, style="auto", template="", per_device_train_batch_size=6)
    trainer = CrowdTrainer(model, args, from_annotations(made), processing_class=AutoTokenizer.from_pretrained(folder))
    assert model.config.id2label == {0: "yes", 1: "no"}
    table = score(trainer.lm, encode(data, trainer.lm, PromptFormat(), 64), bf16=False)
    for row, prompt in zip(table, data.prompts, strict=True):
        with torch.no_grad():
            wanted = model.eval()(**trainer.lm.tokenizer(prompt, return_tensors="pt")).logits[0].log_softmax(0)
        np.testing.assert_allclose(row, wanted, atol=1e-5)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trainer.train()
    assert trainer.state.global_step == 1
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert any(name.startswith("classifier") for name in moved)
    assert any("layers.0." in name or "layer.0." in name for name in moved)


def classifier(folder: Path, names: tuple[str, ...]) -> Path:
    """A BERT with outputs of these names; the weights of output u are all u + 1."""
    save_bert(folder)
    outputs = dict(enumerate(names))
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, id2label=outputs, label2id={name: unit for unit, name in outputs.items()}
    )
    with torch.no_grad():
        model.classifier.weight.copy_(torch.arange(1.0, len(names) + 1)[:, None].expand_as(model.classifier.weight))
    model.save_pretrained(folder)
    return folder


def test_a_trained_head_is_known_by_the_names_of_its_outputs_in_any_order(tmp_path: Path) -> None:
    """By their places "yes" and "no" would be taken for each other."""
    lm = load(str(classifier(tmp_path, ("NO", "Yes"))), head="head", outputs=("yes", "no"))
    assert lm.new == ()
    assert lm.model.config.id2label == {0: "no", 1: "yes"}
    assert lm.model.classifier.weight[:, 0].tolist() == [1, 2]
    assert encode(word_items(2), lm, PromptFormat(), 64).answers.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1"), ("no", "maybe"), ("no", "yes", "maybe")])
def test_a_head_for_other_answers_is_replaced(names: tuple[str, ...], tmp_path: Path) -> None:
    folder = str(classifier(tmp_path, names))
    one, two = (load(folder, head="head", outputs=("yes", "no")) for _ in range(2))
    assert set(one.new) >= {"classifier.weight", "classifier.bias"}
    assert one.model.config.id2label == {0: "yes", 1: "no"}
    assert one.model.classifier.weight.shape == (2, 32)
    assert one.model.classifier.weight.abs().max() < 0.5
    torch.testing.assert_close(one.model.state_dict(), two.model.state_dict(), rtol=0, atol=0)
    body = AutoModelForSequenceClassification.from_pretrained(folder).bert.state_dict()
    torch.testing.assert_close(one.model.bert.state_dict(), body, rtol=0, atol=0)


def test_a_classifier_is_no_reward_head_and_a_reward_head_is_kept(tmp_path: Path) -> None:
    assert load(str(classifier(tmp_path / "two", ("no", "yes"))), head="reward").new
    assert not load(str(classifier(tmp_path / "one", ("LABEL_0",))), head="reward").new


def test_an_encoder_is_not_asked_for_words(tiny_bert: Path, tmp_path: Path) -> None:
    BertForMaskedLM(
        BertConfig(vocab_size=60, hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
    ).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    for folder in (tiny_bert, tmp_path):
        with pytest.raises(InputError, match=r"has no head that says what word comes next.*--set head=head"):
            load(str(folder))


def test_a_new_head_is_no_news_for_the_terminal(
    tiny_bert: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load(str(tiny_bert), head="head", outputs=("yes", "no"))
    assert "MISSING" not in capfd.readouterr().err + caplog.text


def test_a_users_model_with_too_few_outputs_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert, num_labels=2)
    made: Any = from_annotations(
        simulate(word_items(4, ("yes", "no", "maybe")), reliability("0.9,0.9"), rng=np.random.default_rng(0))
    )
    with pytest.raises(InputError, match=r"2 outputs, the items have 3 choices \(yes, no, maybe\).*num_labels=3"):
        CrowdTrainer(model, config(tmp_path), made, processing_class=tokenizer())
