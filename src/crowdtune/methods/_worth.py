"""What annotators' contributions are worth to a model that is trained on them.

Coalitions are trained as `_coalitions` says, each in a folder of its own and once. Parts of the held-out items are the
repeats of a worth, from which standard errors come: they tell of other items of the kind, not of other annotators.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crowdtune.annotations import Annotations, Floats, Items
from crowdtune.credit import (
    Credit,
    Game,
    banzhaf,
    beta_shapley,
    exact,
    knn_shapley,
    leave_one_out,
    permutations,
    probes,
    ridge,
)
from crowdtune.errors import InputError, unknown_name
from crowdtune.lm.embed import embed
from crowdtune.methods._coalitions import PARTS
from crowdtune.rounds.coalitions import coalition_game
from crowdtune.rounds.job import Done, Job, Trainer
from crowdtune.rounds.spread import spread
from crowdtune.rounds.target import mean

GAMES = ("leave-one-out", "permutations", "ridge", "exact", "banzhaf", "beta-shapley")  # that train coalitions
EACH = 5  # trainings for each annotator, where the method does not say and nobody else does
ALPHA, BETA = 4.0, 1.0  # of Beta-Shapley: small coalitions count more
SCORES = ("loss", "accuracy")


@dataclass(frozen=True, eq=False)
class Held:
    """What contributions are judged by.

    Args:
        annotations: contributions to the other items.
        test: T held-out items with gold.
        told: where their answers come from, in words.
    """

    annotations: Annotations
    test: Items
    told: str


def hold_out(annotations: Annotations, posterior: Floats, rng: np.random.Generator) -> Held:
    """Take a fifth of the items out to judge by: those with gold, and where there are none by what the crowd says.

    Args:
        annotations: N labels.
        posterior: (I, K) what the crowd says of the items.
        rng: of which items.
    """
    items = annotations.items
    known = np.flatnonzero(items.gold >= 0)
    told, gold = "gold answers", items.gold
    if len(known) < PARTS:
        known, told, gold = np.flatnonzero(annotations.labels_per_item > 1), "what the crowd says", posterior.argmax(1)
    if len(known) < 5 * PARTS:
        raise InputError(
            f"{len(known)} items could be held out to judge by, at least {5 * PARTS} are needed. "
            "Give others with gold answers: --test FILE."
        )
    out = np.sort(rng.permutation(known)[: len(known) // 5])
    test = replace(items, gold=np.asarray(gold, dtype=np.int64)).take(out)
    return Held(annotations.take_items(np.setdiff1d(np.arange(len(items)), out)), test, told)


def by_neighbours(annotations: Annotations, test: Items) -> Credit:
    """KNN-Shapley on frozen embeddings, in shares of held-out items; no training."""
    known = test.take(np.flatnonzero(test.gold >= 0))
    codes = zip(annotations.item.tolist(), annotations.label.tolist(), strict=True)
    said = np.array([annotations.items.text(i, c) for i, c in codes])
    right = np.array([known.text(i, int(c)) for i, c in enumerate(known.gold)])
    table = embed(annotations.items.prompts)[annotations.item]
    names = list(annotations.annotators)
    return knn_shapley(table, said, annotations.annotator, embed(known.prompts), right, players=names)


def trainings(method: str, players: int, asked: int = 0) -> int:
    """How many coalitions a method trains at most.

    Args:
        method: one of GAMES.
        players: J.
        asked: by the user; 0 = not said.
    """
    if method not in GAMES:
        raise unknown_name("method of value", method, GAMES)
    everything = int(2**players - 1)
    if method == "leave-one-out":
        return players + 1
    return everything if method == "exact" else min(asked or max(EACH * players, 2 * players - 1), everything)


def game(
    trainer: Trainer,
    by: str,
    annotations: Annotations,
    folder: Path,
    *,
    seed: int = 0,
    workers: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Game:
    """The game of everybody with a label, whose trainings lie in a folder named by what decides them.

    Args:
        trainer: of `_coalitions`.
        by: "loss" or "accuracy", as the trainer measures.
        annotations: contributions.
        folder: of trainings of this and other games.
        seed: of training.
        workers: trainings at a time, in processes; 0 is one after another in this one.
        say: told of each training and how long it took.
    """
    if by not in SCORES:
        raise unknown_name("target", by, SCORES)
    own = folder / hashlib.sha256("\n".join(_content(trainer)).encode()).hexdigest()[:16]
    names = [
        name for name, count in zip(annotations.annotators, annotations.labels_per_annotator, strict=True) if count
    ]
    timed = partial(_timed, trainer, workers, say)
    return coalition_game(timed, names, mean(by), own, seeds=(seed,), draws=tuple(range(PARTS)))


def _content(value: Any) -> Iterable[str]:
    """What decides a training, as text; floats to six decimals, so that the last bits of embeddings do not matter."""
    if is_dataclass(value):
        yield type(value).__name__
        for one in fields(value):
            yield from _content(getattr(value, one.name))
    elif isinstance(value, np.ndarray):
        plain = np.round(value, 6) + 0.0 if value.dtype.kind == "f" else value
        yield f"{plain.shape} {hashlib.sha256(np.ascontiguousarray(plain).tobytes()).hexdigest()}"
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield f"{key}:"
            yield from _content(value[key])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for one in value:
            yield from _content(one)
    else:
        yield repr(value)


def _timed(trainer: Trainer, workers: int, say: Callable[[str], None], jobs: dict[Path, Job]) -> dict[Path, Done]:
    """Do jobs and tell how long each took."""
    last = [time.monotonic()]

    def told(line: str) -> None:
        now = time.monotonic()
        say(f"training {line}: {now - last[0]:.1f} s")
        last[0] = now

    return spread(trainer, jobs, workers=workers, say=told)


def credit(method: str, of: Game, rng: np.random.Generator, asked: int = 0) -> Credit:
    """What each annotator is worth in a game, by one of GAMES."""
    count = trainings(method, len(of), asked)
    if method == "leave-one-out":
        return leave_one_out(of)
    if method == "exact":
        return exact(of)
    if method == "ridge":
        return ridge(of, probes(max(min(count - 1, 2 ** len(of) - 2), 1), len(of), rng))  # and everybody
    if method == "banzhaf":
        return banzhaf(of, rng, trainings=count)
    if method == "beta-shapley":
        return beta_shapley(of, rng, alpha=ALPHA, beta=BETA, trainings=count)
    return permutations(of, rng, trainings=count)
