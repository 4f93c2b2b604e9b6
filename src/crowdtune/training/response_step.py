"""E-steps beside the training on free responses: now and then the model says again which of them are answers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from transformers import TrainerCallback

from crowdtune.annotations import Floats
from crowdtune.lm.load import LanguageModel

logger = logging.getLogger(__name__)
FILE = "responses.npz"


class Responding(Protocol):
    """What is believed of responses: see `methods._responses.Belief`."""

    weights: Floats
    refreshes: int

    def refresh(self, lm: LanguageModel) -> None:
        """Ask the model as it is, and weigh the responses anew."""
        ...


class ResponseStep(TrainerCallback):
    """Refreshes the weights of responses at points evenly spread over training, its end among them.

    What was learned from a response speaks for it: asked in training, a model confirms what it was told. So by default
    (0 times) the untrained model alone is asked.
    """

    def __init__(self, belief: Responding) -> None:
        self.belief, self.steps = belief, 0

    def schedule(self, args: Any, steps: int) -> None:
        """Know how many optimiser steps there will be."""
        self.steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask the model when it is time."""
        times = self.belief.refreshes
        if state.global_step not in {round(self.steps * (t + 1) / times) for t in range(times)}:
            return
        logger.info(f"asking the model which responses are answers, after {state.global_step} of {self.steps} steps")
        self.belief.refresh(LanguageModel("in training", kwargs["model"], kwargs["processing_class"]))

    def save(self, folder: Path) -> None:
        """Write the weights."""
        np.savez(folder / FILE, weights=self.belief.weights)

    def load(self, folder: Path) -> None:
        """Read them back."""
        with np.load(folder / FILE, allow_pickle=False) as found:
            self.belief.weights = found["weights"]
