"""What `crowdtune value` trains, and what it says of that."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations
from crowdtune.cli._screen import only_our_voice, say
from crowdtune.cli._split import of_split
from crowdtune.errors import InputError
from crowdtune.metrics import worth
from crowdtune.read import Policy, read

NEIGHBOURS = "knn-shapley"
SECONDS = 2.0  # between two trainings that are told of


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Args:
        method: `NEIGHBOURS` or one of `methods.GAMES`.
        test: file of held-out items.
        model: whose copies are trained; "" for a head on frozen embeddings.
        target: "loss" or "accuracy".
        trainings: at most; 0 = not said.
        workers: at a time.
        settings: of training.
        folder: of trainings.
        seed: of training.
    """

    method: str
    test: Path | None
    model: str
    target: str
    trainings: int
    workers: int
    settings: dict[str, str]
    folder: Path
    seed: int


@dataclass(eq=False)
class _Told:
    """Tells of trainings, of quick ones only now and then."""

    began: float = field(default_factory=time.monotonic)
    last: float = 0.0
    count: int = 0

    def __call__(self, line: str) -> None:
        self.count += 1
        if time.monotonic() - self.last > SECONDS:
            say(line)
            self.last = time.monotonic()

    def end(self, needed: int) -> None:
        spent = time.monotonic() - self.began
        each = f", {spent / self.count:.2f} s each" if self.count else ""
        say(f"{needed} trainings, {needed - min(self.count, needed)} of them there before: {spent:.1f} s{each}")


def trained(annotations: Annotations, asked: Asked, rng: np.random.Generator) -> list[worth.Row]:
    """Rows of what contributions are worth to a model.

    Args:
        annotations: contributions.
        asked: for what.
        rng: of held-out items and coalitions.
    """
    from crowdtune.methods import _coalitions as trainers
    from crowdtune.methods import _worth as games

    only_our_voice()
    held = _held(annotations, asked.test, rng)
    own, test = held.annotations, held.test
    say(f"judged by {len(test)} held-out items, by {held.told}; trained on {len(own)} labels of the other items")
    if asked.method == NEIGHBOURS:
        credit = games.by_neighbours(own, test)
        return worth.of_credit(own, credit.players, credit.values, credit.error)
    players = int((own.labels_per_annotator > 0).sum())
    count = games.trainings(asked.method, players, asked.trainings)
    what = f"LoRA copies of {asked.model}" if asked.model else "linear heads on frozen embeddings"
    say(f"{asked.method}: {count} trainings of {what} at most, in {asked.folder}; a run that is stopped goes on there")
    trainer: Any
    if asked.model:
        settings = {"lm": "" if asked.model == "embedded" else asked.model} | asked.settings
        trainer = trainers.tuned(own, test, asked.target, {k: v for k, v in settings.items() if v})
    elif asked.settings:
        raise InputError("--set is of language models. Say --model, or leave it out.")
    else:
        trainer = trainers.heads(own, test, asked.target)
    told = _Told()
    game = games.game(trainer, asked.target, own, asked.folder, seed=asked.seed, workers=asked.workers, say=told)
    credit = games.credit(asked.method, game, rng, asked.trainings)
    told.end(credit.coalitions)
    return worth.of_credit(own, credit.players, credit.values, credit.error)


def _held(annotations: Annotations, test: Path | None, rng: np.random.Generator) -> Any:
    """What to train on and what to judge by."""
    from crowdtune.aggregate import aggregator
    from crowdtune.methods._worth import Held, hold_out

    items, free = annotations.items, "text" in annotations.items.kinds
    if test is not None:
        kind = items.kinds[0] if len(set(items.kinds)) == 1 and items.kinds[0] in ("grade", "text") else ""
        found = read(test, policy=Policy(choices=() if free else items.common_choices, kind=kind))[0].items
        if not (found.gold >= 0).any():
            raise InputError(f"{test} has no gold answers to judge by. Say --gold COLUMN names there: gold, truth.")
        return Held(annotations, found.take(np.flatnonzero(found.gold >= 0)), f"gold of {test}")
    index = np.array([i for i, name in enumerate(items.splits) if name == "test"], dtype=np.int64)
    if len(index) and (items.gold[index] >= 0).any():
        rest = np.array([i for i, name in enumerate(items.splits) if name != "test"], dtype=np.int64)
        own = of_split(annotations.take_items(rest), "training on", "", ("train",))
        return Held(own, items.take(index[items.gold[index] >= 0]), "gold of split 'test'")
    if free:
        raise InputError("free responses need held-out items with gold to judge by. Say --test FILE.")
    return hold_out(annotations, aggregator("one-coin").fit(annotations).posterior, rng)
