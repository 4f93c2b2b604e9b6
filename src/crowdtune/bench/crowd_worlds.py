"""Surrogate worlds under the real rounds: what is played, what everybody is truly worth, means over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.stats import spearmanr, t

from crowdtune.annotations import Bools, Floats
from crowdtune.credit import Credit, ridge_of
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.record import Round
from crowdtune.rounds.rounds import Play, membership
from crowdtune.rounds.summary import summary
from crowdtune.rounds.surrogate import InMemory, World

Row = dict[str, Any]
SAMPLES = 10  # drawn of a model in rounds that are played; they stand for the world's own number


@dataclass(frozen=True, eq=False)
class Played:
    """Rounds that are over.

    Args:
        players: J names; whoever took no part has no points.
        rounds: in order.
        model: (D,) the last base.
    """

    players: tuple[str, ...]
    rounds: Sequence[Round]
    model: Floats

    @property
    def points(self) -> Floats:
        """(J,) the paper's points: gains over each round's base, shared equally in the group."""
        return np.array([sum(one.points.get(name, 0.0) for one in self.rounds) for name in self.players])

    @property
    def appearances(self) -> Floats:
        """(J,) rounds taken part in."""
        return np.array([sum(name in one.points for one in self.rounds) for name in self.players], dtype=float)

    @property
    def attributed(self) -> Credit:
        """Ridge attribution from what groups gain over the untrained model; 0 for whoever took no part."""
        member: Bools = np.concatenate([membership(one.groups, self.players) for one in self.rounds])
        worth = np.concatenate([one.probes for one in self.rounds])
        there: Bools = np.asarray(member.any(axis=0))
        names = [name for name, here in zip(self.players, there.tolist(), strict=True) if here]
        credit = ridge_of(names, member[:, there], worth)
        values, error = np.zeros(len(there)), np.full(len(there), np.nan)
        values[there], error[there] = credit.values, credit.error
        return replace(credit, players=self.players, values=values, error=error)

    @property
    def per_round(self) -> Floats:
        """(J,) mean share of a round's points over the rounds taken part in, where anybody gained."""
        table = np.array([[one.points.get(name, np.nan) for name in self.players] for one in self.rounds])
        total = np.nansum(table, axis=1)
        share = table[total > 0] / total[total > 0, None]
        there = np.isfinite(share)
        return np.asarray(np.nansum(share, axis=0) / np.maximum(there.sum(axis=0), 1))

    @property
    def path(self) -> int:
        """Optimiser steps along the accepted candidates."""
        return int(summary(self.rounds)["steps_on_path"])

    @property
    def steps(self) -> int:
        """Optimiser steps of all candidates; probes not counted."""
        return int(summary(self.rounds)["steps"])


def played(world: World, options: Rounds, stages: Mapping[int, Sequence[str]] | None = None) -> Played:
    """Play rounds on a world, by the engine that plays them on language models.

    Args:
        world: of J contributors.
        options: how.
        stages: after how many rounds -> who takes part up to there; everybody all the time by default. `options.rounds`
            is then the last of them.
    """
    memory = InMemory(fewer(world))
    rounds: list[Round] = []
    with TemporaryDirectory() as folder:
        for until, names in (stages or {options.rounds: world.players}).items():
            play = Play(world.targets, _until(options, until), Path(folder), memory)
            rounds = list(play.rounds({name: name for name in names}))
        last = rounds[-1].then
        model = memory.models[str(Path(folder).resolve() / last)] if last else world.base
    return Played(world.players, rounds, model)


def fewer(world: World) -> World:
    """Samples of which each is the mean of several, so that a mean is as sure as before and costs a fifth."""
    share = min(SAMPLES / world.samples, 1.0)
    return replace(world, samples=min(SAMPLES, world.samples), noise=float(world.noise * np.sqrt(share)))


def shapley(world: World, rng: np.random.Generator, *, orders: int = 400) -> Floats:
    """(J,) Shapley values without chance: of many random orders and their reverses, a coalition's formula each.

    Args:
        world: of J contributors.
        rng: draws orders.
        orders: 400 leave standard errors of 1 to 2 % of the values' spread.
    """
    quiet, players = world.quiet, len(world)
    total = np.zeros(players)
    for _ in range(orders // 2):
        drawn = rng.permutation(players)
        for order in (drawn, drawn[::-1]):
            member = np.argsort(order) < np.arange(players + 1)[:, None]
            total[order] += np.diff(quiet.worth(member)[:, 0])
    return np.asarray(total / (2 * (orders // 2)))


def ranked(one: Floats, other: Floats) -> float:
    """Spearman correlation; 0 where one is flat, as it tells nothing."""
    return 0.0 if np.ptp(one) == 0 or np.ptp(other) == 0 else float(spearmanr(one, other).statistic)


def shares(values: Floats) -> Floats:
    """(J,) of what is paid by values below 0 of which earn nothing; nothing where all do."""
    positive = np.maximum(np.nan_to_num(values), 0)
    return np.asarray(positive / max(float(positive.sum()), 1e-12))


def summed(found: Sequence[Mapping[str, float]], level: float = 0.95) -> Row:
    """Means over seeds of each number, with ends of their intervals by Student's t as NAME_low and NAME_high."""
    row: Row = {"seeds": len(found)}
    for name in found[0]:
        drawn = np.array([one[name] for one in found])
        reach = 0.0
        if len(drawn) > 1:
            reach = float(t.ppf(0.5 + level / 2, len(drawn) - 1) * drawn.std(ddof=1) / np.sqrt(len(drawn)))
        mean = float(drawn.mean())
        row |= {name: mean, f"{name}_low": mean - reach, f"{name}_high": mean + reach}
    return row


def _until(options: Rounds, rounds: int) -> Rounds:
    return replace(options, rounds=rounds, patience=rounds)
