"""The paper's three experiments with real trainings: more data, competing rounds, points against Shapley values.

References:
    Sotiropoulos et al.: Crowd-SFT, 2025, https://arxiv.org/abs/2506.04063
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.bench.contributors import writers
from crowdtune.bench.crowd_real import Setting, all_coalitions, game_of, judged_by
from crowdtune.bench.crowd_worlds import Row
from crowdtune.credit import (
    Credit,
    agreement,
    exact,
    leave_one_out,
    permutations,
    probes,
    ridge,
    shared_points,
)
from crowdtune.rounds.choose import samples
from crowdtune.rounds.groups import membership
from crowdtune.rounds.job import Done, Job
from crowdtune.rounds.record import Round
from crowdtune.rounds.rounds import Play
from crowdtune.rounds.spread import Spreading
from crowdtune.rounds.summary import attribution, summary
from crowdtune.rounds.target import Target, gain

GROWING = (33, 66, 100)  # texts, as in the paper
BUDGET = 5  # probes for each contributor


def growing(setting: Setting, seed: int, folder: Path, over: Spreading) -> list[Row]:
    """Experiment 1: independent models on more and more of the texts around the target.

    Returns:
        A row for each number of texts (0 = the untrained model): distance of what the model writes, its standard error,
        optimiser steps.
    """
    planted = writers(np.ones(1), max(GROWING), np.random.default_rng(seed))
    rows = []
    for count in (0, *GROWING):
        own = planted.annotations.take_labels(np.arange(max(count, 1)))
        tuning = setting.tuning(planted, own)
        job = Job(members=("c1",) if count else (), seed=seed, draws=judged_by(setting), keep=False)
        with over(tuning) as spread:
            (done,) = spread({folder / "growing" / f"{setting.name}-{seed}-{count}": job}).values()
        rows.append(
            {"setting": setting.name, "seed": seed, "texts": count, "steps": done.steps}
            | _distance(done, tuning.aims[0].target)
        )
    return rows


def selection(setting: Setting, seed: int, folder: Path, over: Spreading) -> tuple[list[Row], list[Round]]:
    """Experiment 2: competing rounds against one model on everybody's contributions, at equal updates.

    Returns:
        A row for each model: the untrained one, the rounds' last base, and single models trained with as many steps as
        lie on the path to that base and as all copies took; `lower` is the share by which the rounds' distance is below
        it. And the rounds.
    """
    planted = setting.planted(seed)
    players = tuple(planted.annotations.annotators)
    tuning, last = setting.tuning(planted, part=1), setting.tuning(planted, part=2)
    place = folder / "rounds" / f"{setting.name}-{setting.rounds.strategy}-{seed}"
    with over(tuning) as spread:
        play = Play([aim.target for aim in tuning.aims], setting.rounds, place, spread)
        rounds = list(play.rounds({name: name for name in players}))
    made = summary(rounds)
    path, total = made["steps_on_path"], made["steps"]
    base = str(place.resolve() / rounds[-1].then) if path else ""
    models = {
        "untrained": (0, Job()),
        "rounds": (path, Job(base=base)),
        "single, path": (path, Job(members=players, steps=max(path, 1))),
        "single, total": (total, Job(members=players, steps=total)),
    }
    jobs = {
        place / "judged" / f"{name.replace(', ', '-')}-{steps}": replace(job, draws=judged_by(setting), keep=False)
        for name, (steps, job) in models.items()
    }
    with over(last) as spread:
        done = dict(zip(models, spread(jobs).values(), strict=True))
    target = last.aims[0].target
    return [
        {"setting": setting.name, "seed": seed, "strategy": setting.rounds.strategy, "model": name, "steps": steps}
        | _distance(done[name], target)
        | _lower(done[name], done["rounds"], target)
        for name, (steps, _) in models.items()
    ], rounds


def fairness(
    setting: Setting, seed: int, rounds: Sequence[Round], folder: Path, over: Spreading
) -> tuple[list[Row], list[Row]]:
    """Experiment 3: points and ridge attribution beside exact Shapley values of real coalitions.

    Args:
        setting: the contributors.
        seed: of them.
        rounds: that were played.
        folder: keeps the coalitions; those trained before are not trained again.
        over: does the trainings.

    Returns:
        A row for each credit, with its Spearman correlation with Shapley values and with the planted quality, and
        bootstrap intervals over contributors; and a row for each contributor with its values.
    """
    with game_of(setting, seed, folder, over) as game:
        game.worth(all_coalitions(len(game)))
        probed = attribution(rounds, game.players)
        assert probed is not None
        rng = np.random.default_rng(seed)
        credits: dict[str, Credit | Floats] = {
            "shapley": exact(game),
            "points": _points(rounds, game.players),
            "points, a share of each round's": _points(rounds, game.players, normalised=True),
            "points, from the untrained model": _points(rounds, game.players, probes=True),
            "ridge, probes of the rounds": probed,
            f"ridge, {BUDGET} probes each": ridge(game, probes(BUDGET * len(game), len(game), rng)),
            f"permutations, {BUDGET} trainings each": permutations(game, rng, trainings=BUDGET * len(game)),
            "leave one out": leave_one_out(game),
        }
    values = {name: one.values if isinstance(one, Credit) else one for name, one in credits.items()}
    place = {"setting": setting.name, "seed": seed}
    told = [
        place
        | {"credit": name}
        | _agreeing("spearman", own, values["shapley"])
        | _agreeing("with_quality", own, np.array(setting.quality))
        for name, own in values.items()
    ]
    people = [
        place | {"contributor": name, "quality": setting.quality[j]} | {key: float(v[j]) for key, v in values.items()}
        for j, name in enumerate(game.players)
    ]
    return told, people


def _points(
    rounds: Sequence[Round], players: Sequence[str], *, probes: bool = False, normalised: bool = False
) -> Floats:
    """(J,) points of all rounds: of gains over each round's base, or with `probes` over the untrained model."""
    total = np.zeros(len(players))
    for one in rounds:
        gains = one.probes if probes else [change.value for change in one.group_gains]
        total += shared_points(np.array(gains), membership(one.groups, players), normalised=normalised)
    return total


def _agreeing(name: str, values: Floats, other: Floats) -> Row:
    found = agreement(values, other, np.random.default_rng(0))
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _distance(done: Done, target: Target) -> Row:
    """What the target says, as a distance, and its 95 % interval by the jackknife over samples."""
    table = samples(done, target)
    value, reach = -target.score(table), 1.96 * gain(target, np.zeros_like(table), table).error
    return {"distance": value, "distance_low": value - reach, "distance_high": value + reach}


def _lower(single: Done, rounds: Done, target: Target) -> Row:
    """By what share the rounds' distance is below the single model's; 95 % by resampling the common samples."""
    one, other = samples(single, target), samples(rounds, target)
    rng = np.random.default_rng(0)
    index = [rng.integers(len(one), size=len(one)) for _ in range(1000)]
    drawn = [1 - target.score(other[i]) / target.score(one[i]) for i in index]
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return {"lower": 1 - target.score(other) / target.score(one), "lower_low": low, "lower_high": high}
