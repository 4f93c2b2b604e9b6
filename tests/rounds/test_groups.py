"""Groups. Oracle: axioms of a partition, and what each strategy is by definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdtune.errors import InputError
from crowdtune.rounds.groups import STRATEGIES, Standing, assign, membership


def standing(means: list[float | None]) -> Standing:
    """Annotators p0, p1, ... with so many points per appearance, None for a newcomer."""
    seen = np.array([mean is not None for mean in means], dtype=np.int64) * 2
    points = np.array([0.0 if mean is None else 2 * mean for mean in means])
    return Standing(tuple(f"p{j}" for j in range(len(means))), points, seen)


MEANS = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=23)


@settings(max_examples=40, deadline=None)
@given(MEANS, st.sampled_from(STRATEGIES), st.integers(1, 9), st.integers(0, 5), st.integers(1, 40))
def test_everybody_is_in_one_group_and_sizes_differ_by_at_most_one(
    means: list[float | None], strategy: str, count: int, seed: int, number: int
) -> None:
    known, count = standing(means), min(count, len(means))
    groups = assign(strategy, known, count, round_number=number, seed=seed, epsilon=0.3)
    assert sorted(name for members in groups for name in members) == sorted(known.players)
    sizes = [len(members) for members in groups]
    assert len(groups) == count
    assert max(sizes) - min(sizes) <= 1
    assert groups == assign(strategy, known, count, round_number=number, seed=seed, epsilon=0.3)
    assert membership(groups, known.players).sum(axis=0).tolist() == [1] * len(means)


@settings(max_examples=40, deadline=None)
@given(MEANS, st.integers(2, 5), st.integers(1, 9))
def test_interleaved_gives_each_group_one_of_each_rank(means: list[float | None], count: int, number: int) -> None:
    known, count = standing(means), min(count, len(means))
    groups = assign("interleaved", known, count, round_number=number, seed=0)
    rank = sorted((-np.inf if mean is None else mean for mean in means), reverse=True)
    for k, low in enumerate(rank[count - 1 :: count], start=1):  # so many of each group stand at least as high
        for members in groups:
            own = [means[known.players.index(name)] for name in members]
            assert sum((-np.inf if mean is None else mean) >= low for mean in own) >= k


@settings(max_examples=40, deadline=None)
@given(MEANS, st.integers(2, 5), st.integers(1, 9))
def test_synergised_puts_nobody_below_the_next_group(means: list[float | None], count: int, number: int) -> None:
    known, count = standing(means), min(count, len(means))
    for strategy, epsilon in (("synergised", 0.5), ("epsilon-greedy", 0.0)):
        groups = assign(strategy, known, count, round_number=number, seed=0, epsilon=epsilon)
        place = [[means[known.players.index(name)] for name in members] for members in groups]
        value = [[-np.inf if mean is None else mean for mean in own] for own in place]
        assert all(min(one) >= max(two) for one, two in itertools.pairwise(value))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(0, 9), st.integers(1, 5), st.integers(0, 3))
def test_fixed_moves_nobody_when_others_join(before: int, joining: int, count: int, seed: int) -> None:
    count = min(count, before)
    first = assign("fixed", standing([0.5] * before), count, round_number=1, seed=seed)
    later = assign("fixed", standing([0.1] * before + [None] * joining), count, round_number=7, seed=seed)
    known = {f"p{j}" for j in range(before)}
    assert {frozenset(members) for members in first} == {frozenset(known & set(members)) for members in later}


def test_random_meets_everybody_alike() -> None:
    """Two of nine are in one of three groups of three by chance 2 / 8; 400 rounds, bar five standard deviations."""
    known, rounds = standing([float(j) for j in range(9)]), 400
    met = sum(
        any({"p0", "p8"} <= set(members) for members in assign("random", known, 3, round_number=r, seed=0))
        for r in range(rounds)
    )
    assert abs(met / rounds - 0.25) < 5 * np.sqrt(0.25 * 0.75 / rounds)


def test_epsilon_lets_a_newcomer_sit_with_the_best() -> None:
    """By chance epsilon anywhere, so epsilon / 3 in the first of three groups; else behind all, who may leave seats.

    Seats in front are free for a newcomer who is not loose only where all loose ones sit behind: the seats not taken
    fill in order of standing, and the last of them falls into the first third only if six or more of nine are loose
    and sit behind, by chance below 1e-5 at 0.3.
    """
    known, rounds, epsilon = standing([0.9] * 8 + [None]), 600, 0.3
    groups = [assign("epsilon-greedy", known, 3, round_number=r, seed=1, epsilon=epsilon)[0] for r in range(rounds)]
    share = np.mean(["p8" in members for members in groups])
    assert abs(share - epsilon / 3) < 5 * np.sqrt(0.1 * 0.9 / rounds)


def test_standing_is_points_per_appearance_not_in_all() -> None:
    late = Standing(("old", "late"), np.array([3.0, 1.0]), np.array([10, 1]))
    assert assign("synergised", late, 2, round_number=1, seed=0)[0] == ("late",)


@pytest.mark.parametrize(
    ("strategy", "count", "said"),
    [
        ("randm", 2, "unknown strategy 'randm'. Did you mean 'random'?"),
        ("fixed", 4, "groups=4 is more than there are annotators (3). Choose at most 3."),
    ],
)
def test_what_cannot_be_is_answered(strategy: str, count: int, said: str) -> None:
    with pytest.raises(InputError) as error:
        assign(strategy, standing([0.1, 0.2, None]), count, round_number=1, seed=0)
    assert said in str(error.value)
