"""Oracles: sets and order statistics."""

from __future__ import annotations

import numpy as np

from crowdtune.training.dataset import LengthGrouped


def test_every_item_comes_once_and_neighbours_have_like_lengths() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 1003)
    sampler = LengthGrouped(lengths.tolist(), 16, seed=1)
    order = list(sampler)
    assert sorted(order) == list(range(1003))
    grouped = np.mean([np.ptp(lengths[order[i : i + 16]]) for i in range(0, 1003, 16)])
    shuffled = np.mean([np.ptp(lengths[i : i + 16]) for i in range(0, 1003, 16)])
    assert grouped < shuffled / 5
    assert lengths[order[:16]].max() == lengths.max()


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = LengthGrouped([1] * 50, 4, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0, 1) == order(0, 1)
    assert order(0, 0) != order(0, 1) != order(1, 1)


def test_a_single_short_batch_is_enough() -> None:
    assert list(LengthGrouped([3], 4, 0)) == [0]
