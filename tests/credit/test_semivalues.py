"""Oracles: games with closed forms, the definitions coalition by coalition, the axioms, shapiq."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_of

from crowdtune.annotations import Floats
from crowdtune.credit import Credit, Game, Remembered, banzhaf, beta_shapley, exact, leave_one_out
from crowdtune.credit.semivalues import size_weights
from crowdtune.errors import InputError
from tests.credit import games


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("made", games.CLOSED, ids=lambda made: made.__name__)
def test_games_with_closed_forms(made: Callable[[], tuple[Game, list[float]]]) -> None:
    game, values = made()
    found = exact(game)
    assert found.values == pytest.approx(values)
    assert found.coalitions == 2 ** len(game) - 1
    assert np.isnan(found.error).all()


@pytest.mark.parametrize("seed", range(3))
def test_by_definition(seed: int) -> None:
    """Shapley, Banzhaf, and Beta(3, 2), whose weight of a size is the mean of p^s (1 - p)^(J - 1 - s)."""
    game = games.drawn(5, rng(seed))
    assert exact(game).values == pytest.approx(games.by_definition(game, games.shapley_weight(5)))
    assert banzhaf(game, rng(), trainings=31).values == pytest.approx(games.by_definition(game, lambda size: 1 / 16))

    def weight(size: int) -> float:  # a coalition's members join with p ~ Beta(beta, alpha)
        return float(quad(lambda p: beta_of.pdf(p, 2, 3) * p**size * (1 - p) ** (4 - size), 0, 1)[0])

    found = beta_shapley(game, rng(), alpha=3, beta=2, trainings=31)
    assert found.values == pytest.approx(games.by_definition(game, weight))


ESTIMATORS: dict[str, Callable[[Game], Credit]] = {
    "exact": exact,
    "banzhaf": lambda game: banzhaf(game, rng(), trainings=127),
    "beta": lambda game: beta_shapley(game, rng(), alpha=4, beta=1, trainings=127),
    "loo": leave_one_out,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ESTIMATORS)
def test_axioms(name: str, seed: int) -> None:
    """Linearity, symmetry under renaming, and nothing for who adds nothing."""
    of, draw = ESTIMATORS[name], rng(seed)
    one, other = games.drawn(6, draw), games.drawn(6, draw)
    both = Game(one.players, lambda member: 2 * one.worth(member) - other.worth(member))
    assert of(both).values == pytest.approx(2 * of(one).values - of(other).values)
    order = draw.permutation(6)
    renamed = Game(one.players, lambda member: one.worth(member[:, np.argsort(order)]))
    assert of(renamed).values == pytest.approx(of(one).values[order])
    with_null = Game((*one.players, "null"), lambda member: one.worth(member[:, :6]))
    assert of(with_null).values[6] == pytest.approx(0, abs=1e-12)
    if name == "exact":
        ends = one.worth(np.array([[False] * 6, [True] * 6]))[:, 0]
        assert of(one).values.sum() == pytest.approx(ends[1] - ends[0])


def test_beta_one_one_is_shapley() -> None:
    """By all coalitions to the last digit; by orders, the same orders give the same means."""
    game = games.drawn(6, rng())
    assert beta_shapley(game, rng(), alpha=1, beta=1, trainings=63).values == pytest.approx(exact(game).values)
    assert size_weights(200).min() > 0
    assert np.isfinite(size_weights(200, 16, 1)).all()


def test_leave_one_out_of_twins() -> None:
    """Who is not missed gets nothing: one of two right gloves."""
    found = leave_one_out(games.gloves()[0])
    assert found.values.tolist() == [1, 0, 0]
    assert found.coalitions == 4


def test_errors_over_repeats_cover() -> None:
    """400 games of 6 with 3 repeats of noise: 95 % intervals hold what is so, 5 s.d. of 2,400 draws is 2.2 %.

    With the normal's 1.96 and some 10 degrees of freedom (2 own, pooled with 5 others') 92 to 95 % are expected.
    """
    quiet = games.drawn(6, rng())
    truth, inside = exact(quiet).values, []
    for seed in range(400):
        noise = rng(seed + 1).normal(size=(64, 3))

        def worth(member: Floats, noise: Floats = noise) -> Floats:
            return quiet.worth(member) + noise[member @ (1 << np.arange(6))]

        low, high = exact(Game(quiet.players, worth)).interval()
        inside.append((low <= truth) & (truth <= high))
    assert 0.9 < np.mean(inside) < 0.97


def test_banzhaf_by_coins() -> None:
    """Distinct coalitions, all of the budget, and within 5 standard errors of the exact values."""
    game = Game(games.drawn(9, rng()).players, Remembered(games.drawn(9, rng()).worth))
    found, so = banzhaf(game, rng(), trainings=300), banzhaf(game, rng(), trainings=511)
    assert found.coalitions == 300
    assert so.coalitions == 511
    assert (np.abs(found.values - so.values) < 5 * found.error).all()
    assert banzhaf(game, rng(), trainings=300).values.tolist() == found.values.tolist()
    assert np.abs(found.values - so.values).max() > 0


def test_beta_shapley_by_orders() -> None:
    """Within 5 standard errors of the exact values, with a budget kept."""
    game = games.concave(rng().random(9))
    found, so = (beta_shapley(game, rng(), alpha=4, beta=1, trainings=n) for n in (400, 511))
    assert found.coalitions <= 400
    assert (np.abs(found.values - so.values) < 5 * found.error).all()


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match=r"exact Shapley values of 13 annotators need 2\^13 trainings"):
        exact(games.concave(np.ones(13)))
    with pytest.raises(InputError, match="trainings=3 must be at least 4"):
        banzhaf(games.concave(np.ones(5)), rng(), trainings=3)
    with pytest.raises(InputError, match="alpha=0 and beta=1"):
        beta_shapley(games.concave(np.ones(5)), rng(), alpha=0, beta=1, trainings=31)


@pytest.mark.parity
def test_shapiq_says_the_same() -> None:
    import shapiq

    game = games.drawn(7, rng())
    computer = shapiq.ExactComputer(n_players=7, game=lambda rows: game.worth(np.asarray(rows, dtype=bool))[:, 0])
    for index, found in (("SV", exact(game)), ("BV", banzhaf(game, rng(), trainings=127))):
        theirs = computer(index=index, order=1)
        assert found.values == pytest.approx([theirs[(j,)] for j in range(7)])
