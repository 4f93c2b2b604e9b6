"""Which candidate is the next base. Oracle: the rule, with numbers on both sides of twice the standard error."""

from __future__ import annotations

import numpy as np
import pytest

from crowdtune.rounds.choose import best, verdict
from crowdtune.rounds.target import Gain, mean

TARGETS = [mean("first"), mean("second")]
SAFE = Gain(0.0, 0.1)


@pytest.mark.parametrize(
    ("first", "second", "accepted", "said"),
    [
        (Gain(0.21, 0.1), SAFE, True, "is above 0.2, twice its"),
        (Gain(0.19, 0.1), SAFE, False, "+0.19 of first on fresh samples is not above 0.2, twice its standard error"),
        (Gain(0.2, np.nan), SAFE, False, "one sample cannot tell"),
        (Gain(0.21, 0.1), Gain(-0.19, 0.1), True, "is above 0.2, twice its"),
        (Gain(0.21, 0.1), Gain(-0.21, 0.1), False, "second vetoes: -0.21"),
        (Gain(0.21, 0.1), Gain(-9.0, np.nan), True, "is above 0.2, twice its"),
    ],
)
def test_a_sure_gain_is_accepted_unless_another_target_surely_loses(
    first: Gain, second: Gain, accepted: bool, said: str
) -> None:
    found, why = verdict(TARGETS, {"first": first, "second": second})
    assert found == accepted
    assert said in why


def test_nothing_better_is_nothing_to_confirm() -> None:
    assert verdict(TARGETS, {}) == (False, "no candidate seemed better than the base")


def test_of_equals_the_first_is_best() -> None:
    found = {name: {"first": Gain(value, 0.1)} for name, value in {"a": 0.1, "b": 0.3, "c": 0.3}.items()}
    assert best(found, TARGETS[0], 2) == ["b", "c"]
