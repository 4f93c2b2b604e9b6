"""Oracles: exact values within standard errors, a budget that is kept, orders that add up."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.annotations import Bools, Floats
from crowdtune.credit import Game, exact, permutations
from crowdtune.errors import InputError
from tests.credit import games


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_intervals_cover_and_the_sum_is_right() -> None:
    """50 seeds of a concave game of 8: 95 % intervals hold the exact values in 89 to 99.5 %; 5 s.d. of 400 is 5 %."""
    game = games.concave(rng(1).random(8))
    truth, inside = exact(game), []
    for seed in range(50):
        found = permutations(game, rng(seed), trainings=100, truncate=0)
        assert found.values.sum() == pytest.approx(truth.values.sum())
        assert found.coalitions <= 100
        low, high = found.interval()
        inside.append((low <= truth.values) & (truth.values <= high))
    assert 0.89 < np.mean(inside) < 0.995


def test_additive_games_need_one_order() -> None:
    game, values = games.additive()
    found = permutations(game, rng(), trainings=9)
    assert found.values == pytest.approx(values)
    assert np.isnan(found.error).all()
    assert found.coalitions <= 9


def test_flat_ends_are_not_walked() -> None:
    """Worth is whole with any two of 20: an order ends two later, and its rest shares nothing."""
    game = games.of(20, lambda member: np.minimum(member.sum(axis=1), 2))
    cut, whole = (permutations(game, rng(), trainings=400, truncate=share) for share in (0.01, 0.0))
    assert cut.values.sum() == pytest.approx(2)
    assert cut.error.mean() < 0.6 * whole.error.mean()


def test_it_stops_when_sure_and_asks_side_by_side() -> None:
    asked: list[int] = []
    quiet = games.concave(rng(1).random(10))

    def worth(member: Bools) -> Floats:
        asked.append(len(member))
        return quiet.worth(member)

    game = Game(quiet.players, worth)
    found = permutations(game, rng(), trainings=900, error=0.02)
    assert found.error.max() <= 0.02
    assert found.coalitions < 500
    assert len(asked) <= 11  # one call for both ends, then one for each place of up to 32 orders
    assert permutations(game, rng(), trainings=900, error=0.02).values.tolist() == found.values.tolist()


def test_more_trainings_than_coalitions_end() -> None:
    game = games.concave(rng(1).random(4))
    assert permutations(game, rng(), trainings=50).coalitions <= 15


def test_what_cannot_be() -> None:
    game = games.concave(np.ones(5))
    with pytest.raises(InputError, match="trainings=8 must be at least 9: one order of 5 annotators and its reverse"):
        permutations(game, rng(), trainings=8)
    with pytest.raises(InputError, match=r"truncate=1 must be in \[0, 1\)"):
        permutations(game, rng(), trainings=20, truncate=1)
