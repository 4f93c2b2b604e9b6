"""Oracle: the rule by hand, axioms (order of the file, units of a measure), and planted wrong labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from crowdtune import InputError
from crowdtune.denoise.select import Selecting, entropy, select

FREE = Selecting(beta=0.5, least=0.0)


def kept(uncertainty: Any, right: Any, options: Selecting = FREE, **changes: Any) -> list[bool]:
    u = np.array(uncertainty, dtype=float)
    asked: dict[str, Any] = {
        "measure": ["entropy of choices"] * len(u),
        "right": np.array(right, dtype=float),
        "choice": np.zeros(len(u), dtype=int),
        "candidates": np.ones(len(u), dtype=bool),
    }
    return select(u, options=options, **asked | changes)[0].tolist()


def test_the_rule_by_hand() -> None:
    u = [0.1, 0.9, 0.5, 0.7]
    assert kept(u, [0.0] * 4) == [True, False, True, False]  # two of four, at most
    assert kept(u, [1.0, 0.9, 0.7, 0.8]) == [True] * 4  # 0.6 wrong ones are expected: none goes
    assert kept(u, [1.0, 0.5, 0.7, 0.8]) == [True, False, True, True]  # 1.0: one
    assert kept(u, [1.0] * 4, Selecting(0.5, 0.0, bounded=False)) == [True, False, True, False]
    assert kept(u, [0.0] * 4, Selecting(0.51, 0.0)) == [True, False, True, True]
    assert kept(u, [0.0] * 4, Selecting(0.0, 0.0)) == [False] * 4
    assert kept(u, [0.9, 0.9, 0.9, 0.9, 0.9][:4], Selecting(0.0, 0.0)) == [True] * 4


def test_ten_times_a_tenth_is_one() -> None:
    assert kept(range(10), [0.9] * 10).count(False) == 1
    assert kept(range(10), [0.0] * 10, Selecting(0.7, 0.0)).count(True) == 7


def test_measures_are_never_ranked_together() -> None:
    """Every log-likelihood is larger than every entropy, and yet one of each two goes."""
    both = kept([0.1, 0.2, 5.0, 6.0], [0.0] * 4, measure=["entropy of choices"] * 2 + ["nll per token"] * 2)
    assert both == [True, False, True, False]


def test_cuts_say_what_was_wanted_and_what_was_done() -> None:
    u, names = np.array([0.1, 0.9, np.nan, 3.0]), ["a", "a", "a", "b"]
    right, ones = np.array([1.0, 0.25, 0.0, 0.0]), np.ones(4, dtype=bool)
    _, (a, b) = select(u, names, right=right, choice=np.full(4, -1), candidates=ones, options=Selecting(0.0, 0.0))
    assert (a.measure, a.candidates, a.unknown, a.wanted, a.wrong, a.dropped) == ("a", 2, 1, 2, 0.75, 0)
    assert (b.measure, b.candidates, b.unknown, b.wanted, b.wrong, b.dropped) == ("b", 1, 0, 1, 1.0, 1)


def test_a_choice_keeps_its_share() -> None:
    """Choice 1 has four items, all candidates and the least sure ones; two must stay, the surer two."""
    u, choice = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.8, 0.7, 0.6]), np.repeat([0, 1], 4)
    assert kept(u, [0.0] * 8, Selecting(0.5, 0.0), choice=choice) == [True] * 4 + [False] * 4
    assert kept(u, [0.0] * 8, Selecting(0.5, 0.5), choice=choice) == [True] * 4 + [False] * 2 + [True] * 2
    assert kept(u, [0.0] * 8, Selecting(0.5, 1.0), choice=choice) == [True] * 8
    candidates = np.array([False] * 4 + [True, True, False, False])  # the rest of the choice is clean and counts
    assert kept(u, [0.0] * 8, Selecting(0.0, 0.5), choice=choice, candidates=candidates)[4:6] == [False, False]


def test_a_choice_of_a_single_item_never_goes() -> None:
    rng = np.random.default_rng(0)
    choice = np.r_[np.zeros(99, dtype=int), 1]
    u = np.r_[rng.random(99), 9.0]
    assert kept(u, [0.1] * 100, Selecting(), choice=choice)[-1]


@pytest.mark.parametrize("options", [FREE, Selecting(), Selecting(0.0, 0.0), Selecting(0.2, 0.3, bounded=False)])
def test_the_order_of_the_file_decides_nothing(options: Selecting) -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        n = int(rng.integers(1, 40))
        u = rng.integers(5, size=n) / 4.0  # many ties
        u[rng.random(n) < 0.1] = np.nan
        right, choice, names = rng.random(n), rng.integers(-1, 3, size=n), rng.choice(["a", "b"], size=n).tolist()
        candidates, order = rng.random(n) < 0.7, rng.permutation(n)

        def chosen(p: Any, u: Any = u, names: Any = names, options: Selecting = options, **columns: Any) -> Any:
            moved = {name: column[p] for name, column in columns.items()}
            return select(u[p], [names[i] for i in p], options=options, **moved)[0]

        columns = {"right": right, "choice": choice, "candidates": candidates}
        straight = chosen(np.arange(n), **columns)
        assert (chosen(order, **columns) == straight[order]).all()
        assert (chosen(np.arange(n), 3 * u + 1, **columns) == straight).all()
        dropped = ~straight
        assert not (dropped & (~candidates | np.isnan(u))).any()
        if options.bounded:
            assert dropped.sum() <= (1 - right[candidates]).sum() + 1e-9
        for k in range(3):
            assert (straight & (choice == k)).sum() >= options.least * (choice == k).sum() - 1e-9


def test_equally_unsure_ones_all_stay() -> None:
    assert kept([0.5] * 6, [0.0] * 6) == [True] * 6
    assert kept([0.5, 0.5, 0.5, 0.1], [0.0] * 4) == [True] * 4  # the third would have to be told from its equals
    assert kept([0.9, 0.5, 0.5, 0.1], [0.0] * 4) == [False, True, True, True]


def test_nothing_and_nothing_known() -> None:
    assert kept([], []) == []
    assert kept([np.nan] * 3, [0.0] * 3, Selecting(0.0, 0.0)) == [True] * 3
    assert kept([1.0, np.inf, -np.inf], [0.0] * 3, Selecting(0.5, 0.0)) == [True, False, True]
    none = np.zeros(3, dtype=bool)
    assert kept([1.0, 2.0, 3.0], [np.nan] * 3, candidates=none) == [True] * 3
    with pytest.raises(ValueError, match="must be a probability"):
        kept([1.0], [np.nan])


@pytest.mark.parametrize("name", ["beta", "least"])
def test_shares_are_shares(name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}=1.5 must be a share"):
        Selecting(**{name: 1.5})


def planted(noise: float, shares: Any, seed: int, n: int = 4_000) -> tuple[Any, Any, Any, Any, Any]:
    """Uncertainty, posterior of the new label, the label, whether it is a candidate, whether it is right.

    Of every choice a share `noise` of the labels is wrong and known for it. A relabelled item is right with the
    probability its posterior says, and hard items are less sure.
    """
    rng = np.random.default_rng(seed)
    choice = rng.choice(len(shares), size=n, p=shares)
    hard = rng.random(n)
    candidates = rng.random(n) < noise + 0.1 * hard  # at 0 % noise only hard items are taken for wrong
    chance = np.where(noise > 0, 1 - 0.6 * hard, 1.0)
    right = rng.random(n) < chance
    return hard + 0.1 * rng.normal(size=n), chance, choice, candidates, right


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.08, 0.02]])
def test_without_noise_nothing_goes(shares: list[float]) -> None:
    u, chance, choice, candidates, _ = planted(0.0, shares, 1)
    assert candidates.sum() > 100
    assert all(kept(u, chance, Selecting(), choice=choice, candidates=candidates))
    harsh = Selecting(bounded=False, least=0.0)
    assert kept(u, chance, harsh, choice=choice, candidates=candidates).count(False) == candidates.sum() // 2


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.08, 0.02]])
def test_with_half_the_labels_wrong_those_that_go_are_worse(shares: list[float]) -> None:
    u, chance, choice, candidates, right = planted(0.5, shares, 2)
    stays = np.array(kept(u, chance, Selecting(), choice=choice, candidates=candidates))
    wrong = (~right & candidates).sum()
    spread = np.sqrt((chance * (1 - chance))[candidates].sum())
    assert 0 < (~stays).sum() <= wrong + 5 * spread
    # the expected share of right ones is 1 - 0.6 hard; those left out are the hardest 30 %, so about 0.49 against 0.79
    gone, left = right[~stays], right[stays & candidates]
    error = np.sqrt(0.25 / len(gone) + 0.25 / len(left))
    assert left.mean() - gone.mean() > 0.30 - 5 * error > 0
    for k in range(len(shares)):
        assert (stays & (choice == k)).sum() >= 0.5 * (choice == k).sum()


def test_entropy() -> None:
    shares = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [1 / 3] * 3, [0.0] * 3, [np.nan, 0.5, 0.5]])
    np.testing.assert_allclose(entropy(shares), [np.log(2), 0, np.log(3), np.nan, np.nan])
    np.testing.assert_allclose(entropy(shares, np.array([2, 1, 3, 3, 3])), [1, 0, 1, np.nan, np.nan])
    assert entropy(np.zeros((0, 0))).shape == (0,)
