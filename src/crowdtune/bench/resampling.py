"""Intervals over splits and items: both are drawn again, an item that several splits test once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdtune.annotations import Floats, Ints

DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Resampled:
    """Draws of splits and of the items they test.

    Args:
        places: of each of S splits, (T,) which of U items it tests.
        times: (R, U) how often each item is in a draw.
        chosen: (R, S) weight of each split in a draw, rows sum to 1.
    """

    places: Sequence[Ints]
    times: Ints
    chosen: Floats

    def weights(self, split: int) -> Floats:
        """(R, T) how often each test item of a split counts."""
        return self.times[:, self.places[split]].astype(np.float64)

    def mean(self, values: Sequence[Floats]) -> Floats:
        """(R, ...) mean over splits of (R, ...) values of each, as often as it was drawn."""
        return np.asarray(np.einsum("rs,sr...->r...", self.chosen, np.stack(values)))


def resampled(items: Sequence[Sequence[str]], draws: int = DRAWS) -> Resampled:
    """Draw splits and items again; the same draws every time.

    Args:
        items: names of the test items of each split.
        draws: R.
    """
    names = sorted({name for own in items for name in own})
    place = {name: i for i, name in enumerate(names)}
    rng, size, splits = np.random.default_rng(0), len(names), len(items)
    times = rng.multinomial(size, np.full(size, 1 / size), size=draws)
    chosen = rng.multinomial(splits, np.full(splits, 1 / splits), size=draws) / splits
    return Resampled([np.array([place[name] for name in own], dtype=np.int64) for own in items], times, chosen)
