"""SHALA's baseline in words: supervised training on the label distribution of each item, written as text.

The same format stage, prompts and targets as `shala-rl`, and as many steps; what differs is that the model is shown
each item's distribution instead of being told how near its own came.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Literal

from crowdtune.annotations import Annotations
from crowdtune.errors import InputError
from crowdtune.lm.load import LanguageModel
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.methods.shala import Shala
from crowdtune.training.form_stage import check_form, learn_form, learn_to_write
from crowdtune.training.reinforce import Stage


@dataclass(frozen=True)
class ShalaVerbal:
    """Options of the shala-verbal method."""

    steps: int = 60  # after the format stage
    prompts_per_step: int = 12  # items in a step, each with its one text
    format_steps: int = 50  # as in shala-rl, also the next three
    format_rate: float = 1e-3
    smoothing: float = 0.0
    weighting: Literal["reliability", "even"] = "reliability"

    def __post_init__(self) -> None:
        Shala(smoothing=self.smoothing, weighting=self.weighting)
        check_form(self.format_steps, self.format_rate)
        for name in ("steps", "prompts_per_step"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} must be 1 or more.")

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Targets as shala's, as text."""
        targets = Shala(smoothing=self.smoothing, weighting=self.weighting).plan(annotations, anchor)
        return replace(
            targets,
            story="trained on the distribution of the labels, written as text",
            train=functools.partial(_train, options=self),
        )


def _train(lm: LanguageModel, stage: Stage, *, options: ShalaVerbal) -> LanguageModel:
    formed = learn_form(lm, stage, options.format_steps, options.format_rate) if options.format_steps else lm
    targets = stage.examples.targets
    return learn_to_write(formed, stage, targets, steps=options.steps, batch=options.prompts_per_step)
