"""What is believed of truths and annotators while a model trains: a table of its answers, refreshed as batches pass.

The model sees the labels of an item as evidence, (I, K) nats under each truth; EM updates that evidence from what the
model says. So annotators need no gradient and no learning rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crowdtune.annotations import Floats, Ints
from crowdtune.em.given import Given
from crowdtune.em.solve import Solution, solve
from crowdtune.em.stages import Stage, Trial, agreement, try_stage


@dataclass(eq=False)
class Belief:
    """Truths and annotators, kept up to date. The one value of this package that changes.

    Args:
        log_p: (I, K) what the model says of each item as last heard, nats, finite.
        given: N labels.
        solution: of the stage that holds.
        stages: richer annotator models to try, by name.
        seed: of the folds in trials.
        trials: what became of those tried.
        heard: (index, log_p) of batches the model answered since the table was settled.
    """

    log_p: Floats
    given: Given
    solution: Solution[Any]
    stages: Mapping[str, Stage] = field(default_factory=dict)
    seed: int = 0
    trials: list[Trial] = field(default_factory=list)
    heard: list[tuple[Ints, Floats]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = self.solution.posterior

    def kept(self) -> float:
        """Share of items whose most probable truth is the one believed before training."""
        return agreement(self.first, self.solution.posterior)

    @property
    def evidence(self) -> Floats:
        """(I, K) log-likelihood in nats of the labels of each item under each truth."""
        return self.solution.evidence

    def hear(self, index: Ints, log_p: Floats) -> None:
        """The model was asked about items `index` (B,) and said `log_p` (B, K)."""
        self.heard.append((index, log_p))

    def settle(self, heard: list[tuple[Ints, Floats]]) -> None:
        """Put what was heard into the table, and forget the hearing."""
        for index, log_p in heard:
            self.log_p[index] = log_p
        self.heard = []

    def update(self, steps: int = 1) -> None:
        """Go on with EM on the table as it is."""
        now = self.solution
        self.solution = solve(self.log_p, self.given, now.annotators, start=now.posterior, steps=steps)

    def advance(self, *, early: bool = False) -> None:
        """Try all stages unless one is kept, before training only the early ones; hold one that earned it.

        The first listed, unless a later one foretells held-out labels better by a standard error.
        """
        if any(t.kept for t in self.trials):
            return
        best = 0.0
        before = self.solution
        for name, stage in self.stages.items():
            if early and not stage.early:
                continue
            rng = np.random.default_rng(self.seed)
            found, trial = try_stage(name, self.log_p, self.given, before, stage, rng)
            self.trials.append(trial)
            if trial.kept and trial.gain > best + (trial.error if best else 0.0):
                best, self.solution = trial.gain, found
        if early:
            self.first = self.solution.posterior
