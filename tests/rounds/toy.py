"""A trainer without a language model: every annotator pulls a vector their own way, and what was trained is counted."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.errors import InputError
from crowdtune.rounds.job import MODEL, Job, save_measured
from crowdtune.rounds.target import Target, mean, nearness

GOAL = np.array([1.0, 0.0])


def targets() -> list[Target]:
    """Near the goal; and not far up, where the tempting pull."""
    return [nearness("distance", GOAL), mean("low")]


@dataclass(frozen=True)
class Toy:
    """Moves a vector of two numbers.

    Args:
        pulls: name of an annotator -> where a step with their contributions leads.
        log: every training adds a line to it.
        noise: standard deviation of a sample around the model.
        seconds: that a job takes.
        fails: names of whom no training survives.
    """

    pulls: dict[str, tuple[float, float]]
    log: Path
    noise: float = 0.05
    seconds: float = 0.0
    fails: tuple[str, ...] = ()

    def __call__(self, job: Job, folder: Path) -> None:
        """Train, measure, keep."""
        time.sleep(self.seconds)
        if set(job.members) & set(self.fails):
            raise InputError(f"{self.fails[0]} brings nothing to train on.")
        model = self._start(job)
        if job.members:
            with self.log.open("a") as file:
                file.write(f"{folder.parent.name}/{folder.name.split('.')[1]} {os.getpid()}\n")
            pull = np.mean([self.pulls[name] for name in job.members], axis=0)
            jitter = np.random.default_rng(job.seed).normal(0, 0.001, 2)
            model = model + pull + jitter
        own = int.from_bytes(model.tobytes(), "little")  # models answer the same questions each in their own way
        drawn = [model + np.random.default_rng([seed, own]).normal(0, self.noise, (50, 2)) for seed in job.draws]
        save_measured(folder, {"distance": np.stack(drawn), "low": -np.stack(drawn)[:, :, 1:]}, len(job.members))
        if job.keep:
            (folder / MODEL).mkdir()
            np.save(folder / MODEL / "vector.npy", model)

    def _start(self, job: Job) -> Floats:
        sources = job.parents or ((job.base,) if job.base else ())
        kept = [np.load(Path(source) / "vector.npy") for source in sources]
        return np.asarray(np.mean(kept, axis=0) if kept else np.zeros(2))


def pulls(good: int, bad: int) -> dict[str, tuple[float, float]]:
    """Annotators g0, g1, ... who lead to the goal, and b0, b1, ... who lead away."""
    return {f"g{i}": (0.12, 0.0) for i in range(good)} | {f"b{i}": (-0.1, 0.02) for i in range(bad)}
