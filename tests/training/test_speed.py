"""benchmarks/speed.py compares like with like: the same gradients of the same labels, FLOPs as torch counts them.

Oracles: a plain loop over labels, one row and one backward pass each; torch's own count of a step's FLOPs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.timed.crowd import EXPERTISE, Crowd, crowd
from benchmarks.timed.figures import Timed, ratios
from benchmarks.timed.machine import needed
from benchmarks.timed.models import read, without_dropout
from benchmarks.timed.ways import OURS, SFT, TRAINER, Job, apart, gradients, train
from benchmarks.timed.worker import Ready, Step, Tally
from torch.utils.flop_counter import FlopCounterMode

from crowdtune.lm.load import LanguageModel

JOB = Job(OURS, labels=3, tokens=32, items=6, batch=6, steps=1)


@pytest.fixture(scope="module")
def llama() -> LanguageModel:
    return read("random:tiny")


@pytest.fixture(scope="module")
def t5(tiny_t5: Path) -> LanguageModel:
    return without_dropout(read(f"random:{tiny_t5}"))


def asked(lm: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    """(B, V) logits of the answer to prompts without padding."""
    if lm.is_encoder_decoder:
        start = torch.full((len(ids), 1), lm.model.config.decoder_start_token_id)
        return lm.model(input_ids=ids, decoder_input_ids=start).logits[:, -1]
    return lm.model(input_ids=ids, logits_to_keep=1).logits[:, -1]


def by_hand(lm: LanguageModel, made: Crowd) -> dict[str, torch.Tensor]:
    """Gradients of the mean over labels of -log(e p(label) + (1 - e) / K), label by label."""
    lm, rows = lm.copy(), made.rows()
    for i, label, who in rows:
        answers = torch.from_numpy(made.encoded.answers[i])
        said = asked(lm, torch.tensor([made.prompt(i)]))[0, answers].softmax(dim=0)[label]
        e = EXPERTISE[who]
        (-(e * said + (1 - e) / 2).log() / len(rows)).backward()
    return {name: weight.grad for name, weight in lm.model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("model", ["llama", "t5"])
def test_gradients_are_those_of_a_loop_over_labels(model: str, request: pytest.FixtureRequest) -> None:
    lm: LanguageModel = request.getfixturevalue(model)
    made = crowd(lm, JOB.items, JOB.labels, JOB.tokens)
    plain = by_hand(lm, made)
    for way in (OURS, TRAINER):
        assert apart(gradients(replace(JOB, way=way), lm.copy(), made, bf16=False), plain) < 1e-5
    assert apart(plain, {name: 2 * weight for name, weight in plain.items()}) == pytest.approx(0.5)


def test_gradients_of_adapters_are_the_same(llama: LanguageModel) -> None:
    made = crowd(llama, JOB.items, JOB.labels, JOB.tokens)
    jobs = (replace(JOB, lora=True), replace(JOB, lora=True, way=TRAINER))
    found = [gradients(job, llama.copy(), made, bf16=False) for job in jobs]
    assert len(found[0]) == 2 * 2 * 7  # A and B of seven layers in each of two
    assert apart(*found) < 1e-5


def counted(lm: LanguageModel, model: object, rows: int, tokens: int) -> int:
    """FLOPs of a forward and backward pass, all logits of the answer."""
    lm = replace(lm, model=model)
    ids = torch.arange(rows * tokens).reshape(rows, tokens) % 1000
    counter = FlopCounterMode(display=False)
    with counter:
        asked(lm, ids).sum().backward()
    return int(counter.get_total_flops())


@pytest.mark.parametrize("model", ["llama", "t5"])
@pytest.mark.parametrize("lora", [False, True])
def test_flops_are_those_torch_counts(model: str, lora: bool, request: pytest.FixtureRequest) -> None:
    import peft

    lm: LanguageModel = request.getfixturevalue(model).copy()
    lm.model.set_attn_implementation("eager")
    lm.model.enable_input_require_grads()  # else the first layer needs less
    trained = peft.get_peft_model(lm.model, peft.LoraConfig(target_modules="all-linear", r=2)) if lora else lm.model
    rows, tokens = 3, 20
    config = lm.model.config
    mine = needed(trained, np.full(rows, tokens), choices=config.vocab_size)
    if not lm.is_encoder_decoder:  # eager attention multiplies what the causal mask then hides
        mine += 6 * config.hidden_size * config.num_hidden_layers * rows * tokens**2
    assert mine == pytest.approx(counted(lm, trained, rows, tokens), rel=1e-6)


def test_what_is_read_once_is_needed_once(llama: LanguageModel) -> None:
    """Two rows that share three tokens need what each needs by itself, less what the three do."""
    five, seven, three = (needed(llama.model, np.array([n]), choices=0) for n in (5, 7, 3))
    assert needed(llama.model, np.array([5, 7]), choices=0, once=3) == pytest.approx(five + seven - three)


def test_prompts_vary_about_the_length_asked_for_and_labels_are_of_different_people(llama: LanguageModel) -> None:
    made = crowd(llama, 400, 3, 60)
    assert 57 < made.lengths.mean() < 63  # standard error 1.0
    assert 0.25 < made.lengths.std() / made.lengths.mean() < 0.45
    assert made.lengths.min() >= 30
    assert made.lengths.max() <= 121
    assert len({(i, who) for i, _, who in made.rows()}) == len(made.rows()) == 1200
    assert (made.annotations.labels_per_item == 3).all()


@pytest.mark.parametrize("way", [OURS, TRAINER, pytest.param(SFT, marks=pytest.mark.slow)])
def test_ways_are_held_after_each_step_and_an_epoch_reads_every_row_once(llama: LanguageModel, way: str) -> None:
    job = Job(way, labels=3, tokens=16, items=12, batch=4, steps=3)
    made = crowd(llama, job.items, job.labels, job.tokens)
    tally, taken = Tally(made.lengths if way == OURS else None), []

    def hold() -> None:
        taken.append(tally.take() if tally.seen else None)

    with tally.counting():
        train(job, llama.copy(), made, hold)
    assert taken[0] is None
    given = [one for step in taken[1:] for one in step]
    rows = np.concatenate([one.lengths for one in given])
    assert len(taken) == 1 + job.steps
    repeated = made.lengths if way == OURS else np.repeat(made.lengths + (2 if way == SFT else 0), job.labels)
    assert sorted(rows) == sorted(repeated)
    there, read = sum(one.there for one in given), sum(one.read for one in given)
    if way == OURS:  # in a row without padding; what prompts begin with is read once
        assert there == read == repeated.sum() - sum(3 * one.once for one in given)
        assert all(one.once >= 7 for one in given)  # What is the mood of these words
    else:
        assert there == repeated.sum() < read
        assert all(one.once == 0 for one in given)


def test_an_epoch_is_extrapolated_by_tokens_and_ratios_are_by_round() -> None:
    def step(seconds: float, share: float) -> Step:
        return Step(seconds, share, read=100, there=80, work=1e9)

    ready = Ready(1000, {})
    ours = Timed("a", [step(7.0, 0.1)], [step(2.0, 0.1), step(4.0, 0.2)], ready, 2.0**31)
    theirs = Timed("b", [], [step(5.0, 0.05), step(16.0, 0.4)], ready, 0.0)
    assert ours.epoch == pytest.approx(20.0)
    assert ours.warming == pytest.approx(5.0)
    assert ratios(theirs, ours) == pytest.approx([5.0, 2.0])
    found = ours.figures(peak=1e10)
    assert found["unique_tokens_per_second"] == pytest.approx(50.0)
    assert found["share_of_peak"] == pytest.approx(2e9 / 6.0 / 1e10)
    assert found["padding"] == pytest.approx(0.2)
    assert found["peak_memory_gib"] == 2.0
