"""A cell is one training with everything that decides it; a grid is many of them, and a folder keeps what came out.

A cell is a job of an engine (`engines`): its folder is whole or not there at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from crowdtune.annotations import Bools
from crowdtune.errors import InputError
from crowdtune.simulate import reliability
from crowdtune.write.tables import occupied, write_bytes, write_json

HEAD = "minilm-head"  # the model that is no language model: a linear head on frozen sentence embeddings
PEOPLE = "people"  # instead of a crowd: the data's own labels, whose distribution is the truth
Pairs = tuple[tuple[str, str], ...]  # options by name, as text
GIVEN = re.compile(r"noisy(\d{1,3})")  # a crowd of one label an item, so many of a hundred wrong


@dataclass(frozen=True)
class Cell:
    """One training.

    Args:
        data: "words", "grades", or the name of a data set; several joined by + are tasks of one.
        model: "minilm-head", "embedded", a folder, or an id on the hub.
        method: its name.
        distribution: of the annotators' reliabilities, as `crowdtune simulate --reliability` takes it; or "noisy30":
            one label for each item, 30 % of them wrong, and a split of its own for each seed; or "people": the data's
            own labels, a split for each seed, and no truth but their distribution.
        noise: how a wrong label is drawn.
        overlap: who labels what.
        expertise_learning_rate: of the annotators; None leaves it to the method.
        seed: of the crowd, of dropout and of the order of batches. The split of the data is the same for all seeds.
        options: further options of the method.
        training: options of training.
        trained: how many items to train on; 0 = all there are.
        held_out: how many items to test on; 0 = all there are.
        source: which version of the data: hashes of local files, ids on the hub, "" for the bundled words.
    """

    data: str
    model: str
    method: str = ""
    distribution: str = "dist1"
    noise: str = "uniform"
    overlap: str = "shared"
    expertise_learning_rate: float | None = None
    seed: int = 0
    options: Pairs = ()
    training: Pairs = ()
    trained: int = 0
    held_out: int = 0
    source: str = ""

    @property
    def given(self) -> float | None:
        """Share of wrong labels where each item has one given label; None for a crowd."""
        found = GIVEN.fullmatch(self.distribution)
        return int(found[1]) / 100 if found else None

    @property
    def annotators(self) -> int:
        """J."""
        return 1 if self.given is not None else len(reliability(self.distribution))

    @property
    def method_settings(self) -> dict[str, str]:
        """Options of the method by name, as text."""
        rate = self.expertise_learning_rate
        return dict(self.options) | ({} if rate is None else {"expertise_learning_rate": str(rate)})

    @property
    def variant(self) -> str:
        """The method with what was chosen of its options: what a row of a table compares."""
        rate = self.expertise_learning_rate
        chosen = [] if rate is None else [f"rate {rate:g}"]
        chosen += [f"{name}={value}" for name, value in self.options]
        return f"{self.method} ({', '.join(chosen)})" if chosen else self.method

    @property
    def condition(self) -> str:
        """Everything but the method and the seed that tells this cell from others, for people."""
        alone = self.given is not None or self.distribution == PEOPLE
        crowd = [self.distribution] if alone else [self.distribution, self.noise, self.overlap]
        return " ".join([self.model.rsplit("/", 1)[-1], self.data, *crowd])

    @property
    def name(self) -> str:
        """Name of the cell's folder: readable, and different wherever anything differs."""
        plain = msgspec.json.encode(asdict(self), order="sorted")
        words = [self.data, self.distribution, self.noise, self.overlap, self.method, str(self.seed)]
        readable = "-".join(words).replace(":", "_").replace("/", "_").replace(",", "_")
        return f"{readable}-{hashlib.sha256(plain).hexdigest()[:10]}"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out of a cell.

    Args:
        correct: (T,) True for a held-out item answered right.
        zero_shot: share of them right before training.
        posterior_accuracy: share of the training items whose posterior is right; None where no truth is looked for.
        chance: share right by guessing.
        verdict: said before training: "resolved", "ambiguous" or "unresolvable"; "" where no truth is looked for.
        words: the verdict as a sentence.
        curve: (optimiser step, share of held-out items right) while training.
        annotators: rows of `runs.annotator_table`.
        seconds: of training and scoring.
        details: what is told of given labels by `given.details`, of people by `distribution.details`; {} for a crowd.
    """

    correct: Bools
    zero_shot: float
    posterior_accuracy: float | None
    chance: float
    verdict: str
    words: str
    curve: Sequence[tuple[int, float]]
    annotators: Sequence[dict[str, Any]]
    seconds: float
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of held-out items right."""
        return float(self.correct.mean())


@dataclass(frozen=True)
class Store:
    """The folder of a grid, one folder in it for each finished cell."""

    folder: Path

    def place(self, cell: Cell) -> Path:
        """Where a finished cell is."""
        return self.folder / "cells" / cell.name

    def done(self, cell: Cell) -> bool:
        """True once the cell has been run."""
        return self.place(cell).exists()

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for this process: make it, refuse one that holds something else, clear what a kill left.

        The system lets go of the lock however the process ends.
        """
        cells = self.folder / "cells"
        if not cells.exists() and occupied(self.folder):
            raise InputError(f"{self.folder} holds something that is no bench. Choose another folder: -o DIR.")
        cells.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise InputError(f"another bench works in {self.folder}. Wait for it, or choose another -o DIR.") from e
            for left in cells.glob(".*"):
                shutil.rmtree(left)
            yield

    def load(self, cell: Cell) -> Outcome:
        """What came out of a finished cell."""
        place = self.place(cell)
        plain = msgspec.json.decode((place / "results.json").read_bytes())
        bits = np.frombuffer((place / "correct.bin").read_bytes(), dtype=np.uint8)
        correct = np.unpackbits(bits, count=plain.pop("held_out")).astype(bool)
        del plain["accuracy"]
        return Outcome(correct=correct, **plain)


def keep(cell: Cell, outcome: Outcome, folder: Path) -> None:
    """Write what came out of a cell into its folder."""
    write_json(folder / "cell.json", asdict(cell))
    write_bytes(folder / "correct.bin", np.packbits(outcome.correct).tobytes())
    plain = {name: value for name, value in vars(outcome).items() if name != "correct"}
    write_json(folder / "results.json", plain | {"held_out": len(outcome.correct), "accuracy": outcome.accuracy})
