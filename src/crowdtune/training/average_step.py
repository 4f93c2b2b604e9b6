"""Running means of annotators beside the model's optimiser: a step of EM for each of its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from crowdtune.annotators.averaged import Averaged

FILE = "annotators.pt"


class AverageStep(TrainerCallback):
    """Adds what all ranks heard of the annotators, and lets them step just before the model's optimiser does."""

    def __init__(self, annotators: Averaged) -> None:
        self.annotators = annotators

    def schedule(self, args: Any, steps: int) -> None:
        """Running means follow no schedule."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Step as the Trainer does."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(self.annotators.heard)
        self.annotators.step()

    def save(self, folder: Path) -> None:
        """Write the running means."""
        torch.save(self.annotators.state_dict(), folder / FILE)

    def load(self, folder: Path) -> None:
        """Read them back."""
        self.annotators.load_state_dict(torch.load(folder / FILE, weights_only=True))
