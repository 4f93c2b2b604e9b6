"""Oracles: a planted linear game, the model's own Shapley values, brute-force leave-one-out, coverage over seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from crowdtune.annotations import Bools
from crowdtune.credit import exact, permutations, probes, regression, ridge, ridge_of
from crowdtune.errors import InputError
from tests.credit import games


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("count", "players", "size"), [(60, 12, None), (14, 4, None), (50, 40, 7), (62, 6, None)])
def test_probes_are_distinct_and_even(count: int, players: int, size: int | None) -> None:
    member = probes(count, players, rng(), size=size)
    assert len(np.unique(member, axis=0)) == count
    assert 0 < member.sum(axis=1).min() <= member.sum(axis=1).max() < players
    assert np.ptp(member.sum(axis=0)) <= 2
    if size:
        assert set(member.sum(axis=1)) == {size}
    assert probes(count, players, rng(), size=size).tolist() == member.tolist()


def test_probes_are_groups_of_partitions() -> None:
    """Four groups of three partition twelve, as competing groups of a round do."""
    assert (probes(20, 12, rng(), size=3).reshape(5, 4, 12).sum(axis=1) == 1).all()


def test_a_linear_game_is_found() -> None:
    """Without noise, and with a base that is worth something: values to four digits."""
    brings = np.array([3.0, -1.0, 0.0, 2.0, 0.5, 1.0])
    game = games.of(6, lambda member: member @ brings + 10)
    found = ridge(game, probes(30, 6, rng()), strength=1e-9)
    assert found.values == pytest.approx(brings, abs=1e-4)
    assert found.coalitions == 31


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_factors_are_shapley_values(power: float) -> None:
    """The game s^-p sum beta of 7, solved by all coalitions."""
    beta = rng().normal(size=7)
    beta -= beta.mean()
    game = games.of(7, lambda member: (member @ beta) / np.maximum(member.sum(axis=1), 1) ** power)
    assert exact(game).values == pytest.approx(beta * regression._factor(7, power))
    found = ridge(game, np.concatenate([probes(20, 7, rng(), size=s) for s in (2, 3, 5)]), strength=1e-9)
    assert found.values == pytest.approx(exact(game).values, abs=1e-4)


def test_leave_one_out_is_leaving_one_out() -> None:
    """The loss in closed form against as many fits."""
    member, y = probes(25, 8, rng()), rng().normal(size=25)
    member = np.concatenate([member, probes(25, 8, rng(1), size=5)])
    y = np.concatenate([y, rng(2).normal(size=25) + 1])
    lost = []
    base, x = regression._of_size(member.mean(axis=1)), member - member.mean(axis=1, keepdims=True)
    pure = x - base @ np.linalg.lstsq(base, x, rcond=None)[0]
    penalty = 0.7 * (np.linalg.svd(pure, compute_uv=False) ** 2).mean()
    for c in range(50):
        keep = np.arange(50) != c
        columns = np.hstack([base, x])
        gram = columns[keep].T @ columns[keep] + penalty * np.diag([0.0] * base.shape[1] + [1.0] * 8)
        lost.append(y[c] - columns[c] @ np.linalg.solve(gram, columns[keep].T @ y[keep]))
    assert regression._fit(member, y, 0.7, 0.0).loss == pytest.approx(np.mean(np.square(lost)))


def test_intervals_cover_drawn_games() -> None:
    """50 linear games of annotators drawn from one normal: intervals hold 90 to 98 %; 5 s.d. of 600 is 4.5 %."""
    inside = []
    for seed in range(50):
        draw = rng(seed)
        brings = draw.normal(1, 0.3, size=12)
        member = np.concatenate([probes(60, 12, draw), np.ones((1, 12), dtype=bool)])
        low, high = ridge_of(tuple("abcdefghijkl"), member, member @ brings + 0.5 * draw.normal(size=61)).interval()
        inside.append((low <= brings) & (brings <= high))
    assert 0.9 < np.mean(inside) < 0.98


def test_better_than_orders_at_one_budget() -> None:
    """Concave noisy games of 12 at 60 trainings: ridge 0.9 and more on the mean of 4 seeds, above random orders."""
    of_ridge, of_orders = [], []
    for seed in range(4):
        quality = rng(seed).normal(0.5, 0.5, 12)
        truth, game = exact(games.concave(quality)).values, games.concave(quality, noise=0.04, seed=seed)
        of_ridge.append(spearmanr(ridge(game, probes(59, 12, rng(seed))).values, truth).statistic)
        of_orders.append(spearmanr(permutations(game, rng(seed), trainings=60).values, truth).statistic)
    assert np.mean(of_ridge) > max(0.9, np.mean(of_orders))


def test_groups_of_rounds_and_who_was_in_none() -> None:
    """Without a row of everybody the average is the mean gain per member; who was in no group has the largest error."""
    member = np.zeros((20, 9), dtype=bool)
    member[:, :8] = probes(20, 8, rng(), size=2)
    gains = member[:, :8] @ np.arange(8.0) + rng().normal(size=20)
    found = ridge_of(tuple("abcdefghi"), member, gains)
    assert found.values.mean() == pytest.approx(gains.mean() / 2)
    assert found.error.argmax() == 8
    assert found.error[8] > 1.5 * found.error[:8].max()
    repeated = ridge_of(tuple("abcdefghi"), member, np.stack([gains - 1, gains + 1], axis=1))
    assert repeated.values == pytest.approx(found.values)


def test_gains_that_are_all_alike() -> None:
    found = ridge_of(tuple("abcd"), probes(8, 4, rng()), np.full(8, 0.5))
    assert found.values == pytest.approx(np.full(4, found.values[0]))


def test_what_cannot_be() -> None:
    def four(rows: int) -> Bools:
        return probes(rows, 4, rng())

    with pytest.raises(InputError, match="3 probes of some but not all annotators; at least 4"):
        ridge_of(tuple("abcd"), four(3), np.zeros(3))
    with pytest.raises(InputError, match=r"membership of shape \(5, 4\) must have 3 columns"):
        ridge_of(tuple("abc"), four(5), np.zeros(5))
    with pytest.raises(InputError, match=r"15 probes of 4 annotators: there are 1 to 14"):
        four(15)
    with pytest.raises(InputError, match="size=4 of probes must be 1 to 3"):
        probes(3, 4, rng(), size=4)
