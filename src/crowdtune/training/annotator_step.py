"""The annotators' own optimiser: beside the model, replicated on every rank, with a file of its own in checkpoints.

Annotator parameters inside the language model's module would be frozen and dropped by peft, reported as unexpected on
loading, and mixed with sharded tensors under FSDP.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback, get_scheduler

from crowdtune.annotators.averaged import Averaged
from crowdtune.em.belief import Belief
from crowdtune.training.average_step import AverageStep
from crowdtune.training.belief_step import BeliefStep
from crowdtune.training.response_step import ResponseStep

FILE = "annotators.pt"


def make_step(
    annotators: Any, learning_rate: float, device: torch.device
) -> AnnotatorStep | AverageStep | BeliefStep | ResponseStep | None:
    """What moves the annotators of an objective beside the model: Adam, EM, or nothing where there are none."""
    if annotators is None:
        return None
    if isinstance(annotators, Averaged):
        return AverageStep(annotators.to(device))
    if isinstance(annotators, nn.Module):
        return AnnotatorStep(annotators.to(device), learning_rate)
    return BeliefStep(annotators) if isinstance(annotators, Belief) else ResponseStep(annotators)


class AnnotatorStep(TrainerCallback):
    """Adam without weight decay, stepped just before the model's optimiser, on the same schedule."""

    def __init__(self, module: nn.Module, learning_rate: float) -> None:
        self.module = module
        self.optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
        self.scheduler: Any = None

    def schedule(self, args: Any, steps: int) -> None:
        """Follow the model's schedule over `steps` optimiser steps."""
        self.scheduler = get_scheduler(
            args.lr_scheduler_type,
            optimizer=self.optimizer,
            num_warmup_steps=args.get_warmup_steps(steps),
            num_training_steps=steps,
        )

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Step as the Trainer does."""
        self.step()

    def step(self) -> None:
        """Average gradients over ranks, step, clear."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            for parameter in self.module.parameters():
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= torch.distributed.get_world_size()
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.optimizer.zero_grad()

    def save(self, folder: Path) -> None:
        """Write parameters, optimiser and schedule."""
        parts = {"module": self.module, "optimizer": self.optimizer, "scheduler": self.scheduler}
        torch.save({name: part.state_dict() for name, part in parts.items()}, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read them back."""
        state = torch.load(folder / FILE, weights_only=True)
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
