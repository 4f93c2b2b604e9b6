"""Games whose Shapley values are known in closed form, and noise on any of them."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit import Game


def of(players: int, worth: Callable[[Bools], Floats]) -> Game:
    return Game(tuple(f"a{j}" for j in range(players)), lambda member: worth(member)[:, None].astype(float))


def additive() -> tuple[Game, list[float]]:
    """Each is worth what they bring."""
    brings = np.array([3.0, -1.0, 0.0, 2.0, 0.5])
    return of(5, lambda member: member @ brings), brings.tolist()


def gloves() -> tuple[Game, list[float]]:
    """One left glove, two right ones; only a pair is worth 1."""
    return of(3, lambda member: member[:, 0] & member[:, 1:].any(axis=1)), [2 / 3, 1 / 6, 1 / 6]


def airport() -> tuple[Game, list[float]]:
    """A runway costs what the longest plane needs: each stretch is shared by those who use it."""
    needs = np.array([1.0, 3.0, 3.0, 7.0])
    return of(4, lambda member: (member * needs).max(axis=1)), [1 / 4, 1 / 4 + 2 / 3, 1 / 4 + 2 / 3, 1 / 4 + 2 / 3 + 4]


def voting() -> tuple[Game, list[float]]:
    """Votes 4, 2, 1, 1 with 5 to win: the first is pivotal in 18 of 24 orders, the others in 2 each."""
    votes = np.array([4, 2, 1, 1])
    return of(4, lambda member: member @ votes >= 5), [3 / 4, 1 / 12, 1 / 12, 1 / 12]


def unanimity() -> tuple[Game, list[float]]:
    """Worth 1 where three are together, whatever the other two do."""
    return of(5, lambda member: member[:, [0, 2, 3]].all(axis=1)), [1 / 3, 0, 1 / 3, 1 / 3, 0]


CLOSED = [additive, gloves, airport, voting, unanimity]


def drawn(players: int, rng: np.random.Generator, repeats: int = 1) -> Game:
    """Any worth of each coalition, of nobody as well."""
    table = rng.normal(size=(2**players, repeats))
    return Game(tuple(f"a{j}" for j in range(players)), lambda member: table[member @ (1 << np.arange(players))])


def concave(quality: Floats, noise: float = 0.0, seed: int = 0) -> Game:
    """A saturating sum, with noise that is the same whenever a coalition is asked for; nobody has none."""
    scale = np.abs(quality).sum() / 2

    def worth(member: Bools) -> Floats:
        chance = [np.random.default_rng([seed, *np.packbits(row).tolist()]).normal() for row in member]
        return 1 - np.exp(-(member @ quality) / scale) + noise * np.array(chance) * member.any(axis=1)

    return of(len(quality), worth)


def by_definition(game: Game, weight: Callable[[int], float]) -> Floats:
    """(J,) sum over coalitions without j of weight(size) times what j adds, one by one."""
    players, values = len(game), np.zeros(len(game))
    for j in range(players):
        for code in range(2**players):
            without = np.array([[bool(code >> k & 1) for k in range(players)]])
            if not without[0, j]:
                joined = without.copy()
                joined[0, j] = True
                values[j] += weight(int(without.sum())) * (game.worth(joined) - game.worth(without)).mean()
    return values


def shapley_weight(players: int) -> Callable[[int], float]:
    return lambda size: factorial(size) * factorial(players - 1 - size) / factorial(players)
