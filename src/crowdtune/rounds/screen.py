"""Screens: what speaks against an annotator's contributions before they are trained on, or paid for.

A screen points at people and says why. Nothing here drops anybody: who uses it decides, and may ask first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from crowdtune.annotations import Bools, Floats, Ints
from crowdtune.credit.game import Credit, Game
from crowdtune.errors import InputError

ALIKE = 0.98  # cosine from which two contributions are one
LEAST = 0.5  # share of one's contributions that must be one's own
RISK = 0.05  # that anybody harmless is called harmful
GATE = 0.8  # least share of control items right
BLOCK = 1024  # contributions compared with all at a time


@dataclass(frozen=True, eq=False)
class Own:
    """Which contributions are their annotators' own, and not said before.

    Args:
        count: (J,) own contributions of each.
        share: (J,) of all that each contributed; 0 where that is nothing.
        source: (J,) who said first most of what is not own, maybe the same annotator; -1 where all is own.
    """

    count: Ints
    share: Floats
    source: Ints

    def enough(self, share: float = LEAST) -> Bools:
        """(J,) who contributed something, and at least this share of it their own."""
        return (self.count > 0) & (self.share >= share)


def own(meaning: Floats, annotator: Ints, players: int, *, alike: float = ALIKE) -> Own:
    """Find what was contributed before, by others or by the same annotator.

    Args:
        meaning: (N, E) embeddings of contributions in the order in which they came; the first of two that are alike
            is its annotator's own. Without trusted times nobody knows who copied whom.
        annotator: (N,) whose.
        players: J annotators.
        alike: cosine from which two are one; 1 = the same up to length.

    Returns:
        A contribution that is alike several earlier ones counts for the first.
    """
    if not 0 < alike <= 1:
        raise InputError(f"alike={alike} must be above 0 and at most 1.")
    length = np.linalg.norm(meaning, axis=1, keepdims=True)
    unit = (meaning / np.where(length > 0, length, 1)).astype(np.float32)
    first = np.concatenate([_first_alike(unit, at, alike) for at in range(0, len(unit), BLOCK)] or [np.zeros(0, int)])
    new = first == np.arange(len(unit))
    total = np.bincount(annotator, minlength=players)
    count = np.bincount(annotator[new], minlength=players)
    source = np.full(players, -1, dtype=np.int64)
    for j in np.flatnonzero(count < total):
        source[j] = np.bincount(annotator[first[~new & (annotator == j)]]).argmax()
    return Own(count, count / np.maximum(total, 1), source)


def harmful(credit: Credit, *, risk: float = RISK) -> Bools:
    """(J,) whose contributions make the model worse, surely: the credit is below 0 by more than its error explains.

    Args:
        credit: from probes of a fixed base, where what an annotator adds does not depend on the round.
        risk: that anybody at all is called harmful where nobody is; shared evenly among the J annotators.
    """
    known = np.isfinite(credit.error) & (credit.error > 0)
    score = np.divide(credit.values, credit.error, out=np.zeros(len(credit.values)), where=known)
    return np.asarray(score < norm.ppf(risk / len(score)))


def control_rate(hits: Ints, misses: Ints) -> Floats:
    """(J,) expected share of hidden control items that each gets right, from hits and misses; one half without any.

    The mean of a Beta(hits + 1, misses + 1); pass at `GATE` or more, which takes at least three hits.
    """
    return np.asarray((np.asarray(hits) + 1) / (np.asarray(hits) + np.asarray(misses) + 2))


def as_one(game: Game, identity: Sequence[str]) -> Game:
    """The game whose players are identities: accounts of one come and go together, so that splitting earns nothing.

    Args:
        game: of J accounts.
        identity: J names of who stands behind each account.
    """
    if len(identity) != len(game):
        raise InputError(f"{len(identity)} identities are given for {len(game)} accounts. Give one for each.")
    names = tuple(dict.fromkeys(identity))
    of = np.array([names.index(name) for name in identity])
    return Game(names, lambda member: game.worth(np.asarray(member)[:, of]))


def _first_alike(unit: np.ndarray, start: int, alike: float) -> Ints:
    """(B,) for each of a block the first contribution that is alike it, itself at the latest."""
    block = unit[start : start + BLOCK]
    same = block @ unit[: start + len(block)].T >= alike - 1e-6
    here = np.arange(len(block))
    same[here, start + here] = True
    return np.asarray(same.argmax(axis=1))
