"""Guards of the rounds, measured on a surrogate: encoders that can be gamed, the winner's curse, control items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import binom

from crowdtune.annotations import Floats
from crowdtune.bench.crowd_attacks import PLAYERS, ROUNDS, SEEDS, crowd, paid
from crowdtune.bench.crowd_worlds import Row, played, summed
from crowdtune.rounds.groups import Standing, assign
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.rounds import membership
from crowdtune.rounds.screen import GATE, control_rate
from crowdtune.rounds.surrogate import World, planted
from crowdtune.rounds.target import gain

GAMED = 1.5  # how far a gaming contribution leads along what the encoder in sight takes for the goal
FRESH = 10_000  # added to a seed where a model is measured once more
RULES = {"any gain": -np.inf, "fresh, any gain": 0.0, "fresh, 1 SE": 1.0, "fresh, 2 SE": 2.0}
DEFENCES: Mapping[str, tuple[float, str]] = {  # transfer to the selecting encoder, and what a second one does
    "one encoder, known": (1.0, ""),
    "known, second vetoes": (1.0, "veto"),
    "known, second in one target": (1.0, "both"),
    "one encoder, half hidden": (0.5, ""),
    "half hidden, second vetoes": (0.5, "veto"),
    "half hidden, second in one target": (0.5, "both"),
    "one encoder, hidden": (0.0, ""),
}


def gaming(seeds: int = SEEDS, *, rounds: int = ROUNDS, defences: Sequence[str] = tuple(DEFENCES)) -> list[Row]:
    """Contributions that lead where the encoder in sight sees the goal and where it is not.

    Transfer is the cosine between the goal and what the selecting encoder takes these contributions for: 1 where the
    attackers know it, 0 where prompts and encoder are hidden so well that they have learned nothing of it.

    Args:
        seeds: crowds of twelve, of whom three attack.
        rounds: of each game.
        defences: names of `DEFENCES`.

    Returns:
        A row for each defence: what an attacker is paid of an honest contributor's pay, by points and by ridge
        attribution, and the true distance of the last model; of the untrained one it is 1.
    """
    return [
        {"defence": name} | summed([_gamed(*DEFENCES[name], rounds, seed) for seed in range(seeds)])
        for name in defences
    ]


def curse(seeds: int = SEEDS, *, rounds: int = 20, samples: Sequence[int] = (10, 50)) -> list[Row]:
    """The winner's curse: the best of several noisy measurements looks better than it is.

    Args:
        seeds: worlds of twelve in four groups.
        rounds: of each game.
        samples: S drawn of a model.

    Returns:
        A row for S and rule: the winner is taken that measures better than the base ("any gain"), or whose gain on
        fresh samples exceeds so many standard errors. `distance` is the true one of the last model,
        `promised` the mean gain by which winners were chosen less the true one, `worse` the share of accepted winners
        that were truly no better, `accepted` the share of rounds.
    """
    rows: list[Row] = []
    for count in samples:
        for rule, errors in RULES.items():
            found = []
            for seed in range(seeds):
                world = replace(planted(PLAYERS, np.random.default_rng(seed)), samples=count)
                found.append(_chosen(world, rounds, seed, errors))
            rows.append({"samples": count, "rule": rule} | summed(found))
    return rows


def controls(counts: Sequence[int] = (3, 5, 10, 20, 40), rates: Sequence[float] = (0.5, 0.7, 0.9, 0.95)) -> list[Row]:
    """Who passes hidden control items, exactly: the share of people with a rate of right answers, by their number."""
    rows: list[Row] = []
    for count in counts:
        hits = np.arange(count + 1)
        passed = control_rate(hits, count - hits) >= GATE
        rows.append(
            {"controls": count} | {f"right {rate:g}": float(binom.pmf(hits, count, rate) @ passed) for rate in rates}
        )
    return rows


def _gamed(transfer: float, second: str, rounds: int, seed: int) -> dict[str, float]:
    """A world with one dimension more, which encoders take for some direction and which is not the goal's."""
    honest = crowd("none", seed)
    plain, rng = honest.world, np.random.default_rng([seed, 1])
    dims = len(plain.goal)
    aside = rng.normal(size=(2, dims))
    aside -= np.outer(aside @ plain.goal, plain.goal)
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    first = np.vstack([np.eye(dims), transfer * plain.goal + np.sqrt(1 - transfer**2) * aside[0]])
    other = np.vstack([np.eye(dims), aside[1]])
    encoders = {"": {"first": first}, "veto": {"first": first, "second": other}}
    means = np.column_stack([plain.means, np.zeros(PLAYERS)])
    means[honest.attacker] = np.append(np.zeros(dims), GAMED)
    world = replace(
        plain,
        means=means,
        knows=np.ones((PLAYERS, dims + 1)),
        base=np.append(plain.base, 0.0),
        goal=np.append(plain.goal, 0.0),
        encoders=encoders.get(second, {"both": np.hstack([first, other])}),
    )
    done = played(world, Rounds(groups=4, rounds=rounds, seed=seed))
    return {
        "points": paid(done.points, honest.attacker),
        "ridge": paid(done.attributed.values, honest.attacker),
        "distance": float(world.distance(done.model)),
    }


def _chosen(world: World, rounds: int, seed: int, errors: float) -> dict[str, float]:
    """Rounds in which a winner is taken by one rule or the other."""
    model, told, target = world.base, [], world.targets[0]
    standing = Standing(world.players, np.zeros(PLAYERS), np.zeros(PLAYERS, dtype=np.int64))
    for number in range(1, rounds + 1):
        groups = assign("random", standing, 4, round_number=number, seed=seed)
        candidates = world.trained(membership(groups, world.players), base=model)
        draw = seed * rounds + number
        before = _seen(world, model, draw)
        gains = [gain(target, before, _seen(world, one, draw)).value for one in candidates]
        best = candidates[int(np.argmax(gains))]
        again = gain(target, _seen(world, model, draw + FRESH), _seen(world, best, draw + FRESH))
        truly = float(world.distance(model) - world.distance(best))
        accepted = max(gains) > 0 and again.value > errors * again.error
        told.append((accepted, max(gains) - truly, truly <= 0))
        model = best if accepted else model
    taken = [one for one in told if one[0]]
    return {
        "distance": float(world.distance(model)),
        "promised": float(np.mean([one[1] for one in told])),
        "worse": float(np.mean([one[2] for one in taken])) if taken else 0.0,
        "accepted": len(taken) / rounds,
    }


def _seen(world: World, model: Floats, draw: int) -> Floats:
    return np.asarray(next(iter(world.measured(model, (draw,)).values()))[0])
