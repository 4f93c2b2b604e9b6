"""Oracle: the training nobody stopped, its weights bit by bit and its log line by line."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from crowdtune.runs import Run
from crowdtune.training import CrowdTrainer
from crowdtune.training.checkpoints import complete
from crowdtune.training.ending import TERMINATED, ending_on_request, newest
from crowdtune.training.finetune import Log
from tests.training.test_trainer import config, crowd


class Ask(TrainerCallback):
    """The system wants its machine back in the middle of step 4."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 3:
            os.kill(os.getpid(), signal.SIGTERM)


def trained(model: Path, run: Run, *others: TrainerCallback, resume: bool = False) -> torch.Tensor:
    changes = dict(save_strategy="steps", save_steps=100, max_steps=10, optim="adamw_torch", logging_steps=3)
    args = config(run.checkpoints, **changes)
    run.folder.mkdir(exist_ok=True)
    trainer = CrowdTrainer(str(model), args, crowd(), callbacks=[Log(run.log), *others])
    with ending_on_request(trainer):
        trainer.train(resume_from_checkpoint=newest(run, resume))
    return trainer.lm.model.shared.weight.detach()


def test_sigterm_costs_nothing(tiny_t5: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A checkpoint after the step, between two lines of the log; resumed, both are as if nothing had happened."""
    whole, stopped = Run(tmp_path / "whole"), Run(tmp_path / "stopped")
    expected = trained(tiny_t5, whole)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as e:
        trained(tiny_t5, stopped, Ask())
    assert e.value.code == TERMINATED == 143
    assert signal.getsignal(signal.SIGTERM) == before
    assert "checkpoint-4 is written. The same command with --resume goes on." in caplog.text
    assert [path.name for path in complete(stopped.checkpoints)] == ["checkpoint-4"]
    with caplog.at_level(logging.INFO, "crowdtune"):
        found = trained(tiny_t5, stopped, resume=True)
    assert "going on from checkpoint-4" in caplog.text
    assert torch.equal(found, expected)
    assert stopped.curve("loss") == whole.curve("loss")
    assert [step for step, _ in stopped.curve("loss")] == [3, 6, 9]
    assert len(stopped.curve("train_runtime")) == 1
