"""Averages of what an annotator adds to the others' coalitions: Shapley, Banzhaf, Beta-Shapley, leave-one-out."""

from __future__ import annotations

import numpy as np

from crowdtune.annotations import Floats
from crowdtune.credit._asked import every, over_repeats, trained
from crowdtune.credit._walk import budget_of, walks
from crowdtune.credit.game import Credit, Game, Remembered
from crowdtune.errors import InputError

MOST_EXACT = 12  # annotators: 4,095 trainings


def exact(game: Game) -> Credit:
    r"""Shapley values by all 2^J coalitions.

    .. math:: \phi_j = \sum_{S \not\ni j} \frac{|S|! (J - |S| - 1)!}{J!} (v(S \cup j) - v(S))

    Args:
        game: of at most 12 annotators.

    Returns:
        Values that sum to v(all) - v(nobody). Errors are over repeats; NaN with one, which tells nothing of chance.
    """
    players = len(game)
    if players > MOST_EXACT:
        raise InputError(
            f"exact Shapley values of {players} annotators need 2^{players} trainings; at most {MOST_EXACT} are taken. "
            "Use ridge or permutations."
        )
    return _of_all(game, size_weights(players), "exact")


def leave_one_out(game: Game) -> Credit:
    """What the whole loses without each: J + 1 trainings. Of two that say the same neither gets anything."""
    players, known = len(game), Remembered(game.worth)
    everybody = np.ones((1, players), dtype=np.bool_)
    worth = known(np.concatenate([everybody, ~np.eye(players, dtype=np.bool_)]))
    return Credit("leave-one-out", game.players, *over_repeats(worth[0] - worth[1:]), trained(known, players))


def banzhaf(game: Game, rng: np.random.Generator, *, trainings: int) -> Credit:
    """Banzhaf values: what an annotator adds to a coalition drawn by coins. Robust to noise, but they sum to no total.

    All coalitions where `trainings` pay for them; else distinct ones drawn by coins, each of which tells of everybody:
    the mean worth of those with the annotator less that of those without (maximum sample reuse).

    Args:
        game: of J annotators.
        rng: draws coalitions.
        trainings: distinct coalitions at most.

    References:
        Wang and Jia, Data Banzhaf, 2023, https://arxiv.org/abs/2205.15466
    """
    players = len(game)
    if 2**players - 1 <= trainings:
        return _of_all(game, np.full(players, 0.5 ** (players - 1)), "banzhaf")
    if trainings < 4:
        raise InputError(f"trainings={trainings} must be at least 4: coalitions with and without each annotator.")
    known, member = Remembered(game.worth), _by_coins(trainings, players, rng)
    worth = known(member).mean(axis=1)
    inside, outside = _moments(member, worth), _moments(~member, worth)
    return Credit(
        "banzhaf", game.players, inside[0] - outside[0], np.sqrt(inside[1] + outside[1]), trained(known, players)
    )


def beta_shapley(game: Game, rng: np.random.Generator, *, alpha: float, beta: float, trainings: int) -> Credit:
    """Beta-Shapley values: with alpha above beta, what an annotator adds to small coalitions counts more.

    All coalitions where `trainings` pay for them; else random orders, as `permutations` without truncation, in
    which what is added at a place has the weight of that place.

    Args:
        game: of J annotators.
        rng: draws orders.
        alpha: weight of small coalitions, above 0.
        beta: weight of large ones, above 0; alpha = beta = 1 are Shapley values.
        trainings: distinct coalitions at most.

    References:
        Kwon and Zou, Beta Shapley, 2022, https://arxiv.org/abs/2110.14049
    """
    if not (0 < alpha < np.inf and 0 < beta < np.inf):
        raise InputError(f"alpha={alpha} and beta={beta} must be above 0; 1 and 1 are Shapley values.")
    players, name = len(game), f"beta-shapley({alpha:g},{beta:g})"
    weights = size_weights(players, alpha, beta)
    if 2**players - 1 <= trainings:
        return _of_all(game, weights, name)
    known = Remembered(game.worth)
    at = weights * np.exp(_log_coalitions(players)) * players
    found = walks(known, players, rng, budget_of(trainings, players), weights=at)
    return Credit(name, game.players, *over_repeats(found), trained(known, players))


def size_weights(players: int, alpha: float = 1.0, beta: float = 1.0) -> Floats:
    """(J,) weight of each coalition of 0..J-1 others; times how many there are of a size they sum to 1."""
    size = np.arange(players)
    from scipy.special import betaln

    return np.asarray(np.exp(betaln(size + beta, players - 1 - size + alpha) - betaln(alpha, beta)))


def _log_coalitions(players: int) -> Floats:
    """(J,) log of how many coalitions of 0..J-1 others there are."""
    size = np.arange(players)
    from scipy.special import gammaln

    return np.asarray(gammaln(players) - gammaln(size + 1) - gammaln(players - size))


def _of_all(game: Game, weights: Floats, name: str) -> Credit:
    """Semivalues by all coalitions; weights (J,) by the number of others."""
    players, known = len(game), Remembered(game.worth)
    member = every(players)
    size = member.sum(axis=1)
    with_it, without = np.append(0.0, weights), np.append(weights, 0.0)
    share = np.where(member, with_it[size][:, None], -without[size][:, None])
    return Credit(name, game.players, *over_repeats(share.T @ known(member)), trained(known, players))


def _by_coins(count: int, players: int, rng: np.random.Generator) -> np.ndarray:
    """(C, J) distinct coalitions; the empty one is beside the budget and may be among them."""
    drawn = rng.random((count, players)) < 0.5
    while True:
        drawn = drawn[np.sort(np.unique(drawn, axis=0, return_index=True)[1])]
        if drawn.any(axis=1).sum() >= count:
            return drawn[drawn.any(axis=1).cumsum() <= count]
        drawn = np.concatenate([drawn, rng.random((count, players)) < 0.5])


def _moments(member: np.ndarray, worth: Floats) -> tuple[Floats, Floats]:
    """(J,) mean worth of the coalitions an annotator is in, and (J,) its squared standard error."""
    count = member.sum(axis=0)
    mean = member.T @ worth / np.maximum(count, 1)
    squares = (member * (worth[:, None] - mean) ** 2).sum(axis=0)
    return np.where(count > 0, mean, np.nan), np.where(count > 1, squares / (count * np.maximum(count - 1, 1)), np.nan)
