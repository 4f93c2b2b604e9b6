"""The surrogate against its closed forms: steps, worth, quality, and the trainer against the formula."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from crowdtune.errors import InputError
from crowdtune.rounds.coalitions import coalition_game
from crowdtune.rounds.job import Job
from crowdtune.rounds.spread import spread
from crowdtune.rounds.surrogate import InMemory, World, model_of, planted

ALL = np.array([[True, False, False], [False, True, True], [True, True, True], [False, False, False]])


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def lopsided() -> World:
    """Three contributors of unequal size; only the third speaks of the second dimension."""
    return World(
        players=("a", "b", "c"),
        means=np.array([[1.0, 0.0], [0.5, 0.0], [-1.0, 2.0]]),
        size=np.array([8.0, 16.0, 24.0]),
        knows=np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 1.0]]),
        base=np.zeros(2),
        goal=np.array([1.0, 1.0]),
        rate=0.2,
    )


def test_worth_is_the_formula_by_hand():
    """b and c: 40 contributions in 5 steps, 28 of them of dimension 1 (mean -1/7), 24 of dimension 2 (mean 2)."""
    first = (16 * 0.5 - 12 * 1.0) / 28 * (1 - 0.8 ** (5 * 28 / 40))
    second = 2.0 * (1 - 0.8 ** (5 * 24 / 40))
    expected = np.sqrt(2) - np.hypot(first - 1, second - 1)
    assert lopsided().quiet.worth(ALL)[1, 0] == pytest.approx(expected, abs=1e-6)
    assert lopsided().quiet.worth(ALL)[3, 0] == 0


def test_steps_made_one_at_a_time_are_the_steps_made_at_once_and_lead_to_the_mean():
    world = lopsided()
    model = world.base
    for _ in range(6):
        model = world.trained(ALL[2:3], base=model, steps=1)[0]
    np.testing.assert_allclose(model, world.trained(ALL[2:3])[0], atol=1e-6)
    for _ in range(200):
        model = world.trained(ALL[2:3], base=model)[0]
    np.testing.assert_allclose(model, [(8 + 8 - 12) / 36, 2.0], atol=1e-5)


def test_who_contributes_nothing_is_worth_nothing_also_with_noise(rng):
    world = planted(4, rng)
    world = replace(world, size=np.array([16.0, 0, 16, 0]))
    with_rider = np.array([[True, False, False, False], [True, True, False, True], [False, True, False, True]])
    found = world.worth(with_rider)
    assert found[0] == found[1]
    assert found[2] == 0


def test_worth_grows_with_quality_and_less_with_each_of_a_kind(rng):
    quality = np.linspace(-0.5, 1, 7)
    world = planted(7, rng, quality=quality, own=0.0).quiet
    assert (np.diff(world.worth(np.eye(7, dtype=bool))[:, 0]) > 0).all()
    alike = planted(7, rng, quality=np.ones(7), own=0.0).quiet
    gains = np.diff(alike.worth(np.tri(8, 7, -1, dtype=bool))[:, 0])
    assert (gains > 0).all()
    assert (np.diff(gains) < 0).all()


def test_those_of_one_topic_move_nothing_else(rng):
    world = planted(6, rng, topics=3)
    moved = world.trained(np.eye(6, dtype=bool)) != 0
    assert (moved.sum(axis=1) == 4).all()
    assert len(np.unique(moved, axis=0)) == 3


def test_everybody_together_covers_the_share_asked_for(rng):
    world = planted(10, rng, covered=0.75)
    whole = world.trained(np.ones((1, 10), dtype=bool))[0]
    np.testing.assert_allclose(whole, 0.75 * world.means.mean(axis=0), atol=1e-6)


def test_noise_of_a_mean_of_samples_is_as_large_as_it_says(rng):
    """200 draws: the mean's standard deviation is 0.3 / sqrt(50) = 0.0424, its own five s.d. 25 % of it."""
    world = planted(3, rng)
    drawn = world.measured(world.goal, tuple(range(200)))["distance"].mean(axis=1) - world.goal
    assert np.std(drawn) == pytest.approx(0.3 / np.sqrt(50), rel=0.1)
    same = replace(world, common=1.0)
    noise = same.measured(world.base, (0,))["distance"]
    assert noise.std() == pytest.approx(0.3, rel=0.15)
    np.testing.assert_allclose(same.measured(world.goal, (0,))["distance"] - world.goal, noise)


def test_jobs_of_the_trainer_are_worth_what_the_world_says(rng, tmp_path):
    world = replace(planted(4, rng), draws=(0, 1), jitter=0.05)
    member = rng.random((5, 4)) < 0.5
    engine = partial(spread, world.trainer, workers=0)
    game = coalition_game(engine, world.players, world.targets[0], tmp_path, draws=(0, 1))
    np.testing.assert_allclose(game.worth(member), world.worth(member), atol=1e-12)


def test_a_job_goes_on_from_its_base_and_averages_parents(rng, tmp_path):
    world = planted(4, rng)
    one, two, middle = (tmp_path / name for name in ("one", "two", "middle"))
    spread(world.trainer, {one: Job(members=("a1", "a3"))}, workers=0)
    done = spread(world.trainer, {two: Job(base=str(one / "model"), members=("a2",), steps=1)}, workers=0)
    spread(world.trainer, {middle: Job(parents=(str(one / "model"), str(two / "model")))}, workers=0)
    start = world.trained(np.array([[True, False, True, False]]))[0]
    after = world.trained(np.array([[False, True, False, False]]), base=start, steps=1)[0]
    np.testing.assert_array_equal(model_of(two / "model"), after)
    np.testing.assert_allclose(model_of(middle / "model"), (start + after) / 2, atol=1e-7)
    assert done[two].steps == 1
    memory = InMemory(world)
    memory({one: Job(members=("a1", "a3"))})
    kept = memory({two: Job(base=str(one / "model"), members=("a2",), steps=1)})
    np.testing.assert_array_equal(memory.models[str(two / "model")], after)
    np.testing.assert_array_equal(kept[two].measured["distance"], done[two].measured["distance"])


def test_strangers_and_impossible_worlds_are_refused(rng, tmp_path):
    with pytest.raises(InputError, match="no contributors \\['zoe'\\] in this world of 3"):
        spread(lopsided().trainer, {tmp_path / "job": Job(members=("a", "zoe"))}, workers=0)
    with pytest.raises(InputError, match="covered=1"):
        planted(3, rng, covered=1)
    with pytest.raises(InputError, match="topics=13 must be from 1 to dims=12"):
        planted(3, rng, topics=13)
