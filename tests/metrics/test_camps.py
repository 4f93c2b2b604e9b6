"""Oracle: crowds whose camps are planted."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.annotations import Floats
from crowdtune.em.given import flat, given
from crowdtune.metrics.camps import Camps, blocks, find_camps, opening, read_across
from crowdtune.simulate import simulate
from tests.crowds import from_table, make_items


def camps(
    reliability: list[float],
    k: int = 2,
    noise: str = "uniform",
    n_items: int = 400,
    seed: int = 0,
    overlap: str = "shared",
) -> Camps:
    rng = np.random.default_rng(seed)
    items = make_items(rng.integers(k, size=n_items).tolist(), [f"c{c}" for c in range(k)])
    made = simulate(items, np.array(reliability), noise=noise, overlap=overlap, rng=rng)
    return find_camps(given(made), flat(made), rng.permutation(n_items) % 2)


def members(found: Camps) -> list[list[int]]:
    return [camp.tolist() for camp in found.members]


def test_one_camp_and_a_spammer_in_none() -> None:
    found = camps([0.9, 0.8, 0.85, 0.5, 0.8])
    assert members(found) == [[0, 1, 2, 4]]
    assert not found.opposed.any()


def test_two_camps_that_contradict_each_other() -> None:
    found = camps([0.9, 0.1, 0.85, 0.15, 0.1])
    assert members(found) == [[1, 3, 4], [0, 2]]
    assert found.opposed.tolist() == [True, False, True, False, False]


def test_a_lonely_truth_teller_is_a_camp() -> None:
    assert members(camps([0.9, 0.1, 0.1])) == [[1, 2], [0]]


def test_liars_with_the_same_offset_are_a_camp_of_their_own() -> None:
    """Annotators 1 and 5 err by the same offset of four; with the others they hardly ever agree."""
    found = camps([0.9, 0.05, 0.9, 0.9, 0.9, 0.05], k=5, noise="systematic")
    assert members(found)[0] == [0, 2, 3, 4]
    assert [1, 5] in members(found)
    assert found.opposed.tolist() == [False, True, False, False, False, True]


def test_offsets_of_two_of_three_leave_three_camps() -> None:
    """Never an agreement of any two: whoever counts first, everybody is a camp of one."""
    assert sorted(members(camps([1.0, 0.0, 0.0], k=3, noise="systematic"))) == [[0], [1], [2]]


@pytest.mark.parametrize("k", [2, 3])
def test_spammers_are_no_camp(k: int) -> None:
    found = [camps([1 / k] * 6, k, n_items=100, seed=seed) for seed in range(40)]
    assert sum(bool(c.members) for c in found) <= 1


def test_among_liars_in_concert_the_honest_one_is_not_cleared() -> None:
    """With five choices he looks as if he guessed: the labels alone must not decide against him."""
    cases = [camps([0.88, 0.02, 0.15, 0.03, 0.1, 0.16], 5, "asymmetric", seed=seed, overlap="2") for seed in range(10)]
    assert all(found.opposed[0] for found in cases if found.members)
    assert sum(bool(found.members) for found in cases) >= 5


def test_annotators_are_judged_by_others_alone() -> None:
    """Who alone labels an item agrees with nobody, however often."""
    made = from_table([[0, -1], [1, -1], [-1, 0], [-1, 1]] * 20)
    labels, none = given(made), flat(made)
    reading = read_across(labels, none, opening(labels, none), np.arange(80) // 4 % 2)
    assert reading.agreement()[1].tolist() == [0, 0]


def test_annotators_read_items_they_were_not_fitted_to() -> None:
    """Labels of one half turned round: annotators are fitted to it as liars and read the other half so, and back."""
    labels = [[i % 2 if i < 100 else 1 - i % 2, i % 2, i % 2] for i in range(200)]
    made = from_table(labels)
    given_, half = given(made), (np.arange(200) >= 100).astype(int)
    truth: Floats = np.eye(2)[np.arange(200) % 2]
    reading = read_across(given_, flat(made), truth, half, sharpness=1.0)
    own = np.exp(reading.heard[np.arange(600), given_.label])[given_.annotator == 0]
    first = made.item[given_.annotator == 0] < 100
    assert (own[first] < 0.1).all()
    assert (own[~first] > 0.9).all()


def test_blocks_are_joined_by_linking_annotators_alone() -> None:
    labels = given(from_table([[0, -1, 0], [0, -1, -1], [-1, 1, -1], [-1, 1, 0]]))
    joined = blocks(labels, np.array([True, True, True]))
    apart = blocks(labels, np.array([True, True, False]))
    assert len(set(joined.tolist())) == 1
    assert apart[0] == apart[1] != apart[2] == apart[3]
