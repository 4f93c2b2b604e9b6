"""Screens on planted copies, harm and control items, by hand."""

import numpy as np
import pytest
from scipy.stats import beta

from crowdtune.credit.game import Credit, Game
from crowdtune.errors import InputError
from crowdtune.rounds import screen
from crowdtune.rounds.screen import as_one, control_rate, harmful, own


def test_copies_are_found_and_whose_they_are(monkeypatch):
    rng = np.random.default_rng(0)
    said = rng.normal(size=(30, 40))
    said[20:28] = 3.0 * said[:8] + 0.01 * rng.normal(size=(8, 40))  # c copies eight of a, longer and hardly changed
    said[29] = said[28]  # and says one of two twice
    of = np.repeat([0, 1, 2], 10)
    found = own(said, of, 4)
    np.testing.assert_array_equal(found.count, [10, 10, 1, 0])
    np.testing.assert_allclose(found.share, [1, 1, 0.1, 0])
    np.testing.assert_array_equal(found.source, [-1, -1, 0, -1])
    np.testing.assert_array_equal(found.enough(), [True, True, False, False])
    monkeypatch.setattr(screen, "BLOCK", 7)
    np.testing.assert_array_equal(own(said, of, 4).count, found.count)


def test_who_is_first_owns_it_whatever_the_order_of_annotators():
    said = np.eye(3)[[0, 1, 0, 2]]
    np.testing.assert_array_equal(own(said, np.array([1, 0, 0, 1]), 2).count, [1, 2])
    np.testing.assert_array_equal(own(np.zeros((0, 3)), np.zeros(0, dtype=int), 2).count, [0, 0])


def test_harmless_people_are_called_harmful_as_rarely_as_said():
    """2,000 crowds of 50 who do nothing: a false word in 5 % of them, s.d. 0.49 %."""
    drawn = np.random.default_rng(1).normal(size=(2000, 50))
    names = tuple(map(str, range(50)))
    accused = [harmful(Credit("ridge", names, row, np.ones(50), 0)).any() for row in drawn]
    assert np.mean(accused) == pytest.approx(0.05, abs=5 * 0.0049)
    clear = Credit("ridge", ("a", "b", "c"), np.array([-5.0, -5.0, 5.0]), np.array([1.0, np.nan, 1.0]), 0)
    np.testing.assert_array_equal(harmful(clear), [True, False, False])


def test_control_items_are_the_mean_of_a_beta():
    hits, misses = np.array([0, 3, 8]), np.array([0, 0, 2])
    np.testing.assert_allclose(control_rate(hits, misses), beta(hits + 1, misses + 1).mean())


def test_accounts_of_one_identity_come_together():
    game = Game(("a", "b", "c"), lambda member: member @ np.array([[1.0], [2.0], [4.0]]))
    merged = as_one(game, ["x", "y", "x"])
    assert merged.players == ("x", "y")
    np.testing.assert_array_equal(merged.worth(np.eye(2, dtype=bool))[:, 0], [5, 2])
    with pytest.raises(InputError, match="2 identities are given for 3 accounts"):
        as_one(game, ["x", "y"])
    with pytest.raises(InputError, match="alike=0"):
        own(np.eye(2), np.arange(2), 2, alike=0)
