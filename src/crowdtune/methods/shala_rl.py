r"""SHALA by reinforcement learning: the model writes how people answer, and is rewarded for how near it comes.

First a format stage: supervised training on distributions dealt out among items, from which a model learns how one is
written and nothing of any item. Then GRPO: of each item some texts are drawn, each is read, and its reward is 1 less
the Jensen-Shannon distance (base 2) to the label distribution, 0 where there is nothing to read; what was better than
the item's other texts becomes likelier. Items where people disagree count more (`rewards.weighted`). Both stages train
adapters that are merged, so the run's folder holds a whole model; a divergence from the reference (`beta`) is measured
from the model after the format stage. Where the exact path is open, as with any model whose logits can be read, method
`shala` does the same without sampling.

Differs from the paper: its text is not public, so this is a reconstruction. Where it standardises rewards in each
group, a weight on them cancels (`scale=group` puts it on after that); by default they are only centred, which leaves a
policy calibrated.

Steps, items and texts in a step are the method's own options; `epochs` and `accumulation` have no part in it, and
`batch_size` is the format stage's.

References:
    Wu et al.: SHALA-LLM, 2026, https://arxiv.org/abs/2606.05376
    Shao et al.: DeepSeekMath (GRPO), 2024, https://arxiv.org/abs/2402.03300
    Bereket and Leskovec: Uncalibrated reasoning, 2025, https://arxiv.org/abs/2508.11800
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Literal

from crowdtune.annotations import Annotations
from crowdtune.lm.load import LanguageModel
from crowdtune.methods._plan import Anchor, Plan
from crowdtune.methods.shala import Shala
from crowdtune.training.form_stage import check_form, learn_form
from crowdtune.training.reinforce import Reinforcement, Stage, reinforce


@dataclass(frozen=True)
class ShalaRl:
    """Options of the shala-rl method."""

    ambiguity_weight: float = 1.0  # lambda: weight an item gains by normalised ambiguity 1; 0 weights all alike
    dynamic: bool = True  # that gain times the js_distance that is left
    steps: int = 60  # of reinforcement; each draws anew
    prompts_per_step: int = 12  # items in a step
    rollouts: int = 8  # texts drawn for each
    temperature: float = 1.0  # of drawing them
    beta: float = 0.04  # weight of the divergence from the model after the format stage
    scale: Literal["none", "group"] = "none"  # rewards centred, or also standardised, over an item's texts
    passes: int = 4  # forward passes a step is split into; fewer need more memory
    format_steps: int = 50  # of the format stage; 0 where the model can write distributions already
    format_rate: float = 1e-3  # its learning rate; `learning_rate` is that of what follows
    smoothing: float = 0.0  # labels added to each choice, as in shala
    weighting: Literal["reliability", "even"] = "reliability"  # likewise

    def __post_init__(self) -> None:
        Shala(smoothing=self.smoothing, weighting=self.weighting)
        check_form(self.format_steps, self.format_rate)
        self._rewards()

    def _rewards(self) -> Reinforcement:
        return Reinforcement(
            steps=self.steps,
            prompts_per_step=self.prompts_per_step,
            rollouts=self.rollouts,
            ambiguity_weight=self.ambiguity_weight,
            dynamic=self.dynamic,
            scale=self.scale,
            beta=self.beta,
            temperature=self.temperature,
            passes=self.passes,
        )

    def plan(self, annotations: Annotations, anchor: Anchor) -> Plan:
        """Targets as shala's; a training of its own."""
        targets = Shala(smoothing=self.smoothing, weighting=self.weighting).plan(annotations, anchor)
        train = functools.partial(_train, options=self, rewards=self._rewards())
        story = "rewarded for how near the distributions it writes come to those of the labels"
        return replace(targets, story=story, train=train)


def _train(lm: LanguageModel, stage: Stage, *, options: ShalaRl, rewards: Reinforcement) -> LanguageModel:
    formed = learn_form(lm, stage, options.format_steps, options.format_rate) if options.format_steps else lm
    return reinforce(formed, stage, rewards)
