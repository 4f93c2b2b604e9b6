"""Attacks on the rounds of a surrogate crowd: what attackers earn and what they spoil, with and without defences.

Twelve contributors in four groups, fifteen rounds. Pay is in proportion to what is credited, nothing below 0. `paid`
is what an attacker earns as a share of what an average honest contributor of the same crowd does: 1 = as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.bench.crowd_worlds import Played, Row, played, shares, summed
from crowdtune.bench.plot import dot_chart
from crowdtune.credit import probes, ridge
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.screen import as_one, harmful, own
from crowdtune.rounds.surrogate import World, planted

SEEDS, PLAYERS, ATTACKERS = 10, 12, 3
ROUNDS = 15
SCATTER = 1.0  # of an honest contributor's contributions round their mean, in each dimension
REWORDED = 0.3  # of a copy round its original, where it is reworded
ATTACKS = ("none", "idle", "copies", "reworded copies", "poison")


@dataclass(frozen=True, eq=False)
class Crowd:
    """A world with people in it who want more than their share.

    Args:
        world: of J contributors.
        attacker: (J,) who attacks.
        said: (N, E) embeddings of contributions, in the order in which they came.
        of: (N,) whose.
    """

    world: World
    attacker: Bools
    said: Floats
    of: np.ndarray

    @property
    def names(self) -> np.ndarray:
        """(J,) names."""
        return np.array(self.world.players)


def takers(seeds: int = SEEDS, *, rounds: int = ROUNDS, attacks: Sequence[str] = ATTACKS) -> list[Row]:
    """Those who contribute nothing, what others said, or harm.

    Args:
        seeds: crowds.
        rounds: of each game.
        attacks: names of `ATTACKS`.

    Returns:
        A row for each attack and way of grouping and crediting: `paid`, and the true `distance` of the last model,
        of 1 untrained. "defended" screens copies, groups at random, credits by ridge attribution and, from the middle
        on, leaves out whom it calls harmful.
    """
    rows: list[Row] = []
    for attack in attacks:
        found = [_taken(crowd(attack, seed), rounds, seed) for seed in range(seeds)]
        rows += [{"attack": attack, "way": way} | summed([one[way] for one in found]) for way in found[0]]
    return rows


def sybils(seeds: int = SEEDS, *, rounds: int = ROUNDS, accounts: int = 4) -> list[Row]:
    """One of the crowd hands in by several accounts: what all of them are paid over what one was.

    Returns:
        A row for data divided among the accounts and for data handed in by each: points, ridge attribution, the square
        of it (quadratic damping), and ridge attribution where the accounts are known to be one.
    """
    return [
        {"data": data} | summed([_split(data == "divided", accounts, rounds, seed) for seed in range(seeds)])
        for data in ("divided", "repeated")
    ]


def late(seeds: int = SEEDS, *, rounds: int = 2 * ROUNDS, joiners: int = 4) -> list[Row]:
    """Honest people who come when half of the rounds are over: their pay over what it is where they come at once.

    Returns:
        A row for each strategy: by points in all, points per participation, shares of a round's points per
        participation, and ridge attribution.
    """
    strategies = ("random", "synergised", "epsilon-greedy", "fixed")
    return [
        {"strategy": strategy} | summed([_late(strategy, rounds, joiners, seed) for seed in range(seeds)])
        for strategy in strategies
    ]


def together(seeds: int = SEEDS, *, rounds: int = ROUNDS) -> list[Row]:
    """Somebody idle beside two of the best, by chance or always: `paid` of the idle one.

    Returns:
        A row for groups at random and one for fixed groups in which the three found each other.
    """
    return [
        {"groups": strategy} | summed([_beside(strategy, rounds, seed) for seed in range(seeds)])
        for strategy in ("random", "fixed")
    ]


def gains_chart(rows: Sequence[Row]) -> str:
    """SVG of `takers`: what an attacker earns of an honest contributor's pay."""
    told = {f"{row['attack']}: {row['way']}": row["paid"] for row in rows if row["attack"] != "none"}
    return dot_chart("What an attacker earns", "share of an average honest contributor's pay", told)


def crowd(attack: str, seed: int) -> Crowd:
    """Make a crowd of honest contributors of quality 0.2 to 1, of whom the last three attack.

    Args:
        attack: one of `ATTACKS`; with "none" the three are honest.
        seed: of everybody; the honest are the same whatever the attack.
    """
    rng = np.random.default_rng(seed)
    honest = planted(PLAYERS, rng, quality=rng.permutation(np.linspace(0.2, 1, PLAYERS)))
    attacker = np.arange(PLAYERS) >= PLAYERS - ATTACKERS
    source = np.arange(PLAYERS)
    quality = honest.means @ honest.goal
    means, size = honest.means.copy(), honest.size.copy()
    if "copies" in attack:
        source[attacker] = np.where(attacker, -np.inf, quality).argmax()
        means = means[source]
    elif attack == "poison":
        means[attacker] = -honest.goal
    elif attack == "idle":
        size[attacker] = 0
    world = replace(honest, means=means, size=size)
    own_words = [m + SCATTER * rng.normal(size=(int(n), len(m))) for m, n in zip(means, size, strict=True)]
    said = [own_words[source[j]] for j in range(PLAYERS)]
    if attack == "reworded copies":
        said = [one if source[j] == j else one + REWORDED * rng.normal(size=one.shape) for j, one in enumerate(said)]
    return Crowd(world, attacker, np.concatenate(said), np.repeat(np.arange(PLAYERS), size.astype(int)))


def paid(values: Floats, attacker: Bools) -> float:
    """Mean share of attackers over that of the honest."""
    share = shares(values)
    return float(share[attacker].mean() / max(share[~attacker].mean(), 1e-12))


def _taken(crowd: Crowd, rounds: int, seed: int) -> dict[str, dict[str, float]]:
    """Way -> what is paid and where the model ends."""
    world = crowd.world
    fixed, mixed = (
        played(world, Rounds(groups=4, rounds=rounds, strategy=strategy, seed=seed)) for strategy in ("fixed", "random")
    )
    ways = {
        "points, fixed": (fixed, fixed.points),
        "points": (mixed, mixed.points),
        "ridge": (mixed, mixed.attributed.values),
    }
    found = {
        way: {"paid": paid(values, crowd.attacker), "distance": float(world.distance(done.model))}
        for way, (done, values) in ways.items()
    }
    return found | {"defended": _defended(crowd, rounds, seed)}


def _defended(crowd: Crowd, rounds: int, seed: int) -> dict[str, float]:
    """Copies are not taken at all; who is called harmful after half of the rounds leaves then, unpaid."""
    world, options, half = crowd.world, Rounds(groups=4, seed=seed), rounds // 2
    enough = own(crowd.said, crowd.of, PLAYERS).enough()
    honest = _named(world, enough)
    first = played(world, options, {half: honest})
    kept = enough & ~harmful(first.attributed)
    done = played(world, options, {half: honest, rounds: _named(world, kept)})
    return {
        "paid": paid(np.where(kept, done.attributed.values, 0.0), crowd.attacker),
        "distance": float(world.distance(done.model)),
        "attackers_out": float((~kept & crowd.attacker).sum()),
        "honest_out": float((~kept & ~crowd.attacker).sum()),
    }


def _named(world: World, who: Bools) -> list[str]:
    return [name for name, here in zip(world.players, who.tolist(), strict=True) if here]


def _split(divided: bool, accounts: int, rounds: int, seed: int) -> dict[str, float]:
    one = crowd("none", seed).world
    who = int((one.means @ one.goal).argsort()[PLAYERS // 2])
    rows = np.append(np.arange(PLAYERS), [who] * (accounts - 1))
    many = rows == who
    size = np.where(many & divided, one.size[rows] / accounts, one.size[rows])
    names = tuple(f"{one.players[j]}.{n}" for n, j in enumerate(rows))
    world = replace(one, players=names, means=one.means[rows], knows=one.knows[rows], size=size)
    options = Rounds(groups=4, rounds=rounds, seed=seed)
    alone, split = played(one, options), played(world, options)
    known = as_one(world.game, [one.players[j] for j in rows])
    probe = probes(4 * rounds, PLAYERS, np.random.default_rng(seed))
    before, after = (ridge(game, probe).values for game in (one.game, known))

    def ratio(credit: Callable[[Played], Floats]) -> float:
        return float(shares(credit(split))[many].sum() / max(shares(credit(alone))[who], 1e-12))

    return {
        "points": ratio(lambda done: done.points),
        "ridge": ratio(lambda done: done.attributed.values),
        "squared": ratio(lambda done: np.maximum(done.attributed.values, 0) ** 2),
        "known": float(shares(after)[who] / max(shares(before)[who], 1e-12)),
    }


def _late(strategy: str, rounds: int, joiners: int, seed: int) -> dict[str, float]:
    world = crowd("none", seed).world
    options = Rounds(groups=4, rounds=rounds, strategy=strategy, seed=seed)  # type: ignore[arg-type]
    stages: Mapping[int, Sequence[str]] = {rounds // 2: world.players[:-joiners], rounds: world.players}
    then, at_once = played(world, options, stages), played(world, options)
    ways: dict[str, Callable[[Played], Floats]] = {
        "points": lambda done: done.points,
        "per_participation": lambda done: done.points / done.appearances,
        "per_round": lambda done: done.per_round,
        "ridge": lambda done: done.attributed.values,
    }
    found = {name: [shares(way(done))[-joiners:].sum() for done in (then, at_once)] for name, way in ways.items()}
    return {name: float(with_delay / max(without, 1e-12)) for name, (with_delay, without) in found.items()}


def _beside(strategy: str, rounds: int, seed: int) -> dict[str, float]:
    """In fixed groups the idle one changes places with somebody who sits beside one of the best."""
    made = crowd("none", seed)
    options = Rounds(groups=4, rounds=rounds, strategy=strategy, seed=seed)  # type: ignore[arg-type]
    best = int((made.world.means @ made.world.goal).argmax())
    groups = played(made.world, replace(options, rounds=1)).rounds[0].groups
    team = next(group for group in groups if made.world.players[best] in group)
    idle = next(j for j, name in enumerate(made.world.players) if name in team and j != best)
    size = np.where(np.arange(PLAYERS) == idle, 0.0, made.world.size)
    done = played(replace(made.world, size=size), options)
    attacker = np.arange(PLAYERS) == idle
    return {"points": paid(done.points, attacker), "ridge": paid(done.attributed.values, attacker)}
