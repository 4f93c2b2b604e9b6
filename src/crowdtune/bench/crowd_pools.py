"""Pools of 8 to 200 contributors on a surrogate: how well credit meets Shapley values, and who should sit with whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.bench.crowd_worlds import Played, Row, played, ranked, shapley, summed
from crowdtune.bench.plot import Line, line_chart
from crowdtune.credit import permutations, probes, ridge
from crowdtune.rounds.groups import STRATEGIES
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.surrogate import World, planted

SIZES = (8, 12, 40, 100, 200)
SEEDS = 10
BUDGET = 5  # trainings for each contributor
WORLDS: Mapping[str, Mapping[str, float | int]] = {  # how the worlds differ from `planted`'s defaults
    "as planted": {},
    "three topics": {"topics": 3},
    "twice the noise": {"noise": 0.6},
    "hardly saturated": {"covered": 0.5},
}
ORDERS = 400  # of the true values; of 100 and more contributors a quarter


def credits(
    seeds: int = SEEDS, sizes: Sequence[int] = SIZES, *, budget: int = BUDGET, worlds: Sequence[str] = tuple(WORLDS)
) -> list[Row]:
    """Spearman correlation with true Shapley values of three credits at the same number of distinct trainings.

    Args:
        seeds: worlds of each kind.
        sizes: J of each pool.
        budget: trainings for each contributor; points get as many candidates, and probes as many coalitions.
        worlds: names of `WORLDS`.

    Returns:
        A row for each kind of world, pool and method.
    """
    rows: list[Row] = []
    for name in worlds:
        for players in sizes:
            found = [_credited(name, players, budget, seed) for seed in range(seeds)]
            for method in found[0]:
                told = summed([{"spearman": one[method]} for one in found])
                rows.append({"world": name, "pool": players, "method": method, "trainings": budget * players} | told)
    return rows


def strategies(seeds: int = SEEDS, sizes: Sequence[int] = (12, 40), *, rounds: int = 20) -> list[Row]:
    """Where the model ends, and how points agree with Shapley values, by who trains with whom; single models beside.

    Args:
        seeds: worlds.
        sizes: J of each pool.
        rounds: of four groups each, all played.

    Returns:
        A row for each pool and strategy: true distance (the untrained model's is 1), by what share it is less than of a
        single model trained on everybody with the steps of random groups' winning path, and Spearman of points and of
        ridge attribution with Shapley values; for single models the distance.
    """
    rows: list[Row] = []
    for players in sizes:
        found: dict[str, list[dict[str, float]]] = {}
        for seed in range(seeds):
            for name, told in _grouped(players, rounds, seed).items():
                found.setdefault(name, []).append(told)
        rows += [{"pool": players, "strategy": name} | summed(own) for name, own in found.items()]
    return rows


def decay_chart(rows: Sequence[Row], world: str = "as planted") -> str:
    """SVG of `credits`: Spearman against the size of the pool."""
    own = [row for row in rows if row["world"] == world]
    lines = [
        Line(
            method,
            [(row["pool"], max(row["spearman"], 0.0)) for row in own if row["method"] == method],
            [row["spearman_high"] - row["spearman"] for row in own if row["method"] == method],
        )
        for method in dict.fromkeys(row["method"] for row in own)
    ]
    name = "Spearman correlation with Shapley values"
    return line_chart(f"Credit at {BUDGET} trainings a contributor", "contributors", name, lines, log=True)


def _credited(kind: str, players: int, budget: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, players])
    world = planted(players, rng, **WORLDS[kind])  # type: ignore[arg-type]
    true = shapley(world, rng, orders=ORDERS if players < 100 else ORDERS // 4)
    trainings = budget * players
    groups = max(4, players // 10)
    options = Rounds(groups=groups, rounds=trainings // groups, probe=False, seed=seed)
    sampled = permutations(world.game, rng, trainings=trainings)
    return {
        "ridge": ranked(ridge(world.game, probes(trainings, players, rng)).values, true),
        "permutations": ranked(sampled.values, true),
        "points": ranked(played(world, options).points, true),
    }


def _grouped(players: int, rounds: int, seed: int) -> dict[str, dict[str, float]]:
    """Numbers of each strategy on one world, and of one model trained on everybody."""
    rng = np.random.default_rng([seed, players])
    world = planted(players, rng)
    true = shapley(world, rng, orders=ORDERS // 4)
    found: dict[str, dict[str, float]] = {}
    for strategy in STRATEGIES:
        done = played(world, Rounds(groups=4, rounds=rounds, strategy=strategy, seed=seed))  # type: ignore[arg-type]
        found[strategy] = {"distance": float(world.distance(done.model))} | _agreement(done, true)
        if strategy == "random":
            same, path = done.steps, done.path
    single = {"single, all steps": _single(world, same), "single, steps of the path": _single(world, path)}
    for told in found.values():
        told["less_than_single"] = 1 - told["distance"] / single["single, steps of the path"]
    return found | {name: {"distance": distance} for name, distance in single.items()}


def _agreement(done: Played, true: Floats) -> dict[str, float]:
    return {"points": ranked(done.points, true), "ridge": ranked(done.attributed.values, true)}


def _single(world: World, steps: int) -> float:
    """True distance of one model trained on everybody, pass after pass."""
    everybody = np.ones((1, len(world)), dtype=bool)
    model, left = world.base, steps
    while left > 0:
        made = min(left, int(world.steps(everybody)[0]))
        model = world.trained(everybody, base=model, steps=made)[0]
        left -= made
    return float(world.distance(model))
