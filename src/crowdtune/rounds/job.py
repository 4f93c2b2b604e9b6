"""A job is one training of a copy of a base on the contributions of some annotators, and what is measured of it.

A job's folder is written aside and renamed: one that is there is whole, whatever was killed when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Floats

MODEL, MEASURED = "model", "measured.npz"


@dataclass(frozen=True)
class Job:
    """One training, or with no members and no parents only a measurement of the base.

    Args:
        base: folder of the model it starts from; "" for the untrained one.
        members: names of the annotators whose contributions it is trained on, each once.
        seed: of the training.
        draws: seeds of what is drawn of the trained model to judge it; candidates of a round share them.
        parents: folders of models whose average is taken instead of a training.
        keep: whether the trained model is kept; a coalition's is only measured.
        steps: optimiser steps; 0 = as many as the passes over the members' contributions that training asks for take.
    """

    base: str = ""
    members: tuple[str, ...] = ()
    seed: int = 0
    draws: tuple[int, ...] = (0,)
    parents: tuple[str, ...] = ()
    keep: bool = True
    steps: int = 0


Trainer = Callable[[Job, Path], None]  # does a job in an empty folder: `save_measured` and, if kept, MODEL


def save_measured(folder: Path, measured: dict[str, Floats], steps: int) -> None:
    """Keep what was measured.

    Args:
        folder: of the job.
        measured: name of a target -> (R, S, D): for each of `draws`, what is measured of S samples.
        steps: optimiser steps made.
    """
    tables: dict[str, Any] = {f"target:{name}": table for name, table in measured.items()}
    np.savez(folder / MEASURED, steps=np.array(steps), **tables)


@dataclass(frozen=True, eq=False)
class Done:
    """A finished job.

    Args:
        folder: where it is.
        measured: name of a target -> (R, S, D).
        steps: optimiser steps made.
    """

    folder: Path
    measured: dict[str, Floats]
    steps: int

    @property
    def model(self) -> Path:
        """Folder of the trained model."""
        return self.folder / MODEL


def load_done(folder: Path) -> Done:
    """Read what a finished job left."""
    with np.load(folder / MEASURED) as kept:
        measured = {name.partition(":")[2]: kept[name] for name in kept.files if name.startswith("target:")}
        return Done(folder, measured, int(kept["steps"]))
