"""Oracles: agreement in closed form, planted copies who are the majority, and crowds without any."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune import Annotations
from crowdtune.aggregate import aggregator, block_weights, blocks
from crowdtune.aggregate._dependence import Block, Pairs, _lone, _needed, _pairs
from crowdtune.metrics.accuracy import accuracy
from tests.crowds import from_table


def copied(
    n: int, rng: np.random.Generator, *, honest: list[float], copies: int = 5, alike: float = 1.0, k: int = 2
) -> Annotations:
    """The first `copies` say what one of 0.65 says, on a share `alike` of the items; then the honest ones."""
    truth = rng.integers(k, size=n)

    def one(right: float) -> np.ndarray:
        return np.where(rng.random(n) < right, truth, (truth + rng.integers(1, k, size=n)) % k)

    leader = one(0.65)
    said = [np.where(rng.random(n) < alike, leader, one(0.65)) for _ in range(copies)]
    table = np.stack([*said, *(one(right) for right in honest)], axis=1)
    return from_table(table.tolist(), truth.tolist(), k)


def right(name: str, annotations: Annotations) -> float:
    return accuracy(aggregator(name).fit(annotations).posterior, annotations.items.gold)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("alike", [1.0, 0.9])
def test_five_copies_do_not_outvote_three_honest_annotators(alike: float, k: int) -> None:
    """Of two choices three of 0.85 alone are right on 0.85^3 + 3 x 0.85^2 x 0.15 = 0.939; s.d. at 300 items 0.014.

    The copies are right on 0.65, which is where their majority takes the vote and one-coin.
    """
    for seed in range(2):
        annotations = copied(300, np.random.default_rng(seed), honest=[0.85] * 3, alike=alike, k=k)
        assert right("no-copies", annotations) > 0.939 - 5 * 0.014
        assert right("one-coin", annotations) < 0.75
        (block,) = blocks(annotations)
        assert block.members.tolist() == [0, 1, 2, 3, 4]
        assert block.dependence > 0.7
        assert 1 <= block.effective < 1.4


def test_copies_of_a_few_among_many_are_found_by_truths_as_well() -> None:
    rng = np.random.default_rng(3)
    annotations = copied(400, rng, honest=[0.8] * 9, copies=2)
    posterior = aggregator("one-coin").fit(annotations).posterior
    for found in (blocks(annotations), blocks(annotations, posterior)):
        assert [block.members.tolist() for block in found] == [[0, 1]]


def test_honest_annotators_who_agree_because_they_are_right_are_no_block() -> None:
    rng = np.random.default_rng(4)
    annotations = copied(400, rng, honest=[0.95] * 5, copies=3)
    assert [block.members.tolist() for block in blocks(annotations)] == [[0, 1, 2]]
    assert right("no-copies", annotations) >= right("one-coin", annotations) - 0.01


def test_without_copies_nothing_is_lost() -> None:
    """Crowds of 4 to 14 with reliabilities from 0.45 to 0.98: no block, so the very posterior of one-coin."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        honest = rng.uniform(0.45, 0.98, int(rng.integers(4, 15))).tolist()
        annotations = copied(int(rng.integers(60, 500)), rng, honest=honest, copies=0, k=int(rng.integers(2, 5)))
        assert blocks(annotations) == []
    one, other = (aggregator(name).fit(annotations).posterior for name in ("no-copies", "one-coin"))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_crowd_of_two_camps_alone_is_left_alone() -> None:
    """Copies and one other: nobody outside agrees with anybody, so it cannot be told who is right."""
    annotations = copied(300, np.random.default_rng(5), honest=[0.9], copies=3)
    assert blocks(annotations) == []


def test_few_items_in_common_are_none() -> None:
    annotations = copied(19, np.random.default_rng(6), honest=[0.85] * 3)
    assert blocks(annotations) == []


def test_agreement_is_the_product_of_r() -> None:
    """4,000 items of three choices: r = (3 s - 1) / 2; s.d. of agreement at most 1.5 x 0.5 / sqrt(4000) = 0.012."""
    pairs = _pairs(copied(4000, np.random.default_rng(7), honest=[0.9, 0.7, 0.4], copies=0, k=3))
    r = (3 * np.array([0.9, 0.7, 0.4]) - 1) / 2
    np.testing.assert_allclose(pairs.agreement, r[pairs.one] * r[pairs.other], atol=0.06)
    assert pairs.shared.tolist() == [4000] * 3


def test_members_and_outsiders_who_meet_only_each_other_tell_no_reliability() -> None:
    """Of 0, 1, 2 against 3, 4 just products r_a r_b are told, until 3 and 4 share items as well."""
    one, other = np.array([0, 0, 1, 0, 1, 2, 0, 1, 2, 3]), np.array([1, 2, 2, 3, 3, 3, 4, 4, 4, 4])
    agreement = np.array([0.95, 0.9, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.5])
    for count, told in ((9, False), (10, True)):
        pairs = Pairs(one[:count], other[:count], np.full(count, 1000.0), agreement[:count], 2.0, 5)
        free = np.ones(count, dtype=bool)
        assert _needed(pairs, np.array([0, 1, 2]), free, _lone(pairs, free)[0]) == told


def test_weights_by_hand() -> None:
    """Three of a block on the first item at rho 1/2: 1 / (1 + 2/2) = 1/2; one of it on the second: 1."""
    annotations = from_table([[0, 0, 1, 1], [0, -1, -1, 1]])
    weight = block_weights(annotations, [Block(np.array([0, 1, 2]), 0.5, 1.5, 9.0)])
    assert weight.tolist() == [0.5, 0.5, 0.5, 1.0, 1.0, 1.0]


def test_what_was_found_is_told() -> None:
    note = aggregator("no-copies").fit(copied(300, np.random.default_rng(0), honest=[0.85] * 3)).notes
    assert len(note) == 1
    assert "a0, a1, a2, a3, a4 agree far more with each other than with the rest" in note[0]
    assert "they are worth 1.0 annotators" in note[0]
