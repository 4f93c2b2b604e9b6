r"""Credit by regression: the worth of probes, all trained from one base, on who was in them.

A probe of s of J annotators is worth what its size says and what its members are beyond the average one:

.. math:: v(S) = f(s) + s^{-p} \sum_{j \in S} (\beta_j - \bar\beta) + noise

f is free: worth is concave in size, and unpenalised columns take that in. With p = 0 an annotator adds the same whoever
else is there, with p = 1 a training ends at its members' mean and one of many moves it little. The penalty on beta and,
where sizes differ, p are those whose prediction of left-out probes is best, in closed form.

Shapley values of this model are the betas less their mean times a factor (1 where p is 0), plus everybody's share of
the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit._asked import trained
from crowdtune.credit.game import Credit, Game, Remembered
from crowdtune.errors import InputError

POWERS = (0.0, 0.5, 1.0)
STRENGTHS = np.geomspace(1e-4, 1e4, 49)  # times the mean squared singular value
FEWEST = 4  # probes
SURE = 1 - 1e-9  # leverage of a probe that nothing but itself tells of


def ridge(game: Game, member: Bools, *, strength: float | None = None) -> Credit:
    """Attribution by ridge regression of the worth of probes on membership; `probes` designs them.

    Beside the probes everybody together is trained, so that values sum to v(all) - v(nobody).

    Args:
        game: of J annotators; every coalition starts from one base.
        member: (C, J) probes.
        strength: of the penalty, relative to the mean squared singular value; chosen by leave-one-out without it.

    Returns:
        Estimates of the Shapley values, with the posterior's standard errors, in which what the model does not say
        counts as noise.
    """
    known, players = Remembered(game.worth), len(game)
    everybody = np.ones((1, players), dtype=np.bool_)
    rows = np.concatenate([member, everybody, ~everybody])
    credit = ridge_of(game.players, rows, known(rows), strength=strength)
    return Credit("ridge", game.players, credit.values, credit.error, trained(known, players))


def ridge_of(players: Sequence[str], member: Bools, worth: Floats, *, strength: float | None = None) -> Credit:
    """`ridge` with worths already at hand, such as the gains of competing groups over one base.

    Args:
        players: J names.
        member: (C, J) probes. Values sum to the worth of a row of everybody, less that of a row of nobody (0 without
            it); without everybody an average annotator gets the mean worth per member of the probes.
        worth: (C,) or (C, R) worth of each.
        strength: of the penalty, relative to the mean squared singular value; chosen by leave-one-out without it.
    """
    gains = np.asarray(worth, dtype=np.float64).reshape(len(member), -1).mean(axis=1)
    if member.shape[1:] != (len(players),):
        raise InputError(f"membership of shape {member.shape} must have {len(players)} columns, one per annotator.")
    size, everybody = member.sum(axis=1), len(players)
    gains = gains - (gains[size == 0].mean() if (size == 0).any() else 0.0)
    inner = (size > 0) & (size < everybody)
    if inner.sum() < FEWEST:
        raise InputError(f"{inner.sum()} probes of some but not all annotators; at least {FEWEST} are needed.")
    fitted = _best(member[inner], gains[inner], strength)
    whole = gains[size == everybody]
    level = whole.mean() / everybody if len(whole) else gains[inner].mean() / size[inner].mean()
    error = np.sqrt(fitted.variance + (fitted.noise / everybody**2 / len(whole) if len(whole) else 0.0))
    distinct = np.unique(member[size > 0], axis=0)
    return Credit("ridge", tuple(players), level + fitted.beyond, error, len(distinct))


@dataclass(frozen=True, eq=False)
class _Fitted:
    """What annotators add beyond the average one.

    Args:
        beyond: (J,) that sum to 0.
        variance: (J,) of the posterior.
        noise: variance of a probe.
        loss: mean squared error of left-out probes.
    """

    beyond: Floats
    variance: Floats
    noise: float
    loss: float


def _best(member: Bools, gains: Floats, strength: float | None) -> _Fitted:
    """The model whose power predicts left-out probes best."""
    powers = POWERS if len(np.unique(member.sum(axis=1))) > 1 else POWERS[:1]
    return min((_fit(member, gains, strength, power) for power in powers), key=lambda fitted: fitted.loss)


def _fit(member: Bools, gains: Floats, strength: float | None, power: float) -> _Fitted:
    count, players = member.shape
    size = member.sum(axis=1, keepdims=True)
    base = np.linalg.qr(_of_size(size[:, 0] / players))[0]
    x = (member - size / players) / size**power
    x, y = x - base @ (base.T @ x), gains - base @ (base.T @ gains)
    u, d, vt = np.linalg.svd(x, full_matrices=False)
    power_of = d**2 / max((d**2).mean(), 1e-300)
    grid = STRENGTHS if strength is None else np.array([strength])
    kept = power_of[:, None] / (power_of[:, None] + grid)
    left = y[:, None] - u @ (kept * (u.T @ y)[:, None])
    leverage = (base**2).sum(axis=1)[:, None] + u**2 @ kept
    losses = ((left / np.maximum(1 - leverage, 1 - SURE)) ** 2).mean(axis=0)
    best = int(losses.argmin())
    noise = float((left[:, best] ** 2).sum() / max(count - leverage[:, best].sum(), 1.0))
    penalty = grid[best] * max((d**2).mean(), 1e-300)
    beta = vt.T @ (d / (d**2 + penalty) * (u.T @ y))
    spread = np.eye(players) - (vt.T * (d**2 / (d**2 + penalty))) @ vt
    spread = spread - spread.mean(axis=0) - spread.mean(axis=1, keepdims=True) + spread.mean()
    factor = _factor(players, power)
    variance = factor**2 * noise / penalty * np.diag(spread)
    return _Fitted(factor * (beta - beta.mean()), variance, noise, float(losses[best]))


def _of_size(share: Floats) -> Floats:
    """(C, Q) unpenalised columns of the size: as many as there are sizes, up to a constant, a line and a logarithm."""
    columns = [np.ones(len(share)), share, np.log(share)]
    return np.stack(columns[: min(len(np.unique(share)), len(columns))], axis=1)


def _factor(players: int, power: float) -> float:
    """Shapley value of who adds 1 beyond the average, in the game s^-p sum_(j in S) beta_j with betas that sum to 0."""
    others = np.arange(players)
    alone = (others + 1.0) ** -power * (1 - others / max(players - 1, 1))
    replaced = np.maximum(others, 1.0) ** -power * others / max(players - 1, 1)
    return float((alone + replaced).mean())
