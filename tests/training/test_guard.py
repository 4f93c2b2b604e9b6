"""Oracle: faults put into a step on purpose; weights and files are as they were before it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import TrainerCallback

from crowdtune.errors import InputError
from crowdtune.objectives.soft_target import SoftTarget
from crowdtune.training import CrowdTrainer
from crowdtune.training.checkpoints import complete
from crowdtune.training.guard import Guard, Logged
from tests.training.test_trainer import config, crowd

SAVING = dict(save_strategy="steps", save_steps=1, max_steps=4)
STEP = 3  # at which things go wrong


class Fault(TrainerCallback):
    """Breaks one thing in step 3, and keeps the weights as they were before it."""

    def __init__(self, what: str) -> None:
        self.what, self.now, self.before = what, False, Tensor()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.now = state.global_step == STEP - 1
        if self.now:
            self.before = kwargs["model"].lm_head.weight.detach().clone()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.now and self.what == "weights":
            with torch.no_grad():
                kwargs["model"].lm_head.weight[3, 3] = torch.inf


class Broken(SoftTarget):
    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault

    def total(self, log_p: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        if not self.fault.now:
            return super().total(log_p, batch)
        if self.fault.what == "gradient":
            log_p.register_hook(lambda gradient: gradient * torch.nan)
        return super().total(log_p, batch) * (torch.nan if self.fault.what == "loss" else 1)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("loss", r"at step 3: the loss is not a finite number\. Its batch holds items i\d+, .* and 3 more\. Most"),
        pytest.param("gradient", r"step 3: the gradient is not a finite number\. Its batch", marks=pytest.mark.slow),
        pytest.param("weights", r"weights are not finite any more\. Most often learning", marks=pytest.mark.slow),
    ],
)
def test_training_stops_before_it_takes_a_step_that_is_no_number(
    what: str, said: str, tiny_llama: Path, tmp_path: Path
) -> None:
    fault = Fault(what)
    args = config(tmp_path, **SAVING)
    trainer = CrowdTrainer(str(tiny_llama), args, crowd(), objective=Broken(fault), callbacks=[fault])
    with pytest.raises(InputError, match=said):
        trainer.train()
    assert [path.name for path in complete(tmp_path)] == ["checkpoint-1", "checkpoint-2"]
    if what != "weights":
        assert torch.equal(trainer.lm.model.lm_head.weight, fault.before)


def test_items_the_model_has_no_number_for_are_named(tiny_llama: Path, tmp_path: Path) -> None:
    """Two of eight, whose word's embedding is broken."""
    trainer = CrowdTrainer(str(tiny_llama), config(tmp_path, **SAVING, train_sampling_strategy="sequential"), crowd())
    words = trainer.lm.tokenizer.convert_tokens_to_ids(["w2", "w5"])
    torch.nn.init.constant_(trainer.lm.model.model.embed_tokens.weight[words[0]], torch.nan)
    torch.nn.init.constant_(trainer.lm.model.model.embed_tokens.weight[words[1]], torch.nan)
    trainer.lm.model.lm_head.weight = torch.nn.Parameter(torch.randn(trainer.lm.model.lm_head.weight.shape))
    with pytest.raises(InputError, match=r"step 1: the loss .* It comes from 2 of its 8 items: i2, i5\. Look at their"):
        trainer.train()


def test_annotators_are_looked_at_too(tiny_llama: Path, tmp_path: Path) -> None:
    trainer = CrowdTrainer(str(tiny_llama), config(tmp_path, **SAVING), crowd())
    parameter = next(trainer.annotators.parameters())
    parameter.register_hook(lambda gradient: gradient / 0)
    before = parameter.detach().clone()
    with pytest.raises(InputError, match="at step 1: the annotators' gradient is not a finite number"):
        trainer.train()
    assert torch.equal(parameter, before)


def test_a_healthy_step_passes_and_lines_of_the_log_are_looked_at() -> None:
    guard = Guard(None, None)
    guard.settle(torch.nn.Linear(2, 2))
    state = type("State", (), {"global_step": 7})()
    Logged().on_log(None, state, None, logs={"loss": 1.0, "grad_norm": 2.0})
    with pytest.raises(InputError, match="stopped at step 7: the gradient is not"):
        Logged().on_log(None, state, None, logs={"loss": 1.0, "grad_norm": float("inf")})
