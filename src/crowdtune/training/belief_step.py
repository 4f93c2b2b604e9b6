"""EM beside the model's optimiser: what the model said in a step renews what is believed of truths and annotators."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from crowdtune.em.belief import Belief
from crowdtune.em.store import arrays, restore

logger = logging.getLogger(__name__)
FILE = "belief.npz"
TRIALS = (0.25, 0.5, 0.75)  # shares of training after which richer annotator models are tried
RENEWED = 0.1  # share of the table that must be new before EM goes on


class BeliefStep(TrainerCallback):
    """A step of EM whenever a tenth of the table is new; its rows are renewed as batches pass."""

    def __init__(self, belief: Belief) -> None:
        self.belief, self.taken, self.steps, self.new = belief, 0, 0, 0

    def schedule(self, args: Any, steps: int) -> None:
        """Know how many optimiser steps there will be."""
        self.steps = steps

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Step as the Trainer does."""
        self.step()

    def step(self) -> None:
        """Share what was heard between ranks, go on with EM, try richer annotators when it is time."""
        heard = _everywhere(self.belief.heard)
        self.belief.settle(heard)
        self.taken += 1
        self.new += sum(len(index) for index, _ in heard)
        if self.new >= RENEWED * len(self.belief.log_p):
            self.belief.update()
            self.new = 0
        if self.taken in {round(share * self.steps) for share in TRIALS}:
            self.belief.advance()
            if (kept := self.belief.kept()) <= 0.5:
                logger.warning(
                    f"training is turning round: after {self.taken} of {self.steps} steps only {kept:.0%} of the "
                    "truths are those believed before it. Stop it, and give gold (gold=20)."
                )

    def save(self, folder: Path) -> None:
        """Write the belief and the place in the schedule."""
        np.savez(folder / FILE, taken=self.taken, new=self.new, **arrays(self.belief))

    def load(self, folder: Path) -> None:
        """Read them back."""
        with np.load(folder / FILE, allow_pickle=False) as found:
            self.taken, self.new = int(found["taken"]), int(found["new"])
            restore(self.belief, {name: found[name] for name in found})


def _everywhere(heard: list[Any]) -> list[Any]:
    """What all ranks heard, in the same order on each."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return heard
    gathered: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(gathered, heard)
    return [row for rows in gathered for row in rows]
