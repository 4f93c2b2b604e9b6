"""Coalitions as real trainings: what a set of annotators is worth is what their contributions do to a fixed base.

Every training is a folder named by what decides it, so that all estimators and all later runs share them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec
import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit.game import Game, Remembered
from crowdtune.rounds.job import Done, Job
from crowdtune.rounds.target import Target

Spread = Callable[[dict[Path, Job]], dict[Path, Done]]  # does all that are not done yet, as `spread` with its options


def coalition_game(
    spread: Spread,
    players: Sequence[str],
    target: Target,
    folder: Path,
    *,
    base: str = "",
    seeds: Sequence[int] = (0,),
    draws: Sequence[int] = (0,),
) -> Game:
    """Make the game in which a coalition is worth what training the base on its contributions gains.

    Args:
        spread: does jobs.
        players: J names of annotators.
        target: what models are judged by.
        folder: keeps a training of every coalition asked for.
        base: folder of the model all coalitions start from; "" for the untrained one.
        seeds: of training; each is a repeat.
        draws: seeds of what is drawn of a trained model; repeats where there is only one seed of training, else
            their samples are taken together.
    """
    names = np.array(players)

    def worth(member: Bools) -> Floats:
        rows = [tuple(names[row].tolist()) for row in [np.zeros(len(names), dtype=bool), *member]]
        jobs = [[Job(base, row, seed if row else 0, tuple(draws), keep=False) for seed in seeds] for row in rows]
        place = {job: folder / _name(job) for jobs_of_one in jobs for job in jobs_of_one}
        done = spread({at: job for job, at in place.items()})
        found = np.array([_scores([done[place[job]] for job in own], target) for own in jobs])
        return np.asarray(found[1:] - found[0])

    return Game(tuple(players), Remembered(worth))


def _scores(done: Sequence[Done], target: Target) -> list[float]:
    """(R,) scores of one coalition's trainings."""
    if len(done) == 1:
        return [target.score(table) for table in done[0].measured[target.name]]
    return [target.score(np.concatenate(list(one.measured[target.name]))) for one in done]


def _name(job: Job) -> str:
    plain = msgspec.json.encode(asdict(job), order="sorted")
    return hashlib.sha256(plain).hexdigest()[:20]
