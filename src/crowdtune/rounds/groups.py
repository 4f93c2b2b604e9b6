"""Groups: who trains a candidate with whom in a round. Pure functions of what is known so far and of a generator.

Every annotator is in one group, and sizes differ by at most one. Whoever joins late stands behind all who have taken
part already, until a round has shown something of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.errors import InputError, unknown_name

Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Standing:
    """What the rounds so far say of annotators.

    Args:
        players: J names in the order in which they joined; whoever comes later is appended.
        points: (J,) earned in all.
        appearances: (J,) rounds taken part in; 0 for a newcomer.
    """

    players: tuple[str, ...]
    points: Floats
    appearances: Ints

    @property
    def mean(self) -> Floats:
        """(J,) points per appearance, so that a late joiner is not behind for being late; NaN for a newcomer."""
        counted = np.maximum(self.appearances, 1)
        return np.where(self.appearances > 0, self.points / counted, np.nan)


Seats = Callable[[Standing, int, np.random.Generator], Ints]  # (J,) annotators, those who sit together side by side


def random(standing: Standing, count: int, rng: np.random.Generator) -> Ints:
    """Everybody anywhere: over the rounds all meet all, which is what tells whose contributions moved a candidate."""
    return np.asarray(rng.permutation(len(standing.players)))


def interleaved(standing: Standing, count: int, rng: np.random.Generator) -> Ints:
    """Strong and new mixed: each group has one of the best `count`, one of the next `count`, ..., newcomers last."""
    return _dealt(_ranked(standing, rng), count, rng)


def synergised(standing: Standing, count: int, rng: np.random.Generator) -> Ints:
    """Strong with strong: nobody in a group stands below anybody in the next.

    The paper's own definition is not public; this reads the name as the opposite of interleaved.
    """
    return _ranked(standing, rng)


def epsilon_greedy(epsilon: float) -> Seats:
    """Strong with strong, but each annotator by chance `epsilon` in any seat, so that newcomers can prove themselves.

    Args:
        epsilon: 0 = synergised, 1 = random.
    """

    def seats(standing: Standing, count: int, rng: np.random.Generator) -> Ints:
        ranked = _ranked(standing, rng)
        size = len(ranked)
        loose = rng.random(size) < epsilon
        taken = rng.choice(size, int(loose.sum()), replace=False)
        found = np.full(size, -1, dtype=np.int64)
        found[taken] = ranked[loose]
        found[found < 0] = ranked[~loose]
        return found

    return seats


def fixed(standing: Standing, count: int, rng: np.random.Generator) -> Ints:
    """The same groups in every round; whoever joins late fills the smallest, and nobody moves."""
    return _dealt(np.arange(len(standing.players)), count, rng)


STRATEGIES = ("random", "interleaved", "synergised", "epsilon-greedy", "fixed")


def assign(
    strategy: str, standing: Standing, count: int, *, round_number: int, seed: int, epsilon: float = 0.1
) -> Groups:
    """Put all annotators into `count` groups.

    Args:
        strategy: one of `STRATEGIES`.
        standing: what is known so far.
        count: G groups.
        round_number: 1, 2, ...; with the seed it decides what is random.
        seed: of the whole run.
        epsilon: of "epsilon-greedy" alone.

    Returns:
        G groups of names, each in the order of joining.
    """
    if strategy not in STRATEGIES:
        raise unknown_name("strategy", strategy, STRATEGIES)
    people = len(standing.players)
    check_count(count, people)
    seats = {
        "random": random,
        "interleaved": interleaved,
        "synergised": synergised,
        "epsilon-greedy": epsilon_greedy(epsilon),
        "fixed": fixed,
    }[strategy]
    rng = np.random.default_rng([seed] if strategy == "fixed" else [seed, round_number])
    order, bounds = seats(standing, count, rng), _bounds(people, count)
    parts: Sequence[Ints] = np.split(order, bounds[1:-1])
    return tuple(tuple(standing.players[j] for j in sorted(part.tolist())) for part in parts)


def check_count(count: int, people: int) -> None:
    """Refuse more groups than there are annotators."""
    if count > people:
        raise InputError(f"groups={count} is more than there are annotators ({people}). Choose at most {people}.")


def membership(groups: Groups, players: Sequence[str]) -> Bools:
    """(G, J) who is in which group."""
    return np.array([np.isin(players, members) for members in groups])


def _bounds(people: int, count: int) -> Ints:
    """(G + 1,) where groups begin and end."""
    sizes = people // count + (np.arange(count) < people % count)
    return np.concatenate([[0], np.cumsum(sizes)])


def _ranked(standing: Standing, rng: np.random.Generator) -> Ints:
    """(J,) the best first, newcomers last, ties by chance."""
    mean = np.nan_to_num(standing.mean, nan=-np.inf)
    return np.lexsort((rng.random(len(mean)), -mean))


def _dealt(order: Ints, count: int, rng: np.random.Generator) -> Ints:
    """(J,) dealt like cards: one to each group in turn, the order of groups by chance in every turn.

    A turn does not depend on how many are dealt, so that those who come later move nobody.
    """
    turns = [rng.permutation(count) for _ in range(-(-len(order) // count))]
    group = np.concatenate(turns)[: len(order)]
    larger_first = np.argsort(-np.bincount(group, minlength=count), kind="stable")
    place = np.argsort(larger_first)
    return order[np.argsort(place[group], kind="stable")]
