"""A game: what a coalition of annotators is worth, as the model says that their contributions train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from crowdtune.annotations import Bools, Floats

Worth = Callable[[Bools], Floats]  # (C, J) who is in which coalition -> (C, R) what each is worth, in R repeats


@dataclass(frozen=True, eq=False)
class Game:
    """Annotators, and what any coalition of them is worth.

    Args:
        players: J names.
        worth: membership (C, J) of C coalitions -> (C, R) worth of each, higher is better. The R repeats are alike and
            independent: seeds of a training, or of what is drawn of a model to judge it; a game without chance has one.
            Asked for many coalitions at once, so that they can be trained side by side.
    """

    players: tuple[str, ...]
    worth: Worth

    def __len__(self) -> int:
        return len(self.players)


@dataclass(eq=False)
class Remembered:
    """A game's worth asked once for each coalition, whichever estimators ask; call it as `Game.worth`."""

    worth: Worth
    known: dict[bytes, Floats] = field(default_factory=dict)

    def __call__(self, member: Bools) -> Floats:
        """(C, R) worth; coalitions not met before are asked for together."""
        keys = [np.packbits(row).tobytes() for row in member]
        new = {key: c for c, key in enumerate(keys) if key not in self.known}
        if new:
            found = self.worth(member[list(new.values())])
            self.known |= dict(zip(new, found, strict=True))
        return np.array([self.known[key] for key in keys])

    def __len__(self) -> int:
        """Distinct coalitions asked for."""
        return len(self.known)


@dataclass(frozen=True, eq=False)
class Credit:
    """What each of J annotators is credited with.

    Args:
        method: name of the estimator.
        players: J names.
        values: (J,) in units of the game's worth.
        error: (J,) standard errors; NaN where nothing tells.
        coalitions: distinct coalitions that had to be trained.
    """

    method: str
    players: tuple[str, ...]
    values: Floats
    error: Floats
    coalitions: int

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """(J,) lower and (J,) upper ends, by the normal distribution."""
        from scipy.special import ndtri

        reach = float(ndtri(0.5 + level / 2)) * self.error
        return self.values - reach, self.values + reach
