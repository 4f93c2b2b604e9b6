"""Options of the rounds of Crowd-SFT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crowdtune.errors import InputError


@dataclass(frozen=True)
class Rounds:
    """How rounds are played."""

    groups: int = 3  # that train a candidate each round
    strategy: Literal["random", "interleaved", "synergised", "epsilon-greedy", "fixed"] = (
        "random"  # who trains with whom
    )
    epsilon: float = 0.1  # of epsilon-greedy: chance that an annotator sits anywhere
    rounds: int = 10  # at most
    patience: int = 3  # rounds without a new base after which to stop
    enough: float | None = None  # score of the first target at which to stop; None = never
    merge: Literal["winner", "average"] = "winner"  # "average": that of the two best is a candidate as well
    draws: int = 1  # times that samples are drawn of a model to judge it
    steps: int = 0  # optimiser steps of a group; 0 = as many as its passes over its contributions are
    probe: bool = True  # groups also train the untrained model, for attribution; twice the trainings
    keep_all: bool = False  # keep the models of all candidates
    seed: int = 0  # with the number of the round it decides everything random

    def __post_init__(self) -> None:
        for name in ("groups", "rounds", "patience", "draws"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} must be 1 or more.")
        for name in ("steps", "seed"):
            if getattr(self, name) < 0:
                raise InputError(f"{name}={getattr(self, name)} must be 0 or more.")
        if not 0 <= self.epsilon <= 1:
            raise InputError(f"epsilon={self.epsilon} must be a share from 0 to 1.")
