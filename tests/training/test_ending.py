"""Oracle: the training nobody stopped, its weights bit by bit and its log line by line."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from transformers import TrainerCallback

from crowdtune.runs import Run
from crowdtune.training import CrowdTrainer
from crowdtune.training.checkpoints import complete
from crowdtune.training.ending import TERMINATED, ending_on_request, newest
from crowdtune.training.finetune import Log
from tests.training.test_trainer import config, crowd


class Ask(TrainerCallback):
    """The system wants its machine back in the middle of step 6."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 5:
            os.kill(os.getpid(), signal.SIGTERM)


def trained(
    model: Path, run: Run, *others: TrainerCallback, lora: bool, resume: bool = False
) -> dict[str, torch.Tensor]:
    changes = dict(save_strategy="steps", save_steps=100, max_steps=10, optim="adamw_torch", logging_steps=4)
    batches = dict(per_device_train_batch_size=5, gradient_accumulation_steps=2)
    run.folder.mkdir(exist_ok=True)
    trainer = CrowdTrainer(
        str(model),
        config(run.checkpoints, **changes, **batches),
        crowd(),
        peft_config=LoraConfig(r=4, target_modules="all-linear", lora_dropout=0.1) if lora else None,
        callbacks=[Log(run.log), *others],
    )
    with ending_on_request(trainer):
        trainer.train(resume_from_checkpoint=newest(run, resume))
    return trainer.lm.model.state_dict() | {"expertise": torch.cat(list(trainer.annotators.parameters()))}


@pytest.mark.parametrize("lora", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_sigterm_costs_nothing(lora: bool, tiny_t5: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A checkpoint after the step, in the middle of an epoch of four, between two lines of the log."""
    whole, stopped = Run(tmp_path / "whole"), Run(tmp_path / "stopped")
    expected = trained(tiny_t5, whole, lora=lora)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as e:
        trained(tiny_t5, stopped, Ask(), lora=lora)
    assert e.value.code == TERMINATED == 143
    assert signal.getsignal(signal.SIGTERM) == before
    assert "checkpoint-6 is written. The same command with --resume goes on." in caplog.text
    assert [path.name for path in complete(stopped.checkpoints)] == ["checkpoint-6"]
    with caplog.at_level(logging.INFO, "crowdtune"):
        found = trained(tiny_t5, stopped, lora=lora, resume=True)
    assert "going on from checkpoint-6" in caplog.text
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert stopped.curve("loss") == whole.curve("loss")
    assert [step for step, _ in stopped.curve("loss")] == [4, 8]
    assert len(stopped.curve("train_runtime")) == 1
